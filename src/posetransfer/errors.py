"""Every error that a user can meet.

    PoseTransferError
    ├── PhotoError          a picture that cannot be read, or is too large
    ├── PoseError           a pose that cannot be read, or does not make sense
    │   ├── UnknownPose     neither a file nor a name of the shipped library
    │   └── NoPersonFound   the estimator saw nobody, or too few joints
    ├── WeightsError        a weights folder or file that cannot be used
    ├── DataError           a data set that is incomplete or malformed
    ├── SettingsError       settings that contradict each other or the files they meet
    ├── TrainingError       a run that cannot go on
    ├── OutputError         a file or folder that cannot be written
    └── MissingExtra        an optional package is not installed

The command line prints the message (one sentence: what is wrong, what was expected, what to do)
and exits with 1. A slip of our own is an `assert` or a `ValueError`, never one of these.
"""


class PoseTransferError(Exception):
    """Base class of everything a user can meet."""


class PhotoError(PoseTransferError):
    """A picture that cannot be read, or is too large to be read safely."""


class PoseError(PoseTransferError):
    """A pose that cannot be read or does not make sense."""


class UnknownPose(PoseError):
    """A word that is neither a file nor the name of a pose of the shipped library."""


class NoPersonFound(PoseError):
    """The estimator saw nobody in the picture, or too few joints."""


class WeightsError(PoseTransferError):
    """A weights folder or file that cannot be used."""


class DataError(PoseTransferError):
    """A data set that is incomplete or malformed."""


class SettingsError(PoseTransferError):
    """Settings that contradict each other or the files they meet."""


class TrainingError(PoseTransferError):
    """A training run that cannot go on."""


class OutputError(PoseTransferError):
    """A file or folder that cannot be written."""


class MissingExtra(PoseTransferError):
    """A package is not installed: of an extra, or (extra None) one that every installation has."""

    def __init__(self, package: str, extra: str | None) -> None:
        how = f"it is needed here: pip install 'posetransfer[{extra}]'"
        if extra is None:
            how = f"posetransfer cannot do without it, so this installation is incomplete: pip install {package}"
        super().__init__(f"{package} is not installed; {how}.")
