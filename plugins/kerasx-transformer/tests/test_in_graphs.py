"""Kernels and their gradients in TensorFlow's graphs, which `fit` runs on a CPU."""

import keras
import numpy as np
import pytest

import kerasx

KERNELS = {  # the number of their tensors, and of the tensors that they compute
    "swiglu": (2, 1),
    "geglu": (2, 1),
    "rotary_embedding": (1, 1),
    "blockwise_attention": (3, 2),  # the output, and one number for each of its rows
}


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="others have no such graphs")
@pytest.mark.parametrize("name", KERNELS)
def test_no_argument_is_copied_for_the_gradient(name):
    import tensorflow as tf

    kernel, (number, computed) = getattr(kerasx.kernels, name), KERNELS[name]

    @tf.function(autograph=False)
    def step(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            actual = kernel(*tensors)
        return tape.gradient(actual, tensors)

    tensors = [tf.ones((2, 300, 2, 4))] * number
    graph = step.get_concrete_function(*tensors).graph
    compiled = [
        operation
        for operation in graph.get_operations()
        if operation.node_def.attr["_XlaMustCompile"].b
    ]
    assert [len(operation.outputs) for operation in compiled] == [computed, number]
    assert all(np.isfinite(slope).all() for slope in step(*tensors))
