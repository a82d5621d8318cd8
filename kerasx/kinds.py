"""Kinds of contributions: one for each namespace, and what it may hold."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import keras

from kerasx.compiler import Kernel


class Kind(NamedTuple):
    """A kind of contribution.

    Attributes:
        name: the name of its namespace, such as ``"losses"``.
        singular: the word for one of them, such as ``"loss"``.
        base: the class that contributed classes derive from, if classes may be contributed.
        functions: whether functions may be contributed.
    """

    name: str
    singular: str
    base: type | None
    functions: bool


KINDS = {
    kind.name: kind
    for kind in (
        Kind("layers", "layer", keras.Layer, False),
        Kind("losses", "loss", keras.Loss, True),
        Kind("metrics", "metric", keras.Metric, True),
        Kind("kernels", "kernel", None, False),
        Kind("activations", "activation", None, True),
        Kind("optimizers", "optimizer", keras.Optimizer, False),
        Kind("schedules", "schedule", keras.optimizers.schedules.LearningRateSchedule, False),
        Kind("callbacks", "callback", keras.callbacks.Callback, False),
        Kind("initializers", "initializer", keras.Initializer, True),
        Kind("constraints", "constraint", keras.constraints.Constraint, True),
        Kind("regularizers", "regularizer", keras.Regularizer, True),
    )
}


def fits(kind: str, value: Any) -> bool:
    """Return whether a value may be a contribution of a kind."""
    _, _, base, functions = KINDS[kind]
    if inspect.isclass(value):
        return base is not None and issubclass(value, base)
    if isinstance(value, Kernel):
        return functions or kind == "kernels"
    return functions and callable(value) and hasattr(value, "__name__")


def kind_of(value: Any) -> str | None:
    """Return the kind of a class or kernel, or `None`: a function may be of several kinds."""
    if isinstance(value, Kernel):
        return "kernels"
    kinds = (name for name in KINDS if inspect.isclass(value) and fits(name, value))
    return next(kinds, None)


def describe(value: Any) -> str:
    """Describe a value in an error about its kind."""
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__)
        return f"the class {value.__name__}({bases})"
    if value is None or isinstance(value, str):
        return repr(value)
    return f"an object of type {type(value).__name__}"
