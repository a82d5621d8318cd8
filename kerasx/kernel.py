"""Kernels: one function over tensors, compiled by its backend, a node in functional models.

What a kernel must achieve, whatever the backend:

- called with arrays or tensors, its shapes and dtypes are checked, lengths are rounded up to their
  bucket, and it runs compiled where that was measured to win: ``tf.function(jit_compile=True)`` on
  TensorFlow, ``jax.jit`` on JAX, ``torch.compile`` on PyTorch. Otherwise it runs as a graph on
  TensorFlow and eagerly elsewhere;
- called while a model's own step is traced, it becomes a part of that step;
- called with Keras symbolic tensors, it becomes one node of a functional model, which saves and
  reloads once the kernel is registered with Keras (a plugin's kernels are).

Shapes, buckets, the policy and `explain` are a file each: `shapes`, `buckets`, `policy`, `explain`.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

import keras

from kerasx import programs
from kerasx.buckets import Buckets
from kerasx.gradient import read
from kerasx.policy import ALLOWED, Measured, allowing, decide
from kerasx.programs import is_concrete as is_concrete
from kerasx.programs import is_symbolic, is_traced, why_refused
from kerasx.recorded import is_shape_inference
from kerasx.shapes import Shapes

if TYPE_CHECKING:
    from kerasx.explain import Explanation

P = ParamSpec("P")
R = TypeVar("R")


class KernelError(RuntimeError):
    """A kernel cannot be compiled; the message names the kernel and the operation."""


@keras.saving.register_keras_serializable("kerasx")
class Kernel(Generic[P, R]):
    """A function over tensors that its backend compiles. Made by `kernel`.

    To type checkers, `P` are the arguments of the function and `R` what it returns.

    Attributes:
        static: names of the arguments that are part of the program, not data.
        reference: the plain function that specifies the result, or `None`.
        shapes: the shapes of arguments and results, or `None`.
        buckets: the dimensions that are rounded up, or `None`.
        measured: what was measured of it, compiled and not.
        of_kernels: whether it calls kernels that are compiled for themselves in a graph.
        backends: names of the backends that have an implementation of their own.
    """

    __name__: str

    def __init__(
        self,
        function: Callable[P, R],
        static: Sequence[str] = (),
        reference: Callable[..., Any] | None = None,
        shapes: Mapping[str, str] | None = None,
        returns: Any = None,
        bucket: Mapping[str, str | int] | None = None,
        pad: Mapping[str, Any] | None = None,
        measured: Sequence[Measured] = (),
        of_kernels: bool = False,
    ):
        functools.update_wrapper(self, function)
        self.signature = inspect.signature(function)
        self.static = tuple(static)
        self.reference = reference
        self.measured = tuple(measured)
        self.of_kernels = of_kernels
        self._implementations: dict[str, Callable[..., Any]] = {}
        self._about: Callable[..., str] | None = None
        self._why_nan: Callable[..., None] | None = None
        parameters = self.signature.parameters.values()
        unnamed = [
            str(parameter)
            for parameter in parameters
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]
        if unnamed:
            raise TypeError(
                f"kernel {self.__name__!r}: every argument of a kernel has a name of its own; "
                f"received {', '.join(unnamed)}"
            )
        data = [name for name in self.signature.parameters if name not in self.static]
        self._names("static", self.static, list(self.signature.parameters))
        self._names("shapes", shapes or (), data)
        self.shapes = Shapes(self.__name__, shapes, returns) if shapes else None
        if bucket and self.shapes is None:
            raise TypeError(f"kernel {self.__name__!r}: `bucket` needs `shapes`")
        self.buckets = Buckets(self.shapes, bucket, pad or {}) if bucket else None

    def _names(self, of: str, names: Iterable[str], known: list[str]) -> None:
        unknown = set(names) - set(known)
        if unknown:
            raise TypeError(
                f"kernel {self.__name__!r}: `{of}` names {sorted(unknown)}, which are not among "
                f"its arguments {known}"
            )

    @property
    def backends(self) -> tuple[str, ...]:
        return tuple(self._implementations)

    def implementation(self, backend: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: use this function instead, on the backend of that name.

        It takes the same arguments as the kernel and returns the same values.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self._takes_the_same(function, f"implementation for {backend!r}")
            self._implementations[backend] = function
            for program in ("compiled", "nested", "graph"):
                self.__dict__.pop(program, None)
            return function

        return register

    def about(self, function: Callable[..., str]) -> Callable[..., str]:
        """Decorator: this function says more on what runs for its arguments, in `explain`.

        It takes the same arguments as the kernel and returns a sentence, such as which kernel of
        the vendor does the work.
        """
        self._takes_the_same(function, "function for `about`")
        self._about = function
        return function

    def why_nan(self, function: Callable[..., None]) -> Callable[..., None]:
        """Decorator: this function raises for values that the kernel answers with NaN.

        It takes the same arguments as the kernel, and is called outside of compiled code where a
        result has NaN: there bad values raise, elsewhere they give NaN. It returns if it finds
        nothing wrong.
        """
        self._takes_the_same(function, "function for `why_nan`")
        self._why_nan = function
        return function

    def _takes_the_same(self, function: Callable[..., Any], what: str) -> None:
        names = list(inspect.signature(function).parameters)
        if names != list(self.signature.parameters):
            raise TypeError(
                f"kernel {self.__name__!r}: the {what} must take the arguments "
                f"{list(self.signature.parameters)}; received {names}"
            )

    @property
    def function(self) -> Callable[..., Any]:
        """The uncompiled function for the backend in use."""
        return self._implementations.get(keras.backend.backend(), self.__wrapped__)

    @functools.cached_property
    def compiled(self) -> Callable[..., Any]:
        """The function as the backend in use compiles it; takes keyword arguments."""
        return programs.compiled(self.function, self.static)

    @functools.cached_property
    def nested(self) -> Callable[..., Any]:
        """The compiled function within a graph of TensorFlow, where sizes may be unknown.

        TensorFlow would call what it traced there, with its loops of unknown length, for arguments
        of known sizes too; XLA cannot differentiate it outside.
        """
        return programs.compiled(self.function, self.static)

    @functools.cached_property
    def graph(self) -> Callable[..., Any]:
        """The function as it runs where it is not compiled; takes keyword arguments."""
        return programs.graph(self.function, self.static)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._call(None, args, kwargs)

    def options(self, *, compile: bool) -> Callable[P, R]:
        """The kernel, compiled or not whatever the policy says.

        Inside compiled code it becomes a part of that, as always.
        """

        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            return self._call(compile, args, kwargs)

        return functools.update_wrapper(run, self, updated=())

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation:
        """What runs for these arguments, and what it costs.

        See `kerasx.explain.Explanation` for the figures and for what each backend can tell.
        """
        from kerasx.explain import explain  # which importing kerasx need not pay for

        arguments, static = self._bound(args, kwargs)
        tensors = {name: _as_tensors(value) for name, value in arguments.items()}
        sizes = self.shapes.check(tensors) if self.shapes else None
        if self.buckets and keras.backend.backend() != "torch":
            tensors = self.buckets.padded(tensors, sizes)
        return explain(self, tensors, static, self._about)

    def _call(self, compile: bool | None, args: tuple, kwargs: dict[str, Any]) -> Any:
        arguments, static = self._bound(args, kwargs)
        if any(map(_has_symbols, arguments.values())):
            if self.shapes:
                self.shapes.check(
                    {name: _symbols_or_tensors(value) for name, value in arguments.items()}
                )
            return KernelCall(self, static)(**arguments)
        tensors = {name: _as_tensors(value) for name, value in arguments.items()}
        sizes = self.shapes.check(tensors) if self.shapes else None
        compile = decide(self.__name__, self.measured)[0] if compile is None else compile
        compile = compile and ALLOWED.get()
        run = self._program(compile, tensors)
        try:
            if self.buckets and run is not self.function and is_traced(tensors):
                in_graph = keras.backend.backend() == "tensorflow"
                sizes = self.buckets.found(tensors, sizes) if in_graph else None
            with allowing(compile) if self.of_kernels else contextlib.nullcontext():
                if self.buckets and run is not self.function and sizes is not None:
                    outputs = run(**self.buckets.padded(tensors, sizes), **static)
                    outputs = self.buckets.cut(outputs, sizes)
                else:
                    outputs = run(**tensors, **static)
        except Exception as error:
            reason = why_refused(error, self.function)
            if reason is None:
                raise
            raise KernelError(f"kernel {self.__name__!r} cannot be compiled: {reason}") from error
        why = self._why_nan
        if why and any(map(_has_nan, keras.tree.flatten(outputs))) and not is_shape_inference():
            why(**tensors, **static)
        return outputs

    def _bound(self, args: tuple, kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arguments that were given, by name: those that are data, and the static ones."""
        arguments = self.signature.bind(*args, **kwargs).arguments
        static = {name: _frozen(arguments.pop(name)) for name in self.static if name in arguments}
        return arguments, static

    def _program(self, compile: bool, tensors: dict[str, Any]) -> Callable[..., Any]:
        """What to call: within compiled code that is not XLA's, a compiled kernel stays one."""
        backend = keras.backend.backend()
        if backend == "torch":
            return self.compiled if compile and not is_traced(tensors) else self.function
        if backend == "tensorflow" and is_traced(tensors):
            return self.nested if compile and not self.of_kernels else self.function
        return self.compiled if compile else self.graph

    def __reduce__(self) -> str:
        return self.__qualname__  # copied and pickled by name, as a function is

    def get_config(self) -> dict[str, Any]:
        """Its registered name: a layer that has a kernel as its activation saves it so."""
        return {"kernel": keras.saving.get_registered_name(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Kernel:
        """The registered kernel of that name."""
        kernel = keras.saving.get_registered_object(config["kernel"])
        if not isinstance(kernel, Kernel):
            from kerasx.registry import UnknownNameError, explain  # which imports this module

            raise UnknownNameError(explain(config["kernel"]))
        return kernel

    def __repr__(self) -> str:
        return f"<Kernel {keras.saving.get_registered_name(self)}{self.signature}>"


@overload
def kernel(function: Callable[P, R]) -> Kernel[P, R]: ...


@overload
def kernel(
    *,
    static: Sequence[str] = (),
    reference: Callable[..., Any] | None = None,
    shapes: Mapping[str, str] | None = None,
    returns: Any = None,
    bucket: Mapping[str, str | int] | None = None,
    pad: Mapping[str, Any] | None = None,
    measured: Sequence[Measured] = (),
    of_kernels: bool = False,
) -> Callable[[Callable[P, R]], Kernel[P, R]]: ...


def kernel(
    function: Callable[P, R] | None = None,
    *,
    static: Sequence[str] = (),
    reference: Callable[..., Any] | None = None,
    shapes: Mapping[str, str] | None = None,
    returns: Any = None,
    bucket: Mapping[str, str | int] | None = None,
    pad: Mapping[str, Any] | None = None,
    measured: Sequence[Measured] = (),
    of_kernels: bool = False,
) -> Kernel[P, R] | Callable[[Callable[P, R]], Kernel[P, R]]:
    """Turn a function over tensors into a kernel.

    The function is written with `keras.ops`, has no side effects, and works for symbolic values: no
    Python branch on a tensor, no shape that depends on data. A gradient by hand is written with
    `kerasx.custom_gradient`.

    Args:
        function: the function. Each argument is a tensor, a nested structure of tensors, or `None`,
            unless `static` names it.
        static: names of arguments that are compiled into the program: numbers, strings, tuples.
            Each new value compiles anew.
        reference: the plain function that the kernel must equal, written for reading.
        shapes: argument -> its dtype and shape: an optional word `float` (which is meant without
            one), `int`, `bool` or `any`, and dimensions. A name has one size in all arguments, a
            number is that size, `...` is any dimensions, the same wherever it stands. ` | `
            separates forms, of which one must fit. An argument of `None` is not checked.
        returns: the same for what the kernel returns, in its structure.
        bucket: dimension of `shapes` -> `"power_of_two"` or the number whose multiple it is rounded
            up to. Outside of compiled code, arguments with that dimension are padded and results
            are cut back, so that many lengths compile few programs.
        pad: argument -> the value that it is padded with, 0 or False for the others. An argument
            named here that is `None` is made of ones (True) before it is padded: a mask.
        measured: times with and without compiling, which decide whether the kernel is compiled; see
            `kerasx.policy`.
        of_kernels: whether the function calls kernels for all that is worth compiling. In a graph
            of TensorFlow each of them is compiled then, and what they keep for the gradient is not
            copied, as it is where it leaves a compiled program. Where this kernel is not to be
            compiled, by `options` or by `KERASX_COMPILE`, they are not either.

    Returns:
        A `Kernel`, called as the function is.

    Raises:
        TypeError: `static` or `shapes` names no argument of the function, or it takes `*args`;
            (when called) an argument has another dtype.
        ValueError: a form or a bucket cannot be understood; (when called) an argument has another
            shape.
        KernelError: (when called) XLA cannot compile an operation of the function.

    Example:
    >>> import kerasx, keras
    >>> @kerasx.kernel(static=("power",), shapes={"x": "rows columns", "y": "columns"})
    ... def scaled(x, y, *, power=1):
    ...     return x * y**power
    >>> print(keras.ops.convert_to_numpy(scaled([[1.0, 2.0]], [2.0, 3.0], power=3)))
    [[ 8. 54.]]
    >>> scaled([[1.0, 2.0]], [1.0, 2.0, 3.0])
    Traceback (most recent call last):
        ...
    ValueError: kernel 'scaled': `y` must have shape (columns,), here (2,); received (3,): columns
    is 3 in it, but 2 in `x` of shape (1, 2)

    A mean over time of any length, of which four programs serve 1 to 8 steps:

    >>> @kerasx.kernel(
    ...     shapes={"x": "batch time", "mask": "bool batch time"},
    ...     returns="batch",
    ...     bucket={"time": "power_of_two"},
    ...     pad={"mask": False},
    ... )
    ... def mean(x, mask=None):
    ...     weight = keras.ops.ones_like(x) if mask is None else keras.ops.cast(mask, x.dtype)
    ...     return keras.ops.sum(x * weight, 1) / keras.ops.sum(weight, 1)
    >>> [float(mean(keras.ops.ones((1, length)))[0]) for length in (1, 2, 5, 6, 7)]
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    given = (static, reference, shapes, returns, bucket, pad, measured, of_kernels)
    return Kernel(function, *given) if function else lambda function: Kernel(function, *given)


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
            **self.kernel.get_config(),
            "static": self.static,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KernelCall:
        kernel = Kernel.from_config(config)
        static = {name: _frozen(value) for name, value in config["static"].items()}
        return cls(kernel, static, name=config["name"])


def _has_symbols(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(map(is_symbolic, keras.tree.flatten(value)))
    return is_symbolic(value)


def _symbols_or_tensors(value: Any) -> Any:
    return value if _has_symbols(value) else _as_tensors(value)


def _as_tensors(value: Any) -> Any:
    """Arrays and nested lists of numbers as tensors; structures of tensors keep their form."""
    value = read(value)
    if value is None or keras.ops.is_tensor(value):
        return value
    if isinstance(value, dict | list | tuple) and any(
        hasattr(leaf, "shape") for leaf in keras.tree.flatten(value)
    ):
        return keras.tree.map_structure(_as_tensors, value)
    return keras.ops.convert_to_tensor(value)


def _has_nan(tensor: Any) -> bool:
    if not is_concrete(tensor):
        return False
    floating = keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
    return floating and bool(keras.ops.any(keras.ops.isnan(tensor)))


def _frozen(value: Any) -> Any:
    """A static value as a hashable one; a saved model gives tuples back as lists."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return value
