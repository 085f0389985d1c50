"""Results as text: one table, the published figures beside ours where protocol and recipe are the same."""

from __future__ import annotations

from collections.abc import Sequence

from posetransfer.evaluation.compare import Comparison
from posetransfer.evaluation.published import PUBLISHED, published
from posetransfer.evaluation.results import Results, Score

SHOWN = 3  # published methods beside a score; all of them are in docs/evaluation.md and in the report


def text_table(results: Results) -> str:
    """The scores, their intervals, what they look through, and the paper's and later methods' figures under this protocol."""
    rows = [["score", "value", "95 % interval", "pairs", "network", "published under this protocol"]]
    for score in results.scores:
        rows.append([score.name, *_figures(score), str(score.n), score.network or "-", _published(results.protocol, score.name)])
    sizes = ", ".join(f"{count} of {size}" for size, count in results.sizes.items())
    lines = [f"protocol {results.protocol}, {results.pairs} pairs ({sizes})", *_aligned(rows), *_sources(results)]
    lines += [f"note: {note}" for note in results.notes]
    lines += [f"note: {score.name}: {score.note}" for score in results.scores if score.note]
    return "\n".join(lines)


def comparison_table(comparison: Comparison, first: str, second: str) -> str:
    """Two runs side by side, and whether they differ by more than chance."""
    rows = [["score", "first", "second", "difference", "95 % interval", "second is"]]
    for score in comparison.scores:
        difference = score.difference
        interval = f"{difference.low:+.4f} .. {difference.high:+.4f}"
        rows.append([score.name, f"{score.first:.4f}", f"{score.second:.4f}", f"{difference.value:+.4f}", interval, score.verdict])
    head = f"protocol {comparison.first.protocol}, {comparison.pairs} pairs in both; first: {first}, second: {second}"
    left_out = [f"note: {comparison.left_out} pairs are in one of them only and left out"] if comparison.left_out else []
    return "\n".join([head, *_aligned(rows), *left_out])


def _figures(score: Score) -> list[str]:
    if score.value is None:
        return ["unknown", "-"]
    digits = 2 if abs(score.value) >= 10 else 4
    if score.low is None or score.high is None:
        return [f"{score.value:.{digits}f}", "-"]
    return [f"{score.value:.{digits}f}", f"{score.low:.{digits}f} .. {score.high:.{digits}f}"]


def _published(protocol: str, name: str) -> str:
    found = published(protocol, name)
    shown = " | ".join(f"{method} {value:g}" for method, value, _ in found[:SHOWN])
    return shown + (f" | {len(found) - SHOWN} more" if len(found) > SHOWN else "") if found else "-"


def _sources(results: Results) -> list[str]:
    """Where the published figures come from."""
    names = {score.name for score in results.scores}
    sources = dict.fromkeys(row.source for row in PUBLISHED if row.protocol == results.protocol and names & row.scores.keys())
    return [f"published: {'; '.join(sources)}"] if sources else []


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of one width; a line under the head.

    >>> _aligned([["a", "bb"], ["ccc", "d"]])
    ['a    bb', '---  --', 'ccc  d']
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
