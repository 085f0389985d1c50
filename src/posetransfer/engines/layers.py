"""Layers of the network as ONNX nodes: convolutions with their norm, padding and activation, folded where that is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from posetransfer.weights import Weights

OPSET, IR_VERSION = 17, 8
"""Old enough for every runtime that is still maintained; from 18 on, reductions take their axes as inputs, which some do not read."""

EPSILON = 1e-5  # torch's default of both norms

Value = str
"""The name of a value of the graph."""


class Layers:
    """Writes nodes one behind the other; each method returns the name of what its last node gives.

    Args:
        weights: settings and tensors; only the tensors that are asked for come into the graph.
    """

    def __init__(self, weights: Weights) -> None:
        self.config = weights.config
        self._tensors = weights.tensors
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def node(self, kind: str, *inputs: Value, name: Value = "", **attributes: Any) -> Value:
        """One operator; its value is called `name`, by default after its kind and number."""
        name = name or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, array: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> Value:
        """A number or array that is part of the graph; asked for twice, it is stored once."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array, dtype), name)
        return name

    def conv(
        self,
        x: Value,
        name: str,
        norm: str | None = None,
        *,
        stride: int = 1,
        relu: bool = False,
        inputs: slice = slice(None),
        bias: bool = True,
        normalise: bool = True,
    ) -> Value:
        """Convolution, its norm and perhaps ReLU; a stride of 1 pads by reflection, one of 2 with zeros.

        Args:
            x: (B, C, h, w).
            name: of the tensors; `norm` that of the norm's tensors, None for a convolution without a norm.
            stride: 1 or 2.
            relu: ReLU behind the norm.
            inputs: the input channels that `x` holds; the convolution is linear, so parts of it may be added up.
            bias: add the bias, of which a sum of parts needs only one.
            normalise: False leaves an instance norm away (a batch norm is folded in any case).
        """
        weight, shift = self._folded(name, norm, channel=0)
        weight = weight[:, inputs]
        part = "" if weight.shape[1] == self._tensors[f"{name}.weight"].shape[1] else f".{inputs.start or 0}"
        kernel = weight.shape[-1]
        pads = [kernel // 2] * 4
        if stride == 1:
            x, pads = self.reflect(x, kernel // 2), [0] * 4
        names = [x, self.constant(f"{name}.weight{part}", weight)]
        if bias and shift is not None:
            names.append(self.constant(f"{name}.bias", shift))
        x = self.node("Conv", *names, name=f"{name}{part}", kernel_shape=[kernel, kernel], strides=[stride, stride], pads=pads)
        return self._finished(x, norm, len(weight), relu, normalise)

    def double(self, x: Value, name: str, norm: str) -> Value:
        """Transposed convolution that doubles the size, norm, ReLU."""
        weight, shift = self._folded(name, norm, channel=1)
        names = [x, self.constant(f"{name}.weight", weight)]
        if shift is not None:
            names.append(self.constant(f"{name}.bias", shift))
        x = self.node(
            "ConvTranspose", *names, name=name, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]
        )  # fmt: skip
        return self._finished(x, norm, weight.shape[1], relu=True, normalise=True)

    def reflect(self, x: Value, width: int) -> Value:
        """Rows and columns mirrored at each edge."""
        pads = self.constant(f"reflect_{width}", [0, 0, width, width, 0, 0, width, width], np.int64)
        return self.node("Pad", x, pads, mode="reflect")

    def instance_norm(self, x: Value, channels: int) -> Value:
        """Each channel of each picture to mean 0 and variance 1."""
        ones, zeros = self.constant(f"ones_{channels}", np.ones(channels)), self.constant(f"zeros_{channels}", np.zeros(channels))
        return self.node("InstanceNormalization", x, ones, zeros, epsilon=EPSILON)

    def model(self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]) -> ModelProto:
        """Everything written so far as one model."""
        from posetransfer import __version__

        graph = helper.make_graph(self._nodes, name, inputs, outputs, list(self._constants.values()))
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="posetransfer", producer_version=__version__
        )

    def _finished(self, x: Value, norm: str | None, channels: int, relu: bool, normalise: bool) -> Value:
        if norm is not None and normalise and self.config.norm == "instance":
            x = self.instance_norm(x, channels)
        return self.node("Relu", x) if relu else x

    def _folded(self, name: str, norm: str | None, channel: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """Weight and bias of a convolution, the batch norm behind it multiplied in; `channel` is the axis of its outputs."""
        weight = self._tensors[f"{name}.weight"].astype(np.float64)
        given = self._tensors.get(f"{name}.bias")
        bias = None if given is None else given.astype(np.float64)
        if norm is None or self.config.norm == "instance":
            return weight, bias
        scale, shift, mean, variance = (
            self._tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(variance + EPSILON)
        shape = [1] * weight.ndim
        shape[channel] = -1
        return weight * scale.reshape(shape), shift + ((0 if bias is None else bias) - mean) * scale


def value(name: str, shape: Sequence[str | int], dtype: int = TensorProto.FLOAT) -> ValueInfoProto:
    """What goes in or comes out: name, shape (a word is a dimension that is free), type."""
    return helper.make_tensor_value_info(name, dtype, shape)
