"""Helpers of the checks: comparisons, compilation, gradients, and models around a layer."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kerasx.authoring import DictResult
from kerasx.testing.case import by_position

BACKEND = keras.backend.backend()


def as_numpy(values: Any) -> Any:
    """Convert a structure of tensors to numpy arrays; half precision becomes float32."""

    def convert(value: Any) -> np.ndarray:
        array = np.asarray(keras.ops.convert_to_numpy(value))
        is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(array.dtype))
        return array.astype("float32") if is_float and array.dtype.itemsize < 4 else array

    if isinstance(values, DictResult | Mapping):
        values = dict(values.items())  # a tree of Keras knows no other mappings
    return keras.tree.map_structure(convert, values)


def assert_close(actual: Any, expected: Any, tolerance: float, what: str) -> None:
    """Fail unless two structures are equal, up to `tolerance` times the largest expected value."""
    actual, expected = as_numpy(actual), as_numpy(expected)
    keras.tree.assert_same_structure(actual, expected)
    pairs = zip(keras.tree.flatten(actual), keras.tree.flatten(expected), strict=True)
    for ours, theirs in pairs:
        assert ours.shape == theirs.shape, f"{what}: shape {ours.shape}, expected {theirs.shape}"
        finite = np.abs(theirs[np.isfinite(theirs)])
        scale = max(1.0, float(finite.max(initial=0)))
        close = np.isclose(ours, theirs, rtol=0, atol=tolerance * scale, equal_nan=True)
        if not close.all():
            place = tuple(np.argwhere(~close)[0].tolist())
            raise AssertionError(
                f"{what}: {np.sum(~close)} of {close.size} values differ, the first at {place}: "
                f"{ours[place]}, expected {theirs[place]}"
            )


def assert_finite(values: Any, what: str) -> None:
    """Fail unless all values are finite."""
    for value in keras.tree.flatten(as_numpy(values)):
        assert np.isfinite(value).all(), f"{what} must be finite; received {value}"


def is_float(array: np.ndarray) -> bool:
    """Return whether an array is floating."""
    return np.issubdtype(array.dtype, np.floating)


def cast(inputs: Any, dtype: str) -> Any:
    """Convert inputs to tensors, and the floating ones to this dtype."""
    return keras.tree.map_structure(
        lambda x: keras.ops.convert_to_tensor(x, dtype if is_float(x) else x.dtype.name), inputs
    )


def best_dtype() -> str:
    """Return `float64` if the backend has it, else `float32`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX warns that it gives float32 instead
        return keras.backend.standardize_dtype(keras.ops.zeros(1, "float64").dtype)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function as a compiled training step does."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if BACKEND == "jax":
        import jax

        return jax.jit(function)
    return function


def gradients(scalar: Callable[..., Any], arrays: Sequence[Any]) -> list[np.ndarray]:
    """Return the gradient of a scalar function with respect to each of its arguments."""
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = scalar(*tensors)
        results = tape.gradient(value, tensors, unconnected_gradients="zero")
    elif BACKEND == "jax":
        import jax

        results = jax.grad(scalar, argnums=tuple(range(len(tensors))))(*tensors)
    else:
        import torch

        tensors = [tensor.detach().clone().requires_grad_() for tensor in tensors]
        value = scalar(*tensors)
        if not value.requires_grad:  # it depends on none of them
            return [np.zeros(tensor.shape, "float32") for tensor in tensors]
        results = torch.autograd.grad(value, tensors, allow_unused=True, materialize_grads=True)
    return [np.asarray(keras.ops.convert_to_numpy(gradient)) for gradient in results]


@contextlib.contextmanager
def nothing_to_train() -> Iterator[None]:
    """Allow a model without weights within a `with` block; Keras warns when it is trained."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The model does not have any trainable weights")
        yield


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Set Keras's dtype policy within a `with` block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@keras.saving.register_keras_serializable("kerasx.testing")
class Masked(keras.layers.Layer):
    """Layer that returns the first of two tensors, with the second as its mask."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True

    def call(self, inputs: list[Any]) -> Any:
        return inputs[0] * 1

    def compute_mask(self, inputs: list[Any], previous_mask: Any = None) -> Any:
        return inputs[1]


@keras.saving.register_keras_serializable("kerasx.testing")
class MaskOf(keras.layers.Layer):
    """Layer that returns the mask of a tensor as numbers, or minus ones if there is no mask."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return -keras.ops.ones(keras.ops.shape(inputs)[:1], "int32")
        return keras.ops.cast(mask, "int32")


@keras.saving.register_keras_serializable("kerasx.testing")
def no_loss(y_true: Any, y_pred: Any) -> Any:
    """Loss that is zero, for models that only need their metrics."""
    return keras.ops.zeros(keras.ops.shape(y_pred)[0])


def inputs_like(leaves: Sequence[np.ndarray], *, batch: int | None = None) -> list[Any]:
    """Return Keras inputs for these arrays."""
    return [
        keras.Input(batch_shape=(batch, *leaf.shape[1:]), dtype=leaf.dtype.name) for leaf in leaves
    ]


def functional_model(called: Any, drawn: Any, *, static: bool = False) -> keras.Model:
    """Return a functional model of one layer or kernel, called with a list of leaves."""
    leaves = keras.tree.flatten(drawn)
    symbols = [
        keras.Input(batch_shape=leaf.shape, dtype=leaf.dtype.name) if static else symbol
        for leaf, symbol in zip(leaves, inputs_like(leaves), strict=True)
    ]
    args, kwargs = by_position(keras.tree.pack_sequence_as(drawn, symbols))
    return keras.Model(symbols, called(*args, **kwargs))


def call(called: Any, drawn: Any, **options: Any) -> Any:
    """Call with drawn inputs."""
    args, kwargs = by_position(drawn)
    return called(*args, **kwargs, **options)


def predict(model: keras.Model, drawn: Any) -> Any:
    """Return the predictions for one batch that holds all inputs, without compiling the model."""
    return model(keras.tree.flatten(drawn), training=False)
