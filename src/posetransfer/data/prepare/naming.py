"""File names of a prepared folder, made of the user's own: any system can hold them, and no two are alike."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata

LONGEST = 150  # bytes: a picture's mask and temporary name must fit in 255 too


def safe_stem(path: str) -> str:
    """A relative path without its ending as one file name.

    >>> safe_stem("Zoë Müller/IMG 1.jpg")
    'Zoë Müller__IMG 1'
    """
    text = os.fsencode(os.path.splitext(path)[0]).decode("utf-8", "replace")
    text = unicodedata.normalize("NFC", text).replace("/", "__")
    text = re.sub(r'[\x00-\x1f\x7f:*?"<>|\\,]', "_", text).strip(" .") or "picture"
    if len(text.encode()) > LONGEST:
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        text = text.encode()[: LONGEST - 9].decode(errors="ignore") + "-" + digest
    return text


def distinct(stems: list[str]) -> list[str]:
    """The same names, with -2, -3, … behind those that came before (also where only capitals differ).

    >>> distinct(["a", "A", "b", "a-2"])
    ['a', 'A-2', 'b', 'a-2-2']
    """
    taken: set[str] = set()
    result = []
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        result.append(name)
    return result
