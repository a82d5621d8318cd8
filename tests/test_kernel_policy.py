"""Whether kernels are compiled, and what `explain` and `kerasx info` say of them."""

import functools

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import ops
from kerasx.hlo import Program
from kerasx.policy import Measured, decide, device, measure

import kerasx
from kerasx import cli
from kerasx.compiler import is_concrete
from kerasx.testing.numerics import compiled

BACKEND = keras.backend.backend()
XLA = BACKEND in ("tensorflow", "jax")
X = np.arange(6, dtype="float32").reshape(2, 3)


def figures(compiled, plain, backend=BACKEND, kind=None):
    return Measured(backend, kind or device(), compiled, plain, "2 x 3", "here")


FASTER, SLOWER = figures(1.0, 2.0), figures(2.0, 1.0)


@pytest.mark.parametrize(
    ("measured", "expected", "why"),
    [
        ((), XLA, "nothing measured"),
        ((FASTER,), True, "compiled takes 0.5 of the time"),
        ((SLOWER,), False, "compiled takes 2 of the time"),
        ((SLOWER, figures(1.0, 8.0)), True, "compiled takes 0.5"),
        ((figures(1.0, 2.0, "other"), figures(2.0, 1.0, kind="npu")), XLA, "nothing measured"),
    ],
)
def test_figures_decide(measured, expected, why, monkeypatch):
    monkeypatch.delenv("KERASX_COMPILE", raising=False)
    chosen, reason = decide("k", measured)
    assert chosen == expected
    assert why in reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", False), ("1", True), ("k=0", False), ("1,k=0", False), ("0, k=1", True), ("j=0", True)],
)
def test_the_environment_overrides_them(value, expected, monkeypatch):
    monkeypatch.setenv("KERASX_COMPILE", value)
    chosen, why = decide("k", (FASTER,))
    assert chosen == expected
    assert ("KERASX_COMPILE" in why) == (value != "j=0")


def test_a_value_that_cannot_be_read(monkeypatch):
    monkeypatch.setenv("KERASX_COMPILE", "no")
    with pytest.raises(ValueError, match=r"KERASX_COMPILE must be 0, 1, or name=0.*received 'no'"):
        decide("k", ())


@kerasx.kernel(measured=(SLOWER,))
def uncompiled(x, y=None):
    program.append(is_concrete(x))
    return ops.matmul(x, ops.transpose(x)) + (0.0 if y is None else y)


@kerasx.kernel(measured=(figures(1.0, 2.0, "tensorflow"), figures(1.0, 2.0, "jax")))
def xla(x):
    program.append(is_concrete(x))
    return ops.matmul(x, ops.transpose(x))


program = []


def test_runs_as_the_policy_says(monkeypatch):
    monkeypatch.delenv("KERASX_COMPILE", raising=False)
    for run, traced in (
        (uncompiled, BACKEND == "tensorflow"),  # as a graph
        (xla, XLA),
        (xla.options(compile=False), BACKEND == "tensorflow"),
    ):
        program.clear()
        np.testing.assert_allclose(ops.convert_to_numpy(run(X)), X @ X.T)
        assert program == [not traced]
    if XLA:
        program.clear()
        uncompiled.options(compile=True)(X)
        monkeypatch.setenv("KERASX_COMPILE", "1")
        uncompiled(X)
        assert program == [False]  # traced once, for both calls


@pytest.mark.parametrize("kernel", [uncompiled, xla], ids=["not compiled", "compiled"])
def test_is_a_part_of_any_step(kernel):
    layer = keras.layers.Dense(3, use_bias=False, kernel_initializer="identity")
    for jit_compile in (True, False) if XLA else (False,):  # PyTorch calls a C++ compiler
        model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Lambda(kernel)])
        model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit_compile)
        target = X @ X.T + 1
        history = model.fit(X, target, batch_size=2, shuffle=False, verbose=0).history
        assert history["loss"] == pytest.approx([1.0])
    np.testing.assert_allclose(ops.convert_to_numpy(compiled(kernel)(X)), X @ X.T)


@pytest.mark.skipif(BACKEND != "torch", reason="of torch.compile")
def test_torch_compiles_where_that_was_measured_to_win(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))

    @kerasx.kernel(measured=(FASTER,))
    def double(x):
        program.append(torch.compiler.is_compiling())
        return x * 2

    program.clear()
    np.testing.assert_array_equal(ops.convert_to_numpy(double(X)), X * 2)
    np.testing.assert_array_equal(ops.convert_to_numpy(double(X)), X * 2)
    assert all(program)
    inputs = keras.Input((3,))
    np.testing.assert_array_equal(keras.Model(inputs, double(inputs)).predict(X, verbose=0), X * 2)


@pytest.mark.skipif(BACKEND == "torch", reason="its compiler needs another of C++")
def test_measures_itself():
    found = measure(uncompiled, lambda function: function(X), "2 x 3")
    assert (found.backend, found.device, found.work) == (BACKEND, device(), "2 x 3")
    assert found.compiled > 0
    assert found.plain > 0
    assert BACKEND in found.environment
    assert repr(found).startswith(f"Measured(backend='{BACKEND}', device='cpu', compiled=")


@kerasx.kernel(
    static=("turns",), shapes={"x": "n n"}, returns="n n", bucket={"n": 8}, measured=(SLOWER,)
)
def power(x, *, turns=1):
    """Repeated products.

    Multiplies `turns` times. Source: Euclid,
    "Elements", book IX.
    """
    return ops.fori_loop(0, turns, lambda _, y: ops.matmul(y, x), x)


@power.about
def _(x, *, turns=1):
    return f"{turns} turns of {x.shape[0]}"


def test_explains():
    with pytest.raises(TypeError, match=r"the function for `about` must take the arguments \['x'"):
        power.about(lambda x: "")
    found = power.explain(np.eye(24, dtype="float32"), turns=5)
    way = "a TensorFlow graph" if BACKEND == "tensorflow" else "eager"
    assert found.path == (
        f"{way} on {device()} (measured: compiled takes 2 of the time); written for any; "
        "5 turns of 24"
    )
    products = 5 * 2 * 24**3
    if XLA:
        assert products <= found.flops < 1.1 * products  # and the counter of the loop
        assert 5 * 3 * 24 * 24 * 4 <= found.bytes_moved < 40 * 24 * 24 * 4
        assert "HloModule" in found.hlo
        assert found.compile_seconds > 0
        assert "lines, in .hlo" in str(found)
    else:
        assert found.flops == products
        assert (found.bytes_moved, found.hlo, found.compile_seconds) == (None, None, None)
        assert "bytes moved     not known" in str(found)
    assert (found.peak_temporary is None) == (BACKEND != "jax")
    if XLA:
        assert "5 turns of 8" in power.explain(np.eye(3, dtype="float32"), turns=5).path


@pytest.mark.skipif(BACKEND != "jax", reason="XLA's own count is the reference, and JAX shows it")
def test_counts_as_xla_does_where_there_is_no_loop():
    import jax

    def work(x, y):
        return ops.softmax(ops.matmul(x, y)), ops.take(y, 1, axis=0) + ops.sum(x[:, 1:3])

    made = jax.jit(work).lower(X, X.T).compile()
    text, theirs = made.as_text(), made.cost_analysis()
    # XLA counts exponentials apart.
    assert Program(text).flops() == pytest.approx(
        theirs["flops"] + theirs["transcendentals"], rel=0.1
    )
    assert Program(text).bytes() == pytest.approx(theirs["bytes accessed"], rel=0.1)


def test_what_cannot_be_known_is_not_invented():
    text = """HloModule unknown

    %body (x: f32[4]) -> f32[4] {
      %x = f32[4]{0} parameter(0)
      ROOT %y = f32[4]{0} add(%x, %x)
    }

    %condition (x: f32[4]) -> pred[] {
      %x = f32[4]{0} parameter(0)
      ROOT %z = pred[] custom-call(%x), custom_call_target="unknown"
    }

    ENTRY %main (x: f32[4]) -> f32[4] {
      %x = f32[4]{0} parameter(0)
      ROOT %y = f32[4]{0} while(%x), condition=%condition, body=%body
    }"""
    lines = "\n".join(line.removeprefix("    ") for line in text.splitlines())
    assert (Program(lines).flops(), Program(lines).bytes()) == (None, None)
    known = lines.replace("body=%body", 'body=%body, x={"known_trip_count":{"n":"3"}}')
    assert Program(known).flops() is None
    known = known.replace("custom-call", "compare")
    assert Program(known).flops() == 3 * (4 + 1)
    assert Program(known).bytes() == 3 * (3 * 16 + 16 + 1)


def test_info_shows_it():
    facts = cli._facts(power)
    assert facts["source"] == 'Euclid, "Elements", book IX.'
    assert (facts["shapes"], facts["returns"], facts["buckets"]) == ("x: n n", "n n", "n: 8")
    assert facts["policy"].splitlines() == [
        "not compiled: measured: compiled takes 2 of the time",
        f"{BACKEND} on {device()}: compiled 2 ms, not 1 ms (2 x 3; here)",
    ]
    assert "source" not in cli._facts(uncompiled)
    shown = CliRunner().invoke(cli.main, ["info", "top_class"]).output
    assert "policy    " in shown
    assert "reference plain_top_class" in shown
