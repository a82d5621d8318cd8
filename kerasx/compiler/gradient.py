"""Gradients written by hand, in one form for all backends.

`keras.ops.custom_gradient` differs by backend. PyTorch takes no more than one output, refuses every
argument that is not a tensor or None, runs a function that raises a second time, and leaves it to
the garbage collector to free an output that the gradient needs. TensorFlow takes no None, JAX no
text, and neither a Python number in compiled code. Backends also differ in how they call the
gradient; TensorFlow, run eagerly, takes one of another shape than its argument.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras

Leaves = list[Any]
Flat = Callable[..., tuple[Leaves, Callable[..., Leaves]]]


def custom_gradient(function: Callable[..., tuple[Any, Callable]]) -> Callable[..., Any]:
    """Give a function the gradient that it returns beside its value.

    Args:
        function: takes arguments by position and returns `(outputs, gradient)`. Arguments may be
            floating tensors, other tensors, nested structures, None, and any Python value. Outputs
            are a tensor or a structure of tensors. `gradient(upstream)` takes the gradient with
            respect to the outputs, in their structure, None for outputs that are not floating, and
            returns a tuple with one entry per argument: its gradient, in its structure, or None
            where there is none. What `gradient` needs of the forward pass it closes over.

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
    """The gradient of each tensor among the arguments, or None."""
    upstream = [
        given if _is_floating(output) else None
        for given, output in zip(upstream, keras.tree.flatten(outputs), strict=True)
    ]
    found = gradient(keras.tree.pack_sequence_as(outputs, upstream))
    if len(args) == 1 and not isinstance(found, tuple):
        found = (found,)
    if not isinstance(found, tuple) or len(found) != len(args):
        received = f"a tuple of {len(found)}" if isinstance(found, tuple) else type(found).__name__
        raise TypeError(
            f"the gradient of {name!r} must return a tuple with one entry per argument, "
            f"{len(args)} in all; received {received}"
        )
    flat: Leaves = []
    for argument, each in zip(args, found, strict=True):
        leaves = keras.tree.flatten(argument)
        entries = [None] * len(leaves) if each is None else keras.tree.flatten(each)
        flat += [
            entry for leaf, entry in zip(leaves, entries, strict=True) if keras.ops.is_tensor(leaf)
        ]
    return [_fitting(name, *each) for each in zip(tensors, flat, strict=True)]


def _fitting(name: str, tensor: Any, gradient: Any) -> Any:
    if gradient is None or not _is_floating(tensor):
        return None
    wanted, found = tuple(tensor.shape), tuple(gradient.shape)
    if found != wanted and None not in (*found, *wanted):
        raise ValueError(
            f"the gradient of {name!r} with respect to an argument of shape {wanted} must have "
            f"that shape; received {found}"
        )
    return keras.ops.cast(gradient, tensor.dtype)


def read(value: Any) -> Any:
    """A variable's value; anything else as it is."""
    if not isinstance(value, keras.Variable):
        return value
    # TensorFlow's own variable inside would be traced by identity, anew for each one.
    value = value.value
    return value.read_value() if hasattr(value, "read_value") else value


def _is_floating(tensor: Any) -> bool:
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))


@functools.cache
def _differentiable() -> Callable[[Flat, Leaves], Leaves]:
    """How the backend calls a function of tensors with a gradient of its own."""
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
            outputs, ctx.gradients = flat(*tensors)
            # An output that the gradient closes over would hold itself.
            outputs = tuple(output.detach() for output in outputs)
            ctx.mark_non_differentiable(*(each for each in outputs if not _is_floating(each)))
            return outputs

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, *upstream: Any) -> tuple:
            return (None, *ctx.gradients(*upstream))

    return lambda flat, tensors: list(WithGradient.apply(flat, *tensors))
