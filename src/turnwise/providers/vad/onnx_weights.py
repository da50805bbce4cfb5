"""Reads the arrays of an ONNX file without the `onnx` package.

An ONNX file is one protobuf message. Only these fields are looked at, by the numbers of
`onnx.proto`: a model's graph, a graph's initialisers and nodes, and the constants and sub-graphs of
a node.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FLOAT = 1  # TensorProto.DataType

_Field = tuple[int, int, memoryview]
"""Number of a field; its value as a number, or 0; its value as bytes, or none."""


def read_weights(path: Path, branch: str) -> dict[str, Floats]:
    """Return all float32 arrays inside one branch of the model's `If` node, by their own names.

    Args:
        path: The ONNX file.
        branch: `then_branch` or `else_branch`.

    Raises:
        ValueError: If the file is not what it says.
        OSError: If it cannot be read.
    """
    weights: dict[str, Floats] = {}
    for number, _, graph in _fields(memoryview(path.read_bytes())):
        if number == 7:  # ModelProto.graph
            _read_graph(graph, None, branch, weights)
    return weights


def _read_graph(
    graph: memoryview, inside: str | None, branch: str, weights: dict[str, Floats]
) -> None:
    for number, _, part in _fields(graph):
        if number == 1:  # GraphProto.node
            _read_node(part, inside, branch, weights)
        elif number == 5 and inside == branch:  # GraphProto.initializer
            name, array = _read_tensor(part)
            if array is not None:
                weights[name] = array


def _read_node(
    node: memoryview, inside: str | None, branch: str, weights: dict[str, Floats]
) -> None:
    parts = [(number, part) for number, _, part in _fields(node)]
    output = next((_text(part) for number, part in parts if number == 2), "")
    for attribute in (part for number, part in parts if number == 5):
        values = [(number, part) for number, _, part in _fields(attribute)]
        name = next((_text(part) for number, part in values if number == 1), "")
        for number, part in values:
            if number == 6:  # AttributeProto.g, a sub-graph
                _read_graph(part, inside or name, branch, weights)
            elif number == 5 and inside == branch:  # AttributeProto.t, the value of a constant
                array = _read_tensor(part)[1]
                if array is not None:
                    weights[output] = array


def _read_tensor(tensor: memoryview) -> tuple[str, Floats | None]:
    shape: list[int] = []
    data_type, name, raw = 0, "", memoryview(b"")
    for number, value, part in _fields(tensor):
        if number == 1:  # dims, packed or not
            shape += list(_varints(part)) if part else [value]
        elif number == 2:
            data_type = value
        elif number == 8:
            name = _text(part)
        elif number in {4, 9}:  # float_data, packed, or raw_data
            raw = part
    if data_type != _FLOAT:
        return name, None
    return name, np.frombuffer(raw, "<f4").reshape(shape)


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        value, size = 0, 0
        match key & 7:
            case 0:
                value, at = _varint(message, at)
            case 2:
                size, at = _varint(message, at)
            case 1:
                size = 8
            case 5:
                size = 4
            case other:
                raise ValueError(f"no protobuf: wire type {other} at byte {at}")
        if at + size > len(message):
            raise ValueError(f"no protobuf: a field of {size} bytes at byte {at} is cut off")
        yield key >> 3, value, message[at : at + size]
        at += size


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError(f"no protobuf: a number at byte {at} is cut off")


def _text(data: memoryview) -> str:
    return bytes(data).decode()
