"""The honest gate: is this photo, and this pose, something that the network knows? Said in words, never refused.

`seen.py` describes the poses of a training set in a few kilobytes, `checks.py` holds photo and poses against it and against
what was measured (docs/limits.md).
"""

from posetransfer.gate.checks import Finding, Gate, Limits
from posetransfer.gate.seen import POSES, Seen

__all__ = ["POSES", "Finding", "Gate", "Limits", "Seen"]
