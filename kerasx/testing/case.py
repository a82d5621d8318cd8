"""Cases: how the contract exercises a contribution, and what it leaves out for a plugin."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import SkipTest

import keras
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from kerasx.testing.strategies import sizes


@dataclass(frozen=True, eq=False)
class Case:
    """Inputs that exercise one contribution, and the properties that hold for it.

    Attributes:
        of: the class, function or kernel.
        inputs: a function that returns a hypothesis strategy for the inputs. Its parameters are
            the dimensions, and each receives a size; `batch`, if it is one of them, is the first
            axis. A drawn tuple is passed by position, a dictionary by name, and anything else as
            the only input. Losses and metrics draw `(y_true, y_pred)`, initializers a shape, and
            callbacks a function that returns a compiled model, which makes one number of three.
            Other kinds than layers, losses, metrics and kernels need no inputs.
        arguments: arguments of the constructor; for a function, the arguments that are not inputs;
            for a kernel, the static arguments. If they hold layers, give a function that returns
            the arguments: every instance then gets layers of its own.
        name: tells several cases of one contribution apart.
        varies: dimensions that may have another size on the next call; all of them by default.
        independent: whether the output for an example depends on that example only.
        random: whether it draws random numbers in training.
        differentiable: whether gradients flow through it.
        masked: whether it respects a mask over the first two axes.
        invariances: name -> function that changes `(y_true, y_pred)` in a way that must not change
            the loss.
        extremes: the smallest and the largest prediction that a loss may meet.
        tolerance: dtype -> largest error in that dtype, relative to the largest value.
        buckets: for a kernel that rounds lengths up, the number of programs that it may compile
            for all lengths of `varies`.
        waived: name of a check -> why it does not hold, which `kerasx check` shows. `Waivers` does
            the same for a whole plugin.
        backends: names of the backends that it exercises the contribution on, such as `("jax",)`;
            all of them by default. Elsewhere its checks are not exercised.

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
    inputs: Callable[..., SearchStrategy] | None = None
    arguments: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(default_factory=dict)
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
    backends: tuple[str, ...] = ()

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
        return () if self.inputs is None else tuple(inspect.signature(self.inputs).parameters)

    @property
    def label(self) -> str:
        """Name of the contribution and of the case."""
        return f"{self.of.__name__}-{self.name}" if self.name else self.of.__name__

    def given(self) -> dict[str, Any]:
        """Return the arguments; if `arguments` is a function, those that it returns now."""
        return dict(self.arguments() if callable(self.arguments) else self.arguments)

    def make(self, **arguments: Any) -> Any:
        """Return an instance of the class, or the function with its arguments."""
        self._skip_other_backends()
        arguments = {**self.given(), **arguments}
        if inspect.isclass(self.of):
            return self.of(**arguments)
        return functools.partial(self.of, **arguments)

    def draw_sizes(self, data: DataObject, **fixed: int) -> dict[str, int]:
        """Draw a size for each dimension that is not fixed."""
        drawn = {name: data.draw(sizes(), label=name) for name in self.dimensions}
        if len(set(drawn.values())) == 1:  # equal sizes would hide that two axes are exchanged
            drawn = {name: size + place for place, (name, size) in enumerate(drawn.items())}
        return drawn | {name: size for name, size in fixed.items() if name in drawn}

    def vary(self, data: DataObject, was: Mapping[str, int], **fixed: int) -> dict[str, int]:
        """Draw other sizes for the dimensions that may vary."""
        varies = self.dimensions if self.varies is None else self.varies
        drawn = self.draw_sizes(data, **fixed)
        return {name: drawn[name] if name in varies else size for name, size in was.items()}

    def draw(self, data: DataObject, shape: Mapping[str, int] | None = None, **fixed: int) -> Any:
        """Draw inputs of these sizes: one numpy array, or a tuple or dictionary of arrays."""
        self._skip_other_backends()
        if self.inputs is None:
            raise ValueError(
                f"{self.label}: inputs must be a function that returns a strategy, such as "
                "lambda batch: tensors((batch, 4)); received None"
            )
        shape = self.draw_sizes(data, **fixed) if shape is None else shape
        return data.draw(self.inputs(**shape), label="inputs")

    def _skip_other_backends(self) -> None:
        if self.backends and keras.backend.backend() not in self.backends:
            raise SkipTest(f"only exercised on {' and '.join(self.backends)}")

    def close(self, dtype: str) -> float:
        """Return the largest relative error in a dtype."""
        default = {"float64": 1e-7, "float32": 1e-5, "bfloat16": 5e-2, "float16": 1e-2}
        return self.tolerance.get(dtype, default[dtype])


@dataclass(frozen=True, eq=False)
class Waivers:
    """Checks that do not hold for a whole plugin, whose hook `kerasx_cases` returns it.

    Attributes:
        checks: name of a check -> why it does not hold, which `kerasx check` shows.
        wraps: import packages of other people whose classes the plugin contributes. Checks of style
            (documentation, imports of public Keras only) do not apply to these classes.

    Example:
    >>> from kerasx.testing import Waivers
    >>> waivers = Waivers({"exports": "the layers read files"}, wraps="tcn")
    >>> waivers.wraps_module("tcn.tcn"), waivers.wraps_module("kx_tcn.plugin")
    (True, False)
    """

    checks: Mapping[str, str] = field(default_factory=dict)
    wraps: str | Sequence[str] = ()

    def wraps_module(self, module: str) -> bool:
        """Return whether a module belongs to a wrapped package."""
        packages = [self.wraps] if isinstance(self.wraps, str) else self.wraps
        return any(f"{module}.".startswith(f"{package}.") for package in packages)


def by_position(drawn: Any) -> tuple[tuple, dict[str, Any]]:
    """Return drawn inputs as positional and named arguments."""
    if isinstance(drawn, tuple):
        return drawn, {}
    if isinstance(drawn, dict):
        return (), drawn
    return (drawn,), {}


def seeds(data: DataObject) -> np.random.Generator:
    """Draw the seed of a random number generator, and return the generator."""
    return np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))
