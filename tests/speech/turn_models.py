"""Small models that take and give what Smart Turn v3 does."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FEATURES = (80, 800)


def save_model(
    path: Path, *, weights: NDArray[np.float32] | None = None, bias: float = 0.0, name: str = "input_features"
) -> Path:
    """Sigmoid of `weights` times the mean of each band, and `bias`. Without weights, always the same."""
    constants = [
        numpy_helper.from_array((np.zeros(80, np.float32) if weights is None else weights).reshape(80, 1), "weights"),
        numpy_helper.from_array(np.array([bias], np.float32), "bias"),
    ]
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", [name], ["means"], axes=[2], keepdims=0),
            helper.make_node("MatMul", ["means", "weights"], ["weighed"]),
            helper.make_node("Add", ["weighed", "bias"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["probability"]),
        ],
        "turns",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *FEATURES])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", 1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
