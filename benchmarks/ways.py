"""How a function over tensors is differentiated and compiled on each backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from suite import Side

BACKEND = keras.backend.backend()
# What can be done with a function that a user writes with Keras; the first is what `fit` does.
MODES = {"tensorflow": ("xla", "graph"), "jax": ("jit",), "torch": ("eager",)}[BACKEND]
COMPILED = MODES[0]


def side(
    function: Callable[..., Any],
    inputs: Sequence[np.ndarray],
    *,
    gradients: int = 0,
    upstream: Sequence[np.ndarray] = (),
    mode: str = COMPILED,
    backend: str = BACKEND,
    error: Callable[[list[np.ndarray]], float] | None = None,
    tolerance: float = 1e-4,
) -> Side:
    """A side that calls a function, and differentiates it in its first so many inputs.

    `upstream` are the gradients of what it returns, where that is more than one number.
    """
    if gradients:
        function = differentiated(function, gradients, len(inputs), backend)
    run = compiled(function, mode if backend == BACKEND else "eager")
    tensors = [_tensor(array, backend) for array in (*inputs, *upstream)]
    # JAX only promises results; the others have them once a call returns.
    wait = __import__("jax").block_until_ready if backend == "jax" else lambda found: found
    return Side(
        lambda: wait(run(*tensors)),
        error and (lambda found: error([_array(each) for each in keras.tree.flatten(found)])),
        tolerance,
    )


def differentiated(
    function: Callable[..., Any], number: int, inputs: int, backend: str = BACKEND
) -> Callable[..., list[Any]]:
    """What a function of so many inputs returns, and the gradients of the first `number` of them.

    The gradients of what it returns follow the inputs, unless that is one number.
    """
    how = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]
    return how(function, number, inputs)


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
            found = keras.tree.flatten(function(*tensors[:inputs]))
        upstream = list(tensors[inputs:]) or None
        return [*found, *tape.gradient(found, tensors[:number], output_gradients=upstream)]

    return run


def _jax(function: Callable[..., Any], number: int, inputs: int) -> Callable[..., Any]:
    import jax

    def run(*tensors: Any) -> list[Any]:
        def of_some(*some: Any) -> list[Any]:
            return keras.tree.flatten(function(*some, *tensors[number:inputs]))

        found, back = jax.vjp(of_some, *tensors[:number])
        upstream = list(tensors[inputs:]) or [jax.numpy.ones_like(each) for each in found]
        return [*found, *back(upstream)]

    return run


def _torch(function: Callable[..., Any], number: int, inputs: int) -> Callable[..., Any]:
    import torch

    def run(*tensors: Any) -> list[Any]:
        some = [each.detach().requires_grad_() for each in tensors[:number]]
        found = keras.tree.flatten(function(*some, *tensors[number:inputs]))
        upstream = list(tensors[inputs:]) or None
        return [*(each.detach() for each in found), *torch.autograd.grad(found, some, upstream)]

    return run
