"""Differentiate and compile functions over tensors on each backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from suite import Contender

BACKEND = keras.backend.backend()
# The ways to run a function that a user writes with Keras; `fit` uses the first.
MODES = {"tensorflow": ("xla", "graph"), "jax": ("jit",), "torch": ("eager",)}[BACKEND]
COMPILED = MODES[0]


def contender(
    function: Callable[..., Any],
    inputs: Sequence[np.ndarray],
    *,
    gradients: int = 0,
    upstream: Sequence[np.ndarray] = (),
    mode: str = COMPILED,
    backend: str = BACKEND,
    error: Callable[[list[np.ndarray]], float] | None = None,
    tolerance: float = 1e-4,
) -> Contender:
    """Make a contender that calls a function and differentiates it in its first `gradients` inputs.

    `upstream` holds the gradients of the function's outputs. It is needed unless the output is a
    single number.
    """
    if gradients:
        function = differentiated(function, gradients, len(inputs), backend)
    run = compiled(function, mode if backend == BACKEND else "eager")
    tensors = [_tensor(array, backend) for array in (*inputs, *upstream)]
    # JAX returns before the values are there; the other backends wait.
    wait = __import__("jax").block_until_ready if backend == "jax" else lambda outputs: outputs
    return Contender(
        lambda: wait(run(*tensors)),
        error and (lambda outputs: error([_array(x) for x in keras.tree.flatten(outputs)])),
        tolerance,
    )


def differentiated(
    function: Callable[..., Any], number: int, inputs: int, backend: str = BACKEND
) -> Callable[..., list[Any]]:
    """Return a function that computes outputs and the gradients of the first `number` inputs.

    Its arguments are the `inputs` arguments of the function, then the gradients of its outputs
    unless the output is a single number.
    """
    differentiate = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]
    return differentiate(function, number, inputs)


def compiled(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    if mode in ("xla", "graph"):
        import tensorflow as tf

        return tf.function(function, jit_compile=mode == "xla", autograph=False)
    if mode == "jit":
        import jax

        return jax.jit(function)
    return function


def _tensor(array: np.ndarray, backend: str) -> Any:
    if backend == BACKEND:
        return keras.ops.convert_to_tensor(array)
    import torch  # the only other framework whose functions run in this process

    return torch.from_numpy(np.array(array))


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach() if hasattr(tensor, "detach") else tensor)


def _tensorflow(function: Callable[..., Any], number: int, inputs: int) -> Callable[..., Any]:
    import tensorflow as tf

    def run(*tensors: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(tensors[:number])
            outputs = keras.tree.flatten(function(*tensors[:inputs]))
        upstream = list(tensors[inputs:]) or None
        return [*outputs, *tape.gradient(outputs, tensors[:number], output_gradients=upstream)]

    return run


def _jax(function: Callable[..., Any], number: int, inputs: int) -> Callable[..., Any]:
    import jax

    def run(*tensors: Any) -> list[Any]:
        def of_differentiated(*differentiated: Any) -> list[Any]:
            return keras.tree.flatten(function(*differentiated, *tensors[number:inputs]))

        outputs, backward = jax.vjp(of_differentiated, *tensors[:number])
        upstream = list(tensors[inputs:]) or [jax.numpy.ones_like(x) for x in outputs]
        return [*outputs, *backward(upstream)]

    return run


def _torch(function: Callable[..., Any], number: int, inputs: int) -> Callable[..., Any]:
    import torch

    def run(*tensors: Any) -> list[Any]:
        leaves = [x.detach().requires_grad_() for x in tensors[:number]]
        outputs = keras.tree.flatten(function(*leaves, *tensors[number:inputs]))
        upstream = list(tensors[inputs:]) or None
        return [*(x.detach() for x in outputs), *torch.autograd.grad(outputs, leaves, upstream)]

    return run
