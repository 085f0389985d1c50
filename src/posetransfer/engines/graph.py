"""The network as an ONNX graph, written from settings and arrays: no torch, no exporter.

It computes what `networks.Generator` computes. Batch norms are folded into the convolutions before them, and what no
output needs (the last block's joined code) is left out. Batch, height and width are free; height and width must be divisible by 4.

In two parts the graph serves many poses of one photo. What depends on the source alone is `part="source"`:

    code     (B, 4n, H/4, W/4)  the photo's code
    branch   (B, 4n, H/4, W/4)  the first block's picture branch of that code
    half     (B, n, H, W)       the pose encoder's first convolution of the source's 18 maps

`part="target"` takes these, with the same batch or a batch of 1, and the target's maps.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto

from posetransfer.engines.layers import Layers, Value, value
from posetransfer.errors import SettingsError
from posetransfer.pose.heatmaps import FAINTEST
from posetransfer.weights import Weights

Part = Literal["whole", "source", "target"]

KEYPOINT_MAPS = 18
LARGEST = 1 << 31
"""Bytes of a protobuf file."""
FAR = 1e6
"""Pixels: as far away as no picture reaches, and its square still a float. Missing joints are put there."""


def build_graph(weights: Weights, part: Part = "whole", joints: bool = False, attention: bool = False) -> ModelProto:
    """Write the graph of a generator.

    Args:
        weights: settings and tensors.
        part: `whole`: photo, source_pose, target_pose -> picture; `source`: photo, source_pose -> code, branch, half;
            `target`: code, branch, half, target_pose -> picture. All float32, as `Engine.run` has them.
        joints: whole only: photo uint8 (batch, height, width, 3), source_joints and target_joints float32 (batch, 18, 2) as
            (x, y) in pixels, NaN = missing -> picture uint8 (batch, height, width, 3). Heat maps are drawn as the weights read them.
        attention: whole only, without joints: the outputs are masks (blocks, batch, height/4, width/4) and, in place of
            picture, pictures (blocks * batch, 3, height, width): the code behind each block as the decoder paints it.

    Raises:
        SettingsError: a network that has no parts or no attention, or is too large for a file of this kind.
    """
    config = weights.config
    if config.transfer == "residual" and (part != "whole" or attention):
        raise SettingsError("weights of a plain residual generator (transfer: residual) have no parts and no attention; run them whole.")
    if part != "whole" and (joints or attention):
        raise ValueError("joints and attention belong to the whole graph")
    if sum(array.size for array in weights.tensors.values()) * 4 > LARGEST - (1 << 20):
        raise SettingsError(f"{weights.folder}: this network is larger than the 2 GB that an ONNX file can hold; use the engine pytorch.")
    layers = Layers(weights)
    if part == "source":
        return _source(layers)
    if part == "target":
        return _target(layers)
    return _from_joints(layers) if joints else _whole(layers, attention)


def _whole(layers: Layers, attention: bool) -> ModelProto:
    inputs = [_photo(), _maps("source_pose"), _maps("target_pose")]
    masks, codes = _network(layers, "photo", "source_pose", "target_pose")
    if not attention:
        _decoder(layers, codes[-1], "picture")
        return layers.model("posetransfer", inputs, [_picture()])
    means = [layers.node("ReduceMean", mask, axes=[1], keepdims=1) for mask in masks]  # (B, 1, h, w)
    layers.node("Transpose", layers.node("Concat", *means, axis=1), name="masks", perm=[1, 0, 2, 3])
    _decoder(layers, layers.node("Concat", *codes, axis=0), "pictures")
    blocks = layers.config.blocks
    outputs = [value("masks", (blocks, "batch", "height/4", "width/4")), value("pictures", ("pictures", 3, "height", "width"))]
    return layers.model("posetransfer_attention", inputs, outputs)


def _source(layers: Layers) -> ModelProto:
    code = _encoder(layers, "photo", "photo_encoder")
    layers.node("Identity", code, name="code")
    layers.node("Identity", _branch(layers, code, "blocks.0.picture"), name="branch")
    half = layers.conv("source_pose", *_FIRST, inputs=slice(0, KEYPOINT_MAPS), normalise=False)
    layers.node("Identity", half, name="half")
    return layers.model("posetransfer_source", [_photo(), _maps("source_pose")], _halfway(layers, "batch"))


def _target(layers: Layers) -> ModelProto:
    half = layers.conv("target_pose", *_FIRST, inputs=slice(KEYPOINT_MAPS, None), bias=False, normalise=False)
    pose = layers.node("Add", half, "half")  # (B, n, H, W): the convolution of both poses
    if layers.config.norm == "instance":
        pose = layers.instance_norm(pose, layers.config.width)
    pose = _smaller(layers, layers.node("Relu", pose), "pose_encoder")
    _, codes = _blocks(layers, "code", pose, branch="branch")
    _decoder(layers, codes[-1], "picture")
    return layers.model("posetransfer_target", [*_halfway(layers, "source"), _maps("target_pose")], [_picture()])


def _from_joints(layers: Layers) -> ModelProto:
    """uint8 picture and joints in, uint8 picture out."""
    number = {"half": layers.constant("half_of_255", 127.5), "one": layers.constant("one", 1.0)}
    photo = layers.node("Transpose", layers.node("Cast", "photo", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    photo = layers.node("Sub", layers.node("Div", photo, number["half"]), number["one"])
    maps = [_heatmaps(layers, f"{pose}_joints") for pose in ("source", "target")]
    _, codes = _network(layers, photo, *maps)
    painted = _decoder(layers, codes[-1])
    grey = layers.node("Round", layers.node("Mul", layers.node("Add", painted, number["one"]), number["half"]))
    grey = layers.node("Transpose", grey, perm=[0, 2, 3, 1])
    layers.node("Cast", grey, name="picture", to=TensorProto.UINT8)  # tanh keeps it within 0 and 255
    shape = ("batch", "height", "width", 3)
    inputs = [value("photo", shape, TensorProto.UINT8), *(value(f"{pose}_joints", ("batch", 18, 2)) for pose in ("source", "target"))]
    return layers.model("posetransfer_joints", inputs, [value("picture", shape, TensorProto.UINT8)])


def _heatmaps(layers: Layers, joints: Value) -> Value:
    """(B, 18, 2) to (B, 18, H, W), as `pose.heatmaps.draw_heatmaps` draws them; H and W are those of the photo."""
    missing = layers.node("Cast", layers.node("IsNaN", joints), to=TensorProto.FLOAT)
    missing = layers.node("Cast", layers.node("ReduceMax", missing, axes=[2], keepdims=1), to=TensorProto.BOOL)  # x or y
    joints = layers.node("Where", missing, layers.constant("far", FAR), joints)
    profiles = [_profile(layers, joints, coordinate=axis, side=side) for axis, side in ((1, 1), (0, 2))]
    rows = layers.node("Unsqueeze", profiles[0], layers.constant("axis_3", [3], np.int64))
    columns = layers.node("Unsqueeze", profiles[1], layers.constant("axis_2", [2], np.int64))
    return layers.node("Mul", rows, columns)


def _profile(layers: Layers, joints: Value, coordinate: int, side: int) -> Value:
    """A bump or spike along one side of the photo: (B, 18, 2) to (B, 18, length)."""
    zero, one = layers.constant("int_0", 0, np.int64), layers.constant("int_1", 1, np.int64)
    at = layers.node("Gather", joints, layers.constant(f"index_{coordinate}", [coordinate], np.int64), axis=2)  # (B, 18, 1)
    length = layers.node("Gather", layers.node("Shape", "photo"), layers.constant(f"int_{side}", side, np.int64), axis=0)
    pixels = layers.node("Cast", layers.node("Range", zero, length, one), to=TensorProto.FLOAT)
    if layers.config.heatmaps == "impulse":
        return layers.node("Cast", layers.node("Equal", layers.node("Round", at), pixels), to=TensorProto.FLOAT)
    distance = layers.node("Sub", at, pixels)
    square = layers.node("Mul", distance, distance)
    bump = layers.node("Exp", layers.node("Mul", square, layers.constant("steepness", -1 / (2 * layers.config.sigma**2))))
    return layers.node("Where", layers.node("Less", bump, layers.constant("faintest", FAINTEST)), layers.constant("nothing", 0.0), bump)


def _network(layers: Layers, photo: Value, source: Value, target: Value) -> tuple[list[Value], list[Value]]:
    """The generator up to its decoder, or the plain one of the ablation: masks and picture codes of all blocks."""
    if layers.config.transfer == "residual":
        code = _encoder(layers, layers.node("Concat", photo, source, target, axis=1), "photo_encoder")
        for t in range(layers.config.blocks):
            code = layers.node("Add", code, _branch(layers, code, f"blocks.{t}.branch"))
        return [], [code]
    code = _encoder(layers, photo, "photo_encoder")
    pose = _encoder(layers, layers.node("Concat", source, target, axis=1), "pose_encoder")
    return _blocks(layers, code, pose)


def _blocks(layers: Layers, code: Value, pose: Value, branch: Value = "") -> tuple[list[Value], list[Value]]:
    """All transfer blocks (`networks.blocks`); `branch` is the first block's picture branch if it is known."""
    config = layers.config
    masks: list[Value] = []
    codes: list[Value] = []
    for t in range(config.blocks):
        pose = _branch(layers, pose, f"blocks.{t}.pose", last_norm=False)
        masks.append(layers.node("Sigmoid", pose, name=f"blocks.{t}.mask"))
        change = branch if branch and t == 0 else _branch(layers, code, f"blocks.{t}.picture")
        change = layers.node("Mul", masks[-1], change)
        code = change if config.transfer == "no_addition" else layers.node("Add", change, code)
        codes.append(code)
        if config.transfer != "no_concatenation" and t + 1 < config.blocks:  # nothing reads the last one
            pose = layers.node("Concat", pose, code, axis=1)
    return masks, codes


_FIRST = "pose_encoder.0.0", "pose_encoder.0.1"


def _encoder(layers: Layers, x: Value, name: str) -> Value:
    return _smaller(layers, layers.conv(x, f"{name}.0.0", f"{name}.0.1", relu=True), name)


def _smaller(layers: Layers, x: Value, name: str) -> Value:
    """The two convolutions of an encoder that halve the size."""
    for step in (1, 2):
        x = layers.conv(x, f"{name}.{step}.0", f"{name}.{step}.1", stride=2, relu=True)
    return x


def _branch(layers: Layers, x: Value, name: str, last_norm: bool = True) -> Value:
    x = layers.conv(x, f"{name}.0.0", f"{name}.0.1", relu=True)
    return layers.conv(x, f"{name}.2", f"{name}.3" if last_norm else None)


def _decoder(layers: Layers, x: Value, output: Value = "") -> Value:
    for step in (0, 1):
        x = layers.double(x, f"decoder.{step}.0", f"decoder.{step}.1")
    return layers.node("Tanh", layers.conv(x, "decoder.2"), name=output)


def _photo() -> ValueInfoProto:
    return value("photo", ("batch", 3, "height", "width"))


def _maps(name: str) -> ValueInfoProto:
    return value(name, ("batch", KEYPOINT_MAPS, "height", "width"))


def _picture() -> ValueInfoProto:
    return value("picture", ("batch", 3, "height", "width"))


def _halfway(layers: Layers, batch: str) -> list[ValueInfoProto]:
    """What goes from the first part to the second; its batch may differ from the target's (1)."""
    n = layers.config.width
    small = (batch, 4 * n, "height/4", "width/4")
    return [value("code", small), value("branch", small), value("half", (batch, n, "height", "width"))]
