"""What each backend does with a function over tensors: compile it, trace it, refuse it."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import keras


def compiled(function: Callable[..., Any], static: Sequence[str]) -> Callable[..., Any]:
    """The function compiled: by XLA on TensorFlow and JAX, by `torch.compile` on PyTorch."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function, static_argnames=static)
    if keras.backend.backend() == "torch":
        import torch

        return torch.compile(function)
    return function


def graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as it runs uncompiled: as a graph on TensorFlow, eagerly elsewhere."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False)
    return function


def is_symbolic(value: Any) -> bool:
    """Whether it is a symbol of a functional model."""
    return isinstance(value, keras.KerasTensor)


def is_concrete(tensor: Any) -> bool:
    """Whether the values of a tensor can be read now.

    They cannot while a function is traced: in a compiled training step, under `jax.jit` or
    `torch.compile`, or when Keras computes shapes. Checks of values belong behind this question.

    >>> import keras
    >>> from kerasx.kernel import is_concrete
    >>> is_concrete(keras.ops.ones(3)), is_concrete(keras.KerasTensor((3,)))
    (True, False)
    """
    if is_symbolic(tensor):
        return False
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.executing_eagerly()
    if keras.backend.backend() == "jax":
        import jax

        return not isinstance(tensor, jax.core.Tracer)
    if keras.backend.backend() == "torch":
        import torch

        return not (torch.compiler.is_compiling() or torch.as_tensor(tensor).is_meta)
    return True


def is_traced(tensors: dict[str, Any]) -> bool:
    """Whether this call becomes a part of a program, whose shapes are fixed.

    `jax.grad` alone traces too, but runs what it traces.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return not tf.executing_eagerly()
    leaves = keras.tree.flatten(tensors)
    if backend == "jax":
        import jax

        return any(
            isinstance(leaf, jax.core.Tracer) and leaf.to_concrete_value() is None
            for leaf in leaves
        )
    return not all(leaf is None or is_concrete(leaf) for leaf in leaves)


def why_refused(error: Exception, function: Callable[..., Any]) -> str | None:
    """What in `function` the compiler refused, or None if `error` is of another kind."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if isinstance(error, tf.errors.OperatorNotAllowedInGraphError):
            return f"{_failing_line(error, function)}: {str(error).split('. ')[0]}"
        if isinstance(error, tf.errors.OpError) and "XLA" in str(error):
            refused = re.findall(r"(\w+) \(No registered", str(error))
            nodes = refused or re.findall(r"\{\{node ([^}]+)\}\}", str(error))
            if nodes:
                return f"XLA has no operation for {', '.join(sorted(set(nodes)))}"
            return str(error)
    if keras.backend.backend() == "jax":
        import jax

        if isinstance(error, jax.errors.JAXTypeError | jax.errors.JAXIndexError):
            return f"{_failing_line(error, function)}: {str(error).splitlines()[0]}"
    return None


def _failing_line(error: Exception, function: Callable[..., Any]) -> str:
    """The last line of `function` that the traceback passes through."""
    code = inspect.unwrap(function).__code__
    lines = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == code.co_filename and frame.f_code.co_name == code.co_name
    ]
    number = lines[-1] if lines else code.co_firstlineno
    return f"line {number}, `{linecache.getline(code.co_filename, number).strip()}`"
