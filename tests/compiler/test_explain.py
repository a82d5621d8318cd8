"""`Kernel.explain`: what runs for given arguments, in the backend's own figures."""

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx.compiler import device

BACKEND = keras.backend.backend()
XLA = BACKEND in ("tensorflow", "jax")


@kerasx.kernel(static=("turns",), shapes={"x": "n n"}, returns="n n", bucket={"n": 8})
def power(x, *, turns=1):
    for _ in range(turns):
        x = ops.matmul(x, x)
    return x


def test_the_path_says_how_where_and_why(monkeypatch):
    monkeypatch.setenv("KERASX_COMPILE", "power=0")
    explanation = power.explain(np.eye(24, dtype="float32"))
    way = "a TensorFlow graph" if BACKEND == "tensorflow" else "eager"
    assert explanation.path == f"{way} on {device()} (KERASX_COMPILE=power=0); written for any"
    assert explanation.kernel == "power"
    monkeypatch.delenv("KERASX_COMPILE")
    path = power.explain(np.eye(24, dtype="float32")).path
    way = "compiled by XLA" if XLA else "eager"
    assert path == f"{way} on {device()} (the default on {BACKEND}); written for any"


def test_an_implementation_of_its_own_is_named():
    @kerasx.kernel
    def double(x):
        return x + x

    double.implementation(BACKEND)(lambda x: 2 * x)
    assert f"the implementation for {BACKEND}" in double.explain(np.ones(2, "float32")).path


def test_the_figures_are_those_of_the_backend():
    explanation = power.explain(np.eye(24, dtype="float32"), turns=5)
    products = 5 * 2 * 24**3
    if BACKEND == "tensorflow":
        assert explanation.flops is None
    else:
        assert explanation.flops == pytest.approx(products, rel=0.01)
    if BACKEND == "jax":
        assert explanation.bytes_moved >= 5 * 2 * 24 * 24 * 4
        assert explanation.peak_temporary >= 0
    else:
        assert explanation.bytes_moved is None
        assert "bytes moved     unknown" in str(explanation)
    if XLA:
        assert "HloModule" in explanation.hlo
        assert explanation.compile_seconds > 0
        assert "lines, in .hlo" in str(explanation)
    else:
        assert (explanation.hlo, explanation.compile_seconds) == (None, None)


@pytest.mark.skipif(not XLA, reason="PyTorch pads nothing")
def test_arguments_are_padded_as_in_a_call():
    assert "f32[8,8]" in power.explain(np.eye(3, dtype="float32"), turns=5).hlo
