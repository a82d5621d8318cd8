"""A case: how to exercise one contribution."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from kerasx.testing.strategies import sizes


@dataclass(frozen=True, eq=False)
class Case:
    """How to exercise one contribution, and what holds for it.

    Attributes:
        of: the class, function or kernel.
        inputs: a function that returns the hypothesis strategy of its inputs. The names of its
            parameters name the dimensions, and each is given a size; `batch`, where there is one,
            is the first axis. A drawn tuple is passed by position, a dictionary by name, anything
            else as the only input. Losses and metrics draw `(y_true, y_pred)`.
        arguments: arguments of the constructor; of a function, those that are not inputs; of a
            kernel, the static ones.
        name: tells several cases of one contribution apart.
        varies: dimensions that may have another size on the next call; all of them by default.
        independent: whether what is computed of an example depends on that example only.
        random: whether it draws random numbers in training.
        differentiable: whether gradients flow through it.
        masked: whether it honours a mask over the first two axes.
        invariances: name -> function that changes `(y_true, y_pred)` in a way that must not change
            the loss.
        extremes: the least and the largest prediction that a loss may meet.
        tolerance: dtype -> greatest relative error in that dtype, measured against the largest
            value.
        buckets: for a kernel that rounds lengths up: how many programs may be compiled for all
            lengths of `varies`.
        waived: name of a check -> why it does not hold; shown to whoever runs the contract.

    Example:
    >>> import keras
    >>> from kerasx.testing import Case, tensors
    >>> case = Case(
    ...     keras.layers.Dense,
    ...     lambda batch, channels: tensors((batch, channels)),
    ...     arguments={"units": 4},
    ...     varies=("batch",),
    ... )
    >>> case.dimensions
    ('batch', 'channels')
    """

    of: Any
    inputs: Callable[..., SearchStrategy]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    varies: tuple[str, ...] | None = None
    independent: bool = True
    random: bool = False
    differentiable: bool = True
    masked: bool = False
    invariances: Mapping[str, Callable[[Any, Any], tuple[Any, Any]]] = field(default_factory=dict)
    extremes: tuple[float, float] = (-1e4, 1e4)
    tolerance: Mapping[str, float] = field(default_factory=dict)
    buckets: int | None = None
    waived: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.varies or ()) - set(self.dimensions)
        if unknown:
            raise ValueError(
                f"{self.label}: varies names {sorted(unknown)}; the dimensions, which are the "
                f"parameters of inputs, are {list(self.dimensions)}"
            )

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions."""
        return tuple(inspect.signature(self.inputs).parameters)

    @property
    def label(self) -> str:
        """Name of the contribution and of the case."""
        return f"{self.of.__name__}-{self.name}" if self.name else self.of.__name__

    def make(self, **arguments: Any) -> Any:
        """An instance of the class, or the function with its arguments."""
        given = {**self.arguments, **arguments}
        return self.of(**given) if inspect.isclass(self.of) else functools.partial(self.of, **given)

    def draw_sizes(self, data: DataObject, **given: int) -> dict[str, int]:
        """A size for each dimension, as drawn or as given."""
        drawn = {name: data.draw(sizes(), label=name) for name in self.dimensions}
        if len(set(drawn.values())) == 1:  # would hide that two axes are exchanged
            drawn = {name: size + place for place, (name, size) in enumerate(drawn.items())}
        return drawn | {name: size for name, size in given.items() if name in drawn}

    def vary(self, data: DataObject, was: Mapping[str, int], **given: int) -> dict[str, int]:
        """Other sizes for the dimensions that may vary."""
        varies = self.dimensions if self.varies is None else self.varies
        drawn = self.draw_sizes(data, **given)
        return {name: drawn[name] if name in varies else size for name, size in was.items()}

    def draw(self, data: DataObject, shape: Mapping[str, int] | None = None, **given: int) -> Any:
        """Inputs of these sizes: numpy arrays in a tuple, in a dictionary, or one."""
        shape = self.draw_sizes(data, **given) if shape is None else shape
        return data.draw(self.inputs(**shape), label="inputs")

    def close(self, dtype: str) -> float:
        """The greatest relative error in a dtype."""
        usual = {"float64": 1e-7, "float32": 1e-5, "bfloat16": 5e-2, "float16": 1e-2}
        return self.tolerance.get(dtype, usual[dtype])


def by_position(drawn: Any) -> tuple[tuple, dict[str, Any]]:
    """Drawn inputs as positional and named arguments."""
    if isinstance(drawn, tuple):
        return drawn, {}
    if isinstance(drawn, dict):
        return (), drawn
    return (drawn,), {}


def seeds(data: DataObject) -> np.random.Generator:
    """A drawn source of random numbers."""
    return np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))
