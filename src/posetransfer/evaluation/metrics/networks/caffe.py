"""Reads the weights out of a .caffemodel: a protocol buffer of layers, each with a name and blobs.

Only four messages matter (caffe.proto): NetParameter.layer = 100; LayerParameter.name = 1, .blobs = 7; BlobProto.data = 5,
.shape = 7; BlobShape.dim = 1. Files from before 2014 keep their layers in field 2 and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posetransfer.errors import DataError

Floats = npt.NDArray[np.float32]

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5


def read_caffe_model(path: Path) -> dict[str, list[Floats]]:
    """The blobs of every layer that has some, by the layer's name.

    Raises:
        DataError: the file cannot be read, or it is no Caffe model.
    """
    try:
        layers = {}
        for number, layer in _fields(memoryview(path.read_bytes())):
            if number == 100:
                name, blobs = _layer(_message(layer))
                if blobs:
                    layers[name] = blobs
    except OSError as error:
        raise DataError(f"{path}: the weights cannot be opened ({error.strerror}); give a .caffemodel file.") from error
    except (IndexError, ValueError) as error:
        raise DataError(f"{path}: not a Caffe model, or a damaged one ({error}); copy the file anew.") from error
    if not layers:
        raise DataError(f"{path}: no layer with weights in it; give a .caffemodel of Caffe 1, not a .prototxt.")
    return layers


def _layer(message: memoryview) -> tuple[str, list[Floats]]:
    name, blobs = "", []
    for number, value in _fields(message):
        if number == 1:
            name = bytes(_message(value)).decode()
        elif number == 7:
            blobs.append(_blob(_message(value)))
    return name, blobs


def _blob(message: memoryview) -> Floats:
    shape, parts = [], []
    for number, value in _fields(message):
        if number == 5:  # packed, as every Caffe writes it, or one by one
            parts.append(np.frombuffer(_message(value), "<f4"))
        elif number == 7:
            shape = _dimensions(_message(value))
    data = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return data.reshape(shape).astype(np.float32)


def _dimensions(message: memoryview) -> list[int]:
    found: list[int] = []
    for number, value in _fields(message):
        if number != 1:
            continue
        if isinstance(value, int):
            found.append(value)
            continue
        place = 0
        while place < len(value):
            one, place = _varint(value, place)
            found.append(one)
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and content of each field: whole numbers as they are, everything else as its bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        length = {FIXED_64: 8, FIXED_32: 4}.get(kind)
        if kind == BYTES:
            length, place = _varint(message, place)
        if length is None or place + length > len(message):
            raise ValueError(f"field {number} of kind {kind} at byte {place}")
        yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number in steps of seven bits, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > 63:
            raise ValueError(f"a number without end at byte {place}")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value
