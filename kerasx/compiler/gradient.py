"""Gradients written by hand, in one form for all backends.

`keras.ops.custom_gradient` differs by backend. On PyTorch it allows one output only, rejects every
argument that is not a tensor or None, calls a function that raises a second time, and needs the
garbage collector to free an output that the gradient uses. TensorFlow accepts no None, JAX no
string, and neither accepts a Python number in compiled code. Backends also call the gradient
differently, and eager TensorFlow accepts a gradient of another shape than its argument.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras

Leaves = list[Any]
Flat = Callable[..., tuple[Leaves, Callable[..., Leaves]]]


def custom_gradient(function: Callable[..., tuple[Any, Callable]]) -> Callable[..., Any]:
    """Give a function the gradient that it returns together with its value.

    Args:
        function: takes arguments by position and returns `(outputs, gradient)`. Arguments may be
            floating tensors, other tensors, nested structures, None, and any Python value. Outputs
            are a tensor or a structure of tensors. `gradient(upstream)` takes the gradient with
            respect to the outputs, in their structure, None for outputs that are not floating, and
            returns a tuple with one entry per argument: its gradient, in its structure, or None
            where there is none. `gradient` closes over the values it needs from the forward pass.

    Returns:
        A function of the same arguments that returns `outputs`. Gradients are cast to the dtypes
        of their arguments, so they may be accumulated in float32. On PyTorch it is differentiable
        once: a second derivative raises.

    Raises:
        TypeError: (when differentiated) `gradient` does not return a tuple of that length.
        ValueError: (when differentiated) a gradient has another shape than its argument.

    Example:
    >>> import kerasx
    >>> from keras import ops
    >>> @kerasx.custom_gradient
    ... def log1pexp(x, bias):
    ...     e = ops.exp(x if bias is None else x + bias)
    ...
    ...     def gradient(upstream):
    ...         slope = upstream * (1 - 1 / (1 + e))
    ...         return slope, None if bias is None else slope
    ...
    ...     return ops.log(1 + e), gradient
    >>> print(ops.convert_to_numpy(log1pexp(ops.zeros(2), None)).round(4))
    [0.6931 0.6931]
    """

    @functools.wraps(function)
    def differentiable(*args: Any) -> Any:
        args = keras.tree.map_structure(read, args)
        leaves = keras.tree.flatten(args)
        places = [place for place, leaf in enumerate(leaves) if keras.ops.is_tensor(leaf)]
        structure: list[Any] = []

        def flat(*tensors: Any) -> tuple[Leaves, Callable[..., Leaves]]:
            given = list(leaves)
            for place, tensor in zip(places, tensors, strict=True):
                given[place] = tensor
            outputs, gradient = function(*keras.tree.pack_sequence_as(args, given))
            structure[:] = [outputs]
            flat_outputs = keras.tree.flatten(outputs)
            return flat_outputs, functools.partial(
                _gradients, function.__name__, args, outputs, gradient, tensors
            )

        flat_outputs = _differentiable()(flat, [leaves[place] for place in places])
        return keras.tree.pack_sequence_as(structure[0], flat_outputs)

    return differentiable


def _gradients(
    name: str,
    args: tuple,
    outputs: Any,
    gradient: Callable[[Any], Any],
    tensors: Sequence[Any],
    *upstream: Any,
) -> Leaves:
    """Compute the gradient of each tensor among the arguments, or None."""
    floating = [
        slope if _is_floating(output) else None
        for slope, output in zip(upstream, keras.tree.flatten(outputs), strict=True)
    ]
    returned = gradient(keras.tree.pack_sequence_as(outputs, floating))
    if len(args) == 1 and not isinstance(returned, tuple):
        returned = (returned,)
    if not isinstance(returned, tuple) or len(returned) != len(args):
        received = (
            f"a tuple of {len(returned)}"
            if isinstance(returned, tuple)
            else type(returned).__name__
        )
        raise TypeError(
            f"the gradient of {name!r} must return a tuple with one entry per argument, "
            f"{len(args)} in all; received {received}"
        )
    flat: Leaves = []
    for argument, of_argument in zip(args, returned, strict=True):
        leaves = keras.tree.flatten(argument)
        entries = [None] * len(leaves) if of_argument is None else keras.tree.flatten(of_argument)
        flat += [
            entry for leaf, entry in zip(leaves, entries, strict=True) if keras.ops.is_tensor(leaf)
        ]
    return [_checked(name, *pair) for pair in zip(tensors, flat, strict=True)]


def _checked(name: str, tensor: Any, gradient: Any) -> Any:
    if gradient is None or not _is_floating(tensor):
        return None
    expected, received = tuple(tensor.shape), tuple(gradient.shape)
    if received != expected and None not in (*received, *expected):
        raise ValueError(
            f"the gradient of {name!r} with respect to an argument of shape {expected} must have "
            f"that shape; received {received}"
        )
    return keras.ops.cast(gradient, tensor.dtype)


def read(value: Any) -> Any:
    """Return the value of a variable, and anything else unchanged."""
    if not isinstance(value, keras.Variable):
        return value
    # TensorFlow would trace its own variable by identity, once for each variable.
    value = value.value
    return value.read_value() if hasattr(value, "read_value") else value


def _is_floating(tensor: Any) -> bool:
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))


@functools.cache
def _differentiable() -> Callable[[Flat, Leaves], Leaves]:
    """Return the backend's way to call a function that has its own gradient."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return lambda flat, tensors: tf.custom_gradient(flat)(*tensors)
    if backend == "jax":
        import jax

        def of_jax(flat: Flat, tensors: Leaves) -> Leaves:
            def as_tuple(*tensors: Any) -> tuple[Leaves, Callable[..., tuple]]:
                outputs, gradients = flat(*tensors)
                return outputs, lambda upstream: tuple(gradients(*upstream))

            return jax.custom_gradient(as_tuple)(*tensors)

        return of_jax
    if backend == "torch":
        return _of_torch()
    return lambda flat, tensors: flat(*tensors)[0]


def _of_torch() -> Callable[[Flat, Leaves], Leaves]:
    import torch
    from torch.autograd.function import once_differentiable

    class WithGradient(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, flat: Flat, *tensors: Any) -> tuple:
            attached, ctx.gradients = flat(*tensors)
            # Detach: an output captured by the gradient's closure would keep itself alive.
            outputs = tuple(output.detach() for output in attached)
            ctx.mark_non_differentiable(*(each for each in outputs if not _is_floating(each)))
            return outputs

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, *upstream: Any) -> tuple:
            return (None, *ctx.gradients(*upstream))

    return lambda flat, tensors: list(WithGradient.apply(flat, *tensors))
