"""A region: a function that its backend compiles as one program."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, overload

import keras

from kerasx.compiler import backends, choice
from kerasx.compiler.gradient import read
from kerasx.errors import KernelError

P = ParamSpec("P")
R = TypeVar("R")


class Compiled(Generic[P, R]):
    """A function over tensors that its backend compiles. Made by `compiled`.

    Attributes:
        function: the function, which runs uncompiled.
        static: names of the arguments that are part of the program, not data.
        composite: whether the function consists of regions of its own. In a TensorFlow graph those
            are compiled one by one and this one is not.
    """

    __name__: str

    def __init__(
        self,
        function: Callable[P, R],
        static: Sequence[str] = (),
        composite: bool = False,
        name: str | None = None,
    ):
        functools.update_wrapper(self, function)
        self.__name__ = name or function.__name__
        self.function = function
        self.static = tuple(static)
        self.composite = composite
        self.signature = inspect.signature(function)
        self._programs: dict[str, Callable[..., Any]] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        arguments = self.signature.bind(*args, **kwargs).arguments
        static = {name: arguments.pop(name) for name in self.static if name in arguments}
        return self.run({name: read(value) for name, value in arguments.items()}, static)

    def run(self, tensors: dict[str, Any], static: dict[str, Any]) -> Any:
        """Call the function with these arguments, compiled where that is chosen.

        Raises:
            KernelError: the backend cannot compile an operation of the function.
        """
        try:
            return self.select(tensors)(**tensors, **static)
        except Exception as error:
            reason = backends.why_refused(error, self.function)
            if reason is None:
                raise
            raise KernelError(f"function {self.__name__!r} cannot be compiled: {reason}") from error

    def select(self, tensors: dict[str, Any]) -> Callable[..., Any]:
        """Return the callable that runs for these tensors: a program, or the function itself.

        Inside a program that is being compiled, the function becomes a part of that. A TensorFlow
        graph is not compiled as a whole, so there the function stays a program of its own.
        """
        compiles, _ = choice.decide(self.__name__)
        backend, traced = keras.backend.backend(), backends.is_traced(tensors)
        if backend == "torch":
            return self._program("compiled") if compiles and not traced else self.function
        if backend == "tensorflow" and traced:
            return self._program("nested") if compiles and not self.composite else self.function
        return self._program("compiled" if compiles else "graph")

    def as_part(self) -> Callable[..., Any]:
        """Return the program that runs inside a TensorFlow graph."""
        return self._program("nested")

    def _program(self, way: str) -> Callable[..., Any]:
        """Return the program of one way to run: compiled, nested in a graph, or a plain graph.

        A trace made inside a graph may hold loops of unknown length. TensorFlow would reuse it for
        eager calls, where XLA cannot differentiate such loops, so `nested` is kept apart.
        """
        if way not in self._programs:
            make = backends.as_graph if way == "graph" else backends.compile_function
            self._programs[way] = make(self.function, self.static)
        return self._programs[way]

    def count_programs(self) -> int:
        """Count the programs made so far: one for each choice of shapes and static arguments."""
        return sum(map(backends.count_programs, self._programs.values()))

    def clear(self) -> None:
        """Forget all programs, so that the next call traces the function again."""
        for program in self._programs.values():
            backends.clear_program(program)
        self._programs.clear()


@overload
def compiled(function: Callable[P, R]) -> Compiled[P, R]: ...


@overload
def compiled(
    *, static: Sequence[str] = (), composite: bool = False
) -> Callable[[Callable[P, R]], Compiled[P, R]]: ...


def compiled(
    function: Callable[P, R] | None = None, *, static: Sequence[str] = (), composite: bool = False
) -> Compiled[P, R] | Callable[[Callable[P, R]], Compiled[P, R]]:
    """Mark a function over tensors as a region that XLA compiles as one program.

    Unlike `kerasx.kernel` it checks no shapes and makes no node in functional models. Use it for
    the inside of a kernel, typically for the forward and backward pass of a custom gradient: what
    the forward pass keeps for the gradient then need not be copied out of a larger program.

    Args:
        function: the function. Its arguments are tensors, nested structures of tensors or `None`,
            unless `static` names them.
        static: names of arguments that are compiled into the program, which must be hashable.
        composite: set this if the function only calls other regions. Inside a TensorFlow graph
            those are compiled one by one and this one is not.

    Returns:
        A `Compiled`, called as the function is.

    Raises:
        KernelError: (when called) the backend cannot compile an operation of the function.

    Example:
    >>> import keras, kerasx.compiler
    >>> @kerasx.compiler.compiled(static=("power",))
    ... def scaled(x, y, power=1):
    ...     return x * y**power
    >>> product = scaled(keras.ops.ones(2), keras.ops.array([3.0, 4.0]), power=2)
    >>> print(keras.ops.convert_to_numpy(product))
    [ 9. 16.]
    """
    if function is None:
        return lambda function: Compiled(function, static, composite)
    return Compiled(function, static, composite)


def traced_once(
    function: Callable[P, R], static: Sequence[str] = (), any_batch: bool = False
) -> Callable[P, R]:
    """Return the function such that TensorFlow's graphs share one trace of it for each shape.

    Keras has a graph for training and one for evaluation, and each would trace the function again.
    Outside of graphs, under a distribution strategy and on other backends the function itself runs.

    Args:
        function: a function of tensors that reads nothing else that may change. It receives the
            values of variables that are passed by position.
        static: names of arguments that are part of the trace, which must be hashable.
        any_batch: whether one trace serves all sizes of the first axis.
    """
    if keras.backend.backend() != "tensorflow":
        return lambda *args, **kwargs: function(*map(read, args), **kwargs)
    graphs = backends.as_graph(function, static, any_batch)

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        import tensorflow as tf

        if tf.executing_eagerly() or tf.distribute.has_strategy():
            return function(*args, **kwargs)
        return graphs(*map(read, args), **kwargs)

    return call
