"""From the content of a pose file to the people in it, whatever program wrote it. `formats.py` is the door to this.

Nothing here looks at a file's name: what a file is, its content says.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from posetransfer.errors import PoseError
from posetransfer.pose.pose import Points
from posetransfer.pose.skeleton import BODY25, COCO17, INDEX, KEYPOINTS

Format = Literal["posetransfer", "openpose-18", "openpose-25", "coco-17", "patn-rows", "numpy"]

ORDERS = {17: COCO17, 18: KEYPOINTS, 25: BODY25}
"""The number of joints says their order."""

MARK = "posetransfer-pose"
"""The value of "format" in our own JSON."""

EXPECTED = "OpenPose JSON (18 or 25 joints), COCO JSON (17), rows of name:y:x, NumPy .npy, or our own JSON was expected"

ROW = re.compile(r"^(?P<name>[^\[\]]*?)\s*:\s*(?P<y>\[.*?\])\s*:\s*(?P<x>\[.*?\])\s*$")
HEADER = re.compile(r"^\s*name\s*:\s*keypoints_y\s*:\s*keypoints_x\s*$")


@dataclass(frozen=True)
class Person:
    """One person as the file has it.

    `numbers` are (n, 3): x, y and confidence, NaN = missing, in the order of `joints`.
    """

    joints: tuple[str, ...]
    numbers: Points
    size: tuple[int, int] | None = None
    name: str | None = None


def parse(content: bytes, name: str) -> tuple[Format, list[Person]]:
    """Tell the format and read everybody.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        PoseError: unknown or damaged format; NaN or words where numbers belong; a number of joints that nobody uses.
    """
    if content.startswith(b"\x93NUMPY"):
        return "numpy", from_array(_load_array(content, name), name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PoseError(f"{name}: this is not a pose file (neither text nor a NumPy array); {EXPECTED}.") from error
    if text.lstrip()[:1] in ("{", "["):
        return from_json(_load_json(text, name), name)
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and HEADER.match(lines[0]):
        lines = lines[1:]
    if lines and ROW.match(lines[0]):
        return "patn-rows", [_from_row(line, f"{name}, row {i}") for i, line in enumerate(lines, start=1)]
    _unknown(name, "nothing in it looks like joints")


def from_array(array: npt.NDArray[Any], name: str) -> list[Person]:
    """People of a NumPy array: (n, 2) or (n, 3) for one, (people, n, 2 or 3) for several; n is 17, 18 or 25. NaN = missing."""
    if array.dtype.kind not in "fiu" or array.ndim not in (2, 3) or array.shape[-2] not in ORDERS or array.shape[-1] not in (2, 3):
        _unknown(name, f"an array of {array.dtype} with shape {array.shape} holds no 17, 18 or 25 joints (x, y) or (x, y, score)")
    numbers = array.astype(np.float64).reshape(-1, *array.shape[-2:])
    return [Person(ORDERS[array.shape[-2]], _with_missing(person)) for person in numbers]


def from_json(data: Any, name: str) -> tuple[Format, list[Person]]:
    """People of decoded JSON: our own form, OpenPose's, COCO's, an editor's, or plain lists of joints."""
    if isinstance(data, list) and len(data) == 1 and isinstance(data[0], Mapping) and "people" in data[0]:
        data = data[0]  # ComfyUI's editor wraps the frame in a list
    if isinstance(data, Mapping):
        if data.get("format") == MARK:
            return "posetransfer", _from_ours(data, name)
        if "people" in data:
            return _named(_from_openpose(data, name), name)
        if "annotations" in data:
            return _named(_from_coco(data, name), name)
        if "keypoints" in data:
            return _named([replace(p, size=_canvas(data, name)) for p in _from_entry(data, name)], name)
    if isinstance(data, list) and data:
        if isinstance(data[0], Mapping) and all(isinstance(entry, Mapping) and "keypoints" in entry for entry in data):
            people = [p for i, entry in enumerate(data) for p in _from_entry(entry, f"{name}, entry {i}")]
            return _named(people, name)
        if not isinstance(data[0], Mapping):
            return _named(_from_lists(data, name), name)
    keys = f"its keys are {', '.join(map(repr, list(data)[:6]))}" if isinstance(data, Mapping) and data else "it holds no joints"
    _unknown(name, keys)


def _named(people: list[Person], name: str) -> tuple[Format, list[Person]]:
    if not people:
        raise PoseError(f"{name}: the list of people is empty; a file with at least one person was expected.")
    formats: dict[int, Format] = {17: "coco-17", 18: "openpose-18", 25: "openpose-25"}
    return formats[len(people[0].joints)], people


def _from_ours(data: Mapping[str, Any], name: str) -> list[Person]:
    size = _size(data.get("size"), name)
    if size is None or not isinstance(data.get("people"), list) or not all(isinstance(p, Mapping) for p in data["people"]):
        raise PoseError(
            f'{name}: our own pose format needs "size": [height, width] and "people": [{{joint: [x, y]}}]; write it with write_pose.'
        )
    people = []
    for joints in data["people"]:
        numbers = np.full((18, 3), np.nan)
        for joint, value in joints.items():
            if joint not in INDEX:
                raise PoseError(f"{name}: unknown joint {joint!r}; the joints are {', '.join(KEYPOINTS)}.")
            if value is not None:
                row = _numbers(value, name)
                if row.shape not in ((2,), (3,)):
                    raise PoseError(f"{name}: joint {joint} is {value}; [x, y] or [x, y, score] was expected.")
                numbers[INDEX[joint]] = row if len(row) == 3 else [*row, 1.0]
        people.append(Person(KEYPOINTS, numbers, size))
    if not people:
        raise PoseError(f"{name}: the list of people is empty; a file with at least one person was expected.")
    return people


def _from_openpose(data: Mapping[str, Any], name: str) -> list[Person]:
    people = data["people"]
    if not isinstance(people, list) or not all(isinstance(person, Mapping) for person in people):
        _unknown(name, '"people" is not a list of people')
    found = []
    for i, person in enumerate(people):
        joints = next((person[key] for key in ("pose_keypoints_2d", "pose_keypoints", "keypoints") if person.get(key)), None)
        if joints is None:
            if "pose_keypoints_2d" not in person:
                _unknown(name, f'person {i} has no "pose_keypoints_2d"')
            continue  # editors write null or an empty list for a person of whom only a hand or a face is known
        found += [replace(p, size=_canvas(data, name)) for p in _from_lists(joints, f"{name}, person {i}", triples=True)]
    return found


def _from_coco(data: Mapping[str, Any], name: str) -> list[Person]:
    """A whole COCO data set: each annotation is a person, in the size of the image that it names."""
    annotations, images = data["annotations"], data.get("images") or []
    if not isinstance(annotations, list) or not isinstance(images, list):
        _unknown(name, '"annotations" is not a list')
    sizes = {image.get("id"): _canvas(image, name) for image in images if isinstance(image, Mapping)}
    found = []
    for i, entry in enumerate(annotations):
        if isinstance(entry, Mapping) and "keypoints" in entry:
            size = sizes.get(entry.get("image_id"))
            found += [replace(p, size=size) for p in _from_entry(entry, f"{name}, annotation {i}")]
    return found


def _from_entry(entry: Mapping[str, Any], name: str) -> list[Person]:
    """A dictionary with "keypoints" (a COCO annotation, a result list, an editor), and perhaps "keypoint_scores" (MMPose)."""
    people = _from_lists(entry["keypoints"], name, triples=True)
    scores = entry.get("keypoint_scores")
    if scores is None:
        return people
    values = _numbers(scores, name).ravel()
    if len(people) != 1 or len(values) != len(people[0].joints):
        raise PoseError(f"{name}: {len(values)} keypoint_scores do not fit {len(people[0].joints)} joints; one score a joint was expected.")
    numbers = people[0].numbers.copy()
    numbers[:, 2] = np.where(np.isnan(numbers[:, 0]), np.nan, values)
    return [replace(people[0], numbers=numbers)]


def _from_lists(value: Any, name: str, triples: bool = False) -> list[Person]:
    """Joints as one flat list of numbers, a list of joints, or a list of people."""
    numbers = _numbers(value, name)
    if numbers.ndim == 1:
        widths = [w for w in (3, 2) if numbers.size % w == 0 and numbers.size // w in ORDERS]
        if not widths:
            what = f"{numbers.size / 3:g} joints" if triples else f"{numbers.size} numbers"
            _unknown(name, f"it has {what}, and nobody's skeleton has so many")
        numbers = numbers.reshape(-1, widths[0])
    if numbers.ndim == 2 and numbers.shape[0] > 25 and numbers.shape[0] % 18 == 0:
        numbers = numbers.reshape(-1, 18, numbers.shape[1])  # an editor's way to write several people
    if numbers.ndim == 2:
        numbers = numbers[None]
    if numbers.ndim != 3 or numbers.shape[1] not in ORDERS or numbers.shape[2] not in (2, 3):
        _unknown(name, f"numbers of shape {numbers.shape} are not 17, 18 or 25 joints (x, y) or (x, y, score)")
    return [Person(ORDERS[numbers.shape[1]], _with_missing(person)) for person in numbers]


def _from_row(line: str, name: str) -> Person:
    match = ROW.match(line)
    if match is None:
        raise PoseError(f"{name}: {line[:60]!r} is not name:[18 y]:[18 x]; take the file as the authors' tools write it.")
    # Under numpy 2 the authors' writer prints np.int64(31) for 31
    y, x = (_numbers(_load_json(re.sub(r"np\.\w+\(([^()]*)\)", r"\1", match[axis]), name), name) for axis in "yx")
    if y.shape != (18,) or x.shape != (18,):
        raise PoseError(f"{name}: {y.size} y and {x.size} x; 18 of each were expected, -1 for a missing joint.")
    numbers = np.stack([x, y, np.ones(18)], axis=1)
    numbers[(x == -1) | (y == -1)] = np.nan
    return Person(KEYPOINTS, numbers, name=match["name"].strip())


def _with_missing(numbers: Points) -> Points:
    """(n, 2 or 3) -> (n, 3) with NaN where the file says missing: confidence 0, or (0, 0), or (-1, -1), or NaN."""
    if numbers.shape[1] == 2:
        numbers = np.column_stack([numbers, np.ones(len(numbers))])
    x, y, confidence = numbers.T
    missing = np.isnan(numbers[:, :2]).any(axis=1) | (confidence <= 0) | ((x == 0) & (y == 0)) | ((x == -1) & (y == -1))
    if np.nanmax(confidence, initial=0) > 1:  # COCO's visibility: 1 hidden, 2 seen, both placed by hand
        confidence = np.minimum(confidence, 1)
    return np.where(missing[:, None], np.nan, np.column_stack([x, y, confidence]))


def _numbers(value: Any, name: str) -> Points:
    """A list, or lists in lists, as float64; null stands for a missing joint."""
    if isinstance(value, list) and any(entry is None for entry in value):
        width = max((len(entry) for entry in value if isinstance(entry, list)), default=2)
        value = [[0.0] * width if entry is None else entry for entry in value]
    if not _only_numbers(value):
        raise PoseError(f"{name}: there is something else than numbers among the joints; lists of numbers were expected.")
    try:
        return np.array(value, dtype=np.float64)
    except (ValueError, OverflowError) as error:
        raise PoseError(f"{name}: the lists of joints are of unequal length; every joint needs as many numbers.") from error


def _only_numbers(value: Any) -> bool:
    if isinstance(value, list):
        return all(_only_numbers(entry) for entry in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _canvas(data: Mapping[str, Any], name: str) -> tuple[int, int] | None:
    for height, width in (("canvas_height", "canvas_width"), ("height", "width")):
        if data.get(height) is not None and data.get(width) is not None:
            return _size([data[height], data[width]], name)
    return None


def _size(value: Any, name: str) -> tuple[int, int] | None:
    if value is None:
        return None
    right = isinstance(value, Sequence) and len(value) == 2 and _only_numbers(list(value))
    if not right or not all(1 <= side < 1e6 for side in value):
        raise PoseError(f"{name}: the picture's size is given as {value}; height and width in pixels were expected.")
    return round(value[0]), round(value[1])


def _load_json(text: str, name: str) -> Any:
    def constant(word: str) -> NoReturn:
        raise PoseError(f"{name}: it contains {word}, which is no coordinate; leave a missing joint out, or write 0, 0, 0.")

    try:
        return json.loads(text, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise PoseError(f"{name}: damaged JSON (line {error.lineno}: {error.msg}); get the whole file again.") from error
    except (RecursionError, ValueError) as error:
        raise PoseError(f"{name}: this JSON is no pose file; {EXPECTED}.") from error


def _load_array(content: bytes, name: str) -> npt.NDArray[Any]:
    """The header is checked first: it may promise more numbers than the file has."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if not 0 < np.prod(shape, dtype=np.float64) * dtype.itemsize <= len(content):
            raise ValueError(f"shape {shape}, but {len(content)} bytes")
        file.seek(0)
        return np.asarray(np.load(file, allow_pickle=False))
    except Exception as error:
        raise PoseError(f"{name}: damaged NumPy file ({error}); write it again with np.save from an array of numbers.") from error


def _unknown(name: str, what: str) -> NoReturn:
    raise PoseError(f"{name}: unknown pose format: {what}; {EXPECTED}.")
