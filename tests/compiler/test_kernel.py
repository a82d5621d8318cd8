"""Kernels: compiled alone, inside a model's step, and as a node of a functional model."""

import copy
import functools
import inspect
import logging
import pickle
import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.compiler import is_concrete
from kerasx.errors import KernelError
from kerasx.testing.numerics import compiled

BACKEND = keras.backend.backend()


def plain_blend(x, y=None, *, share=0.5, axes=(0,)):
    x = np.asarray(x, "float32")
    other = np.zeros_like(x) if y is None else np.asarray(y, "float32")
    return (share * x + (1 - share) * other).sum(tuple(axes))


@keras.saving.register_keras_serializable("test_kernel")
@kerasx.kernel(static=("share", "axes"), reference=plain_blend)
def blend(x, y=None, *, share=0.5, axes=(0,)):
    other = ops.zeros_like(x) if y is None else y
    return ops.sum(share * x + (1 - share) * other, axes)


@keras.saving.register_keras_serializable("test_kernel")
@kerasx.kernel(static=("pieces",))
def scale_shift(x, shift=None, *, pieces=((1.0, "a"), (2.0, "b"))):
    factor = sum(number for number, _ in pieces)
    return x * factor if shift is None else x * factor + shift


@keras.saving.register_keras_serializable("test_kernel")
class Scaled(keras.layers.Layer):
    def build(self, input_shape):
        self.shift = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return scale_shift(inputs, self.shift)


@given(
    shape=st.tuples(st.sampled_from([0, 1, 3]), st.sampled_from([1, 2])),
    share=st.sampled_from([0.0, 0.25, 1.0]),
    axes=st.sampled_from([(), (0,), (1,), (0, 1), [0, 1]]),
    alone=st.booleans(),
)
def test_equals_its_reference(shape, share, axes, alone):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    y = None if alone else x[::-1].copy()
    value = ops.convert_to_numpy(blend(x, y, share=share, axes=axes))
    np.testing.assert_allclose(value, blend.reference(x, y, share=share, axes=axes), rtol=1e-6)


def test_takes_lists_numbers_variables_and_structures():
    @kerasx.kernel
    def add(pair, z):
        return pair[0] + pair[1] + z

    variable = keras.Variable([1.0, 2.0])
    one = ops.ones(2)
    np.testing.assert_array_equal(ops.convert_to_numpy(add((one, variable), 1.5)), [3.5, 4.5])
    np.testing.assert_array_equal(ops.convert_to_numpy(add([[1.0], [2.0]], [0.0])), [3.0])


def test_knows_its_parts():
    assert blend.static == ("share", "axes")
    assert blend.reference is plain_blend
    assert blend.backends == ()
    assert blend.__name__ == "blend"
    assert repr(blend).startswith("<Kernel test_kernel>blend(x, y=None")


def test_uses_the_implementation_of_its_backend():
    @kerasx.kernel
    def name_of(x):
        return x * 0

    np.testing.assert_array_equal(ops.convert_to_numpy(name_of([1.0])), [0.0])
    other = "jax" if BACKEND != "jax" else "torch"
    name_of.implementation(other)(lambda x: x * 0 + 5)
    np.testing.assert_array_equal(ops.convert_to_numpy(name_of([1.0])), [0.0])
    name_of.implementation(BACKEND)(lambda x: x * 0 + 7)
    np.testing.assert_array_equal(ops.convert_to_numpy(name_of([1.0])), [7.0])
    assert name_of.backends == (other, BACKEND)
    with pytest.raises(TypeError, match=r"'name_of'.*must take the arguments \['x'\].*\['y'\]"):
        name_of.implementation("jax")(lambda y: y)


def test_refuses_what_it_cannot_name():
    with pytest.raises(TypeError, match=r"'function'.*`static` names \['power'\].*\['x'\]"):

        @kerasx.kernel(static=("power",))
        def function(x):
            return x

    with pytest.raises(TypeError, match=r"'variadic'.*received \*xs, \*\*options"):

        @kerasx.kernel
        def variadic(*xs, **options):
            return xs


@pytest.mark.skipif(BACKEND not in ("tensorflow", "jax"), reason="PyTorch runs kernels eagerly")
def test_is_traced_once_per_shape_and_static_value():
    traces = []

    @kerasx.kernel(static=("power",))
    def counted(x, *, power=1):
        traces.append(power)
        return x**power

    for _ in range(3):
        counted(np.ones(3, "float32"), power=2)
    assert traces == [2]
    counted(np.ones(3, "float32"), power=3)
    assert traces == [2, 3]
    counted(np.ones(4, "float32"), power=3)
    assert traces == [2, 3, 3]
    for start in (1.0, 2.0):
        variable = keras.Variable([start] * 4)
        value = ops.convert_to_numpy(counted(variable, power=3))
        np.testing.assert_array_equal(value, np.full(4, start**3))
    assert traces == [2, 3, 3]


@pytest.mark.parametrize("jit_compile", [True, False, "auto"])
def test_trains_inside_a_compiled_step(jit_compile):
    model = keras.Sequential([keras.Input((2,)), Scaled()])
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
    x = np.zeros((4, 2), "float32")
    model.fit(x, x, batch_size=4, epochs=1, verbose=0)
    # The loss mean(shift**2) has the gradient 2 * shift / 2 in each of two components.
    np.testing.assert_allclose(model.get_weights()[0], [0.9, 0.9], rtol=1e-6)
    np.testing.assert_allclose(model.predict(x + 1, verbose=0), np.full((4, 2), 3.9), rtol=1e-6)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="sizes are known where JAX and PyTorch trace")
def test_what_was_traced_for_an_unknown_size_is_not_called_for_a_known_one():
    import tensorflow as tf

    @kerasx.kernel
    def is_known(x):
        return ops.ones_like(x) * float(x.shape[0] is not None)

    def total(x):
        return ops.sum(is_known(x))

    ones = tf.ones(3)
    assert tf.function(total, input_signature=[tf.TensorSpec((None,))])(ones) == 0
    assert total(ones) == 3


def test_is_a_node_of_a_functional_model(tmp_path):
    inputs = keras.Input((3,))
    hidden = scale_shift(inputs, inputs, pieces=((0.5, "a"), (0.25, "b")))
    outputs = blend(hidden, share=0.25, axes=(1,))
    model = keras.Model(inputs, outputs)
    x = np.arange(6, dtype="float32").reshape(2, 3)
    expected = 0.25 * (0.75 * x + x).sum(1)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-6)

    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        reloaded.predict(x, verbose=0), model.predict(x, verbose=0), strict=True
    )
    cloned = keras.models.clone_model(reloaded)
    np.testing.assert_allclose(cloned.predict(x, verbose=0), expected, rtol=1e-6)


def test_is_the_activation_of_a_saved_layer(tmp_path):
    layer = keras.layers.Dense(3, activation=scale_shift, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((2,)), layer, keras.layers.Activation(scale_shift)])
    x = np.arange(4, dtype="float32").reshape(2, 2)
    expected = np.repeat(9 * x.sum(1, keepdims=True), 3, 1)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-6)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert reloaded.layers[0].activation is scale_shift
    np.testing.assert_allclose(reloaded.predict(x, verbose=0), expected, rtol=1e-6)
    config = eval(str(layer.get_config()).replace(">scale_shift", ">gone"))
    with pytest.raises(
        TypeError, match="no kernel is registered as 'test_kernel>gone': install the plugin"
    ):
        keras.layers.Dense.from_config(config)


def test_a_saved_node_names_the_kernel_that_is_missing():
    inputs = keras.Input((3,))
    config = keras.Model(inputs, scale_shift(inputs)).get_config()
    text = str(config).replace("test_kernel>scale_shift", "test_kernel>gone")
    config = eval(text, {"inf": np.inf, "nan": np.nan})
    with pytest.raises(
        LookupError, match="no kernel is registered as 'test_kernel>gone': install the plugin"
    ):
        keras.Model.from_config(config)


def test_its_own_errors_pass_unchanged():
    @kerasx.kernel
    def picky(x):
        raise ValueError("x must be something else")

    with pytest.raises(ValueError, match=r"^x must be something else"):
        picky([1.0])


@pytest.mark.skipif(BACKEND not in ("tensorflow", "jax"), reason="PyTorch runs kernels eagerly")
def test_names_itself_and_what_cannot_be_compiled():
    def positive(x):
        return bool(x[0] > 0)

    @kerasx.kernel
    def branches(x):
        return x if positive(x) else -x

    line = inspect.getsourcelines(branches.function)[1] + 2
    reason = {"tensorflow": "Using a symbolic .+ `bool` is not allowed", "jax": "Attempted bool.+"}
    wanted = (
        rf"function 'branches' cannot be compiled: line {line}, "
        rf"`return x if positive\(x\) else -x`: {reason[BACKEND]}"
    )
    with pytest.raises(KernelError) as raised:
        branches([1.0])
    assert re.fullmatch(wanted, str(raised.value)), raised.value

    @kerasx.kernel
    def data_dependent(x):
        if BACKEND == "tensorflow":
            import tensorflow as tf

            return tf.strings.as_string(x)
        return ops.nonzero(x)

    wanted = "AsString" if BACKEND == "tensorflow" else r"`return ops.nonzero\(x\)`"
    with pytest.raises(KernelError, match=rf"'data_dependent' cannot be compiled: .*{wanted}"):
        data_dependent([1.0])


READERS = {
    "float": lambda x: x * float(x[0]),
    "int": lambda x: x * int(x[0]),
    "bool": lambda x: x if x[0] > 0 else -x,
    "range": lambda x: x * len(range(ops.cast(x[0], "int32"))),
    "numpy": lambda x: x * np.asarray(x)[0],
    "method": lambda x: x * x.numpy()[0],
    "iteration": lambda x: x * list(ops.split(x, int(x[0]))).pop(),
}


@pytest.mark.skipif(BACKEND not in ("tensorflow", "jax"), reason="PyTorch runs kernels eagerly")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("way", ["called", "in a model", "in a step"])
def test_reading_the_value_of_a_tensor_is_a_kernel_error(reader, way):
    read = READERS[reader]

    @kerasx.kernel
    def reads(x):
        return read(x)

    x = ops.convert_to_tensor([1.0, 2.0])
    calls = {
        "called": lambda: reads(x),
        "in a model": lambda: reads(keras.Input((2,), batch_size=1)[0]),
        "in a step": lambda: compiled(reads)(x),
    }
    with pytest.raises(KernelError, match="function 'reads' cannot be compiled: line "):
        calls[way]()


def test_other_errors_are_the_functions_own():
    @kerasx.kernel
    def wrong(x):
        raise TypeError("x must be a picture")

    with pytest.raises(TypeError, match=r"^x must be a picture"):
        wrong([1.0])


@pytest.mark.skipif(BACKEND != "torch", reason="of torch.compile")
def test_refusal_of_the_compiler_of_torch(monkeypatch):
    monkeypatch.setenv("KERASX_COMPILE", "refused=1")

    @kerasx.kernel
    def refused(x):
        import torch

        return torch._dynamo.graph_break() or x

    import torch

    whole = functools.partial(torch.compile, backend="eager", fullgraph=True)
    monkeypatch.setattr(torch, "compile", whole)
    with pytest.raises(KernelError, match=r"^function 'refused' cannot be compiled: Unsup"):
        refused([1.0])


def test_kernel_for_some_backends():
    others = [each for each in ("tensorflow", "jax", "torch") if each != BACKEND]

    @kerasx.kernel(backends=others, shapes={"x": "rows"}, static=("power",))
    def elsewhere(x, power=1):
        return x**power

    @kerasx.kernel(backends=(BACKEND,))
    def here(x):
        return 2 * x

    assert ops.convert_to_numpy(here([1.0])) == [2]
    message = (
        f"kernel 'elsewhere' needs the backend {others[0]} or {others[1]}; Keras uses {BACKEND}. "
        f"Set KERAS_BACKEND={others[0]}"
    )
    for x in ([1.0], keras.Input((), batch_size=1)):
        with pytest.raises(KernelError) as raised:
            elsewhere(x, power=2)
        assert message in str(raised.value)
    with pytest.raises(ValueError, match="`x` must have shape"):
        elsewhere([[1.0]])

    @elsewhere.implementation(BACKEND)
    def _(x, power=1):
        return 5 * x

    assert ops.convert_to_numpy(elsewhere([1.0])) == [5]


@pytest.mark.parametrize("names", ["jax", ("numpy",), ["jax", "pytorch"]])
def test_names_that_are_no_backends(names):
    with pytest.raises(ValueError, match=r"kernel 'doubled': `backends` must be a tuple of names"):

        @kerasx.kernel(backends=names)
        def doubled(x):
            return 2 * x


def test_is_copied_and_pickled_by_name():
    blend([[1.0]])
    assert copy.deepcopy(blend) is blend
    assert pickle.loads(pickle.dumps(blend)) is blend


def test_values_are_concrete_only_outside_of_tracing():
    assert is_concrete(ops.ones(2))
    assert is_concrete(np.ones(2))
    assert not is_concrete(keras.KerasTensor((2,)))
    seen = []

    def look(x):
        seen.append(is_concrete(x))
        return x

    keras.Model(inputs := keras.Input((2,)), keras.layers.Lambda(look)(inputs))
    assert seen
    assert not any(seen)
    seen.clear()
    kerasx.kernel(look)(np.ones(2, "float32"))
    assert seen == [BACKEND not in ("tensorflow", "jax")]


@kerasx.kernel(static=("least",), shapes={"x": "n"})
def root(x, *, least=0.0):
    return ops.sqrt(ops.where(x < least, float("nan"), x)), ops.cast(x, "int32")


@root.why_nan
def _(x, *, least=0.0):
    if bool(ops.any(x < least)):
        raise ValueError(f"x must be at least {least}; received {float(ops.min(x))}")


def test_why_nan_raises_where_values_can_be_seen_only():
    with pytest.raises(ValueError, match=r"x must be at least 0.5; received 0.25"):
        root([4.0, 0.25], least=0.5)
    values, _ = root([4.0, 0.25])
    np.testing.assert_allclose(ops.convert_to_numpy(values), [2, 0.5])
    unknown, _ = root([4.0, float("nan")])  # for which `why_nan` has no reason
    assert np.isnan(ops.convert_to_numpy(unknown)).tolist() == [False, True]
    if BACKEND != "torch":
        inside = compiled(lambda x: root(x)[0])
        outputs = ops.convert_to_numpy(inside(ops.convert_to_tensor([4.0, -1.0])))
        assert np.isnan(outputs).tolist() == [False, True]


def test_why_nan_takes_the_arguments_of_the_kernel():
    with pytest.raises(TypeError, match=r"the function for `why_nan` must take the arguments"):
        root.why_nan(lambda x: None)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the warning is TensorFlow's")
def test_many_kernels_are_not_taken_for_one_that_is_traced_again(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
    for number in range(6):

        def shift(x, number=number):
            return x + number

        shift.__name__ = f"shift_{number}"
        assert float(kerasx.kernel(shift)(ops.ones(()))) == 1 + number
    assert "retracing" not in caplog.text


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the warning is TensorFlow's")
def test_many_shapes_are_not_taken_for_a_mistake(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
    double = kerasx.kernel(lambda x: 2 * x)
    assert [tuple(double(ops.ones(size)).shape) for size in range(8)] == [(n,) for n in range(8)]
    assert double.region.count_programs() == 8
    assert "retracing" not in caplog.text
