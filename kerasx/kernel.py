"""Kernels: one function over tensors, compiled by its backend, a node in functional models.

What a kernel must achieve, whatever the backend:

- called with arrays or tensors, it runs compiled: ``tf.function(jit_compile=True)`` on TensorFlow,
  ``jax.jit`` on JAX, eagerly elsewhere;
- called while a model's own step is traced, it becomes a part of that step;
- called with Keras symbolic tensors, it becomes one node of a functional model, which saves and
  reloads once the kernel is registered with Keras (a plugin's kernels are).
"""

from __future__ import annotations

import functools
import inspect
import linecache
import re
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, overload

import keras

P = ParamSpec("P")
R = TypeVar("R")


class KernelError(RuntimeError):
    """A kernel cannot be compiled; the message names the kernel and the operation."""


class Kernel(Generic[P, R]):
    """A function over tensors that its backend compiles. Made by `kernel`.

    To type checkers, `P` are the arguments of the function and `R` what it returns.

    Attributes:
        static: names of the arguments that are part of the program, not data.
        reference: the plain function that specifies the result, or `None`.
        backends: names of the backends that have an implementation of their own.
    """

    __name__: str

    def __init__(
        self,
        function: Callable[P, R],
        static: Sequence[str] = (),
        reference: Callable[..., Any] | None = None,
    ):
        functools.update_wrapper(self, function)
        self.signature = inspect.signature(function)
        self.static = tuple(static)
        self.reference = reference
        self._implementations: dict[str, Callable[..., Any]] = {}
        unnamed = [
            str(parameter)
            for parameter in self.signature.parameters.values()
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]
        if unnamed:
            raise TypeError(
                f"kernel {self.__name__!r}: every argument of a kernel has a name of its own; "
                f"received {', '.join(unnamed)}"
            )
        unknown = set(self.static) - set(self.signature.parameters)
        if unknown:
            raise TypeError(
                f"kernel {self.__name__!r}: `static` names {sorted(unknown)}, which are not among "
                f"its arguments {list(self.signature.parameters)}"
            )

    @property
    def backends(self) -> tuple[str, ...]:
        return tuple(self._implementations)

    def implementation(self, backend: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: use this function instead, on the backend of that name.

        It takes the same arguments as the kernel and returns the same values.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            names = list(inspect.signature(function).parameters)
            if names != list(self.signature.parameters):
                raise TypeError(
                    f"kernel {self.__name__!r}: the implementation for {backend!r} must take the "
                    f"arguments {list(self.signature.parameters)}; received {names}"
                )
            self._implementations[backend] = function
            self.__dict__.pop("compiled", None)
            return function

        return register

    @property
    def function(self) -> Callable[..., Any]:
        """The uncompiled function for the backend in use."""
        return self._implementations.get(keras.backend.backend(), self.__wrapped__)

    @functools.cached_property
    def compiled(self) -> Callable[..., Any]:
        """The function as the backend in use compiles it; takes keyword arguments."""
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            return tf.function(self.function, jit_compile=True, autograph=False)
        if keras.backend.backend() == "jax":
            import jax

            return jax.jit(self.function, static_argnames=self.static)
        return self.function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        arguments = self.signature.bind(*args, **kwargs).arguments
        static = {name: _frozen(arguments.pop(name)) for name in self.static if name in arguments}
        if any(map(_is_symbolic, keras.tree.flatten(arguments))):
            return KernelCall(self, static)(**arguments)
        tensors = {name: _as_tensors(value) for name, value in arguments.items()}
        try:
            return self.compiled(**tensors, **static)
        except Exception as error:
            reason = _why_not_compiled(error, self.function)
            if reason is None:
                raise
            raise KernelError(f"kernel {self.__name__!r} cannot be compiled: {reason}") from error

    def __reduce__(self) -> str:
        return self.__qualname__  # copied and pickled by name, as a function is

    def __repr__(self) -> str:
        return f"<Kernel {keras.saving.get_registered_name(self)}{self.signature}>"


@overload
def kernel(function: Callable[P, R]) -> Kernel[P, R]: ...


@overload
def kernel(
    *, static: Sequence[str] = (), reference: Callable[..., Any] | None = None
) -> Callable[[Callable[P, R]], Kernel[P, R]]: ...


def kernel(
    function: Callable[P, R] | None = None,
    *,
    static: Sequence[str] = (),
    reference: Callable[..., Any] | None = None,
) -> Kernel[P, R] | Callable[[Callable[P, R]], Kernel[P, R]]:
    """Turn a function over tensors into a kernel.

    The function is written with `keras.ops`, has no side effects, and works for symbolic values: no
    Python branch on a tensor, no shape that depends on data.

    Args:
        function: the function. Each argument is a tensor, a nested structure of tensors, or `None`,
            unless `static` names it.
        static: names of arguments that are compiled into the program: numbers, strings, tuples.
            Each new value compiles anew.
        reference: the plain function that the kernel must equal, written for reading.

    Returns:
        A `Kernel`, called as the function is.

    Raises:
        TypeError: `static` names no argument of the function, or the function takes `*args`.
        KernelError: (when called) XLA cannot compile an operation of the function.

    Example:
    >>> import kerasx, keras
    >>> @kerasx.kernel(static=("power",))
    ... def scaled(x, *, power=1):
    ...     return x * 2.0**power
    >>> print(keras.ops.convert_to_numpy(scaled([1.0, 2.0], power=3)))
    [ 8. 16.]
    """
    if function is None:
        return functools.partial(Kernel, static=static, reference=reference)
    return Kernel(function, static, reference)


@keras.saving.register_keras_serializable("kerasx")
class KernelCall(keras.Operation):
    """The node that a kernel makes in a functional model."""

    def __init__(self, kernel: Kernel, static: dict[str, Any], *, name: str | None = None):
        super().__init__(name=name)
        self.kernel = kernel
        self.static = static

    def call(self, **tensors: Any) -> Any:
        return self.kernel(**tensors, **self.static)

    def get_config(self) -> dict[str, Any]:
        return {
            "kernel": keras.saving.get_registered_name(self.kernel),
            "static": self.static,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KernelCall:
        kernel = keras.saving.get_registered_object(config["kernel"])
        if not isinstance(kernel, Kernel):
            from kerasx.registry import UnknownNameError, explain  # which imports this module

            raise UnknownNameError(explain(config["kernel"]))
        static = {name: _frozen(value) for name, value in config["static"].items()}
        return cls(kernel, static, name=config["name"])


def is_concrete(tensor: Any) -> bool:
    """Whether the values of a tensor can be read now.

    They cannot while a function is traced: in a compiled training step, under `jax.jit` or
    `torch.compile`, or when Keras computes shapes. Checks of values belong behind this question.

    >>> import keras
    >>> is_concrete(keras.ops.ones(3)), is_concrete(keras.KerasTensor((3,)))
    (True, False)
    """
    if _is_symbolic(tensor):
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


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor)


def _as_tensors(value: Any) -> Any:
    """Arrays and nested lists of numbers as tensors; structures of tensors keep their form."""
    if isinstance(value, keras.Variable):
        # TensorFlow's own variable inside would be traced by identity, anew for each one.
        value = value.value
        return value.read_value() if hasattr(value, "read_value") else value
    if value is None or keras.ops.is_tensor(value):
        return value
    if isinstance(value, dict | list | tuple) and any(
        hasattr(leaf, "shape") for leaf in keras.tree.flatten(value)
    ):
        return keras.tree.map_structure(_as_tensors, value)
    return keras.ops.convert_to_tensor(value)


def _frozen(value: Any) -> Any:
    """A static value as a hashable one; a saved model gives tuples back as lists."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return value


def _why_not_compiled(error: Exception, function: Callable[..., Any]) -> str | None:
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
