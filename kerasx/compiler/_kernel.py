"""Kernels: functions over tensors that users call.

Called with arrays or tensors, a kernel checks shapes and dtypes, rounds lengths up to their bucket,
and runs compiled. Called while a model's own step is traced, it becomes a part of that step. Called
with Keras symbolic tensors, it becomes one node of a functional model, which saves and reloads once
the kernel is registered with Keras (a plugin's kernels are).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, overload

import keras
import numpy as np

from kerasx.calls import wrong_call
from kerasx.compiler import backends
from kerasx.compiler._explain import Explanation, explain
from kerasx.compiler.buckets import Buckets, Rounding
from kerasx.compiler.conversion import exact_tensor
from kerasx.compiler.gradient import read
from kerasx.compiler.program import Compiled
from kerasx.compiler.shapes import Shapes, Sizes
from kerasx.errors import KernelError, UnknownNameError
from kerasx_launcher.backends import BACKENDS

P = ParamSpec("P")
R = TypeVar("R")


@keras.saving.register_keras_serializable("kerasx")
class Kernel(Generic[P, R]):
    """A function over tensors with checked arguments, compiled by its backend. Made by `kernel`.

    To type checkers, `P` are the arguments of the function and `R` what it returns.

    Attributes:
        static: names of the arguments that are part of the program, not data.
        reference: the plain function that specifies the result, or `None`.
        shapes: the shapes of arguments and results, or `None`.
        buckets: the dimensions that are rounded up, or `None`.
        backends: names of the backends that have an implementation of their own.
        only_on: names of the backends that the function serves; empty if it serves all.
        region: the function for the backend in use, as that backend compiles it.
    """

    __name__: str
    __qualname__: str

    def __init__(
        self,
        function: Callable[P, R],
        static: Sequence[str] = (),
        reference: Callable[..., Any] | None = None,
        shapes: Mapping[str, str] | None = None,
        returns: Any = None,
        bucket: Mapping[str, str | int] | None = None,
        pad: Mapping[str, Any] | None = None,
        composite: bool = False,
        backends: Sequence[str] = (),
    ):
        functools.update_wrapper(self, function)
        self.signature = inspect.signature(function)
        self.static = tuple(static)
        self.reference = reference
        self.backends: tuple[str, ...] = ()
        self.only_on = self._read_backends(backends)
        is_served = not self.only_on or keras.backend.backend() in self.only_on
        runs: Callable[..., Any] = function if is_served else self._refuse
        self.region: Compiled = Compiled(runs, self.static, composite, self.__name__)
        self._why_nan: Callable[..., None] | None = None
        self._rounding: Rounding | None = None
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
        self._check_names("static", self.static, list(self.signature.parameters))
        self._check_names("shapes", shapes or (), data)
        self.shapes = Shapes(self.__name__, shapes, returns) if shapes else None
        if bucket and self.shapes is None:
            raise TypeError(f"kernel {self.__name__!r}: `bucket` needs `shapes`")
        self.buckets = Buckets(self.shapes, bucket, pad or {}) if self.shapes and bucket else None

    def _read_backends(self, names: Sequence[str]) -> tuple[str, ...]:
        unknown = set(names) - set(BACKENDS)
        if unknown or isinstance(names, str):
            raise ValueError(
                f"kernel {self.__name__!r}: `backends` must be a tuple of names among {BACKENDS}; "
                f"received {names!r}"
            )
        return tuple(names)

    def _refuse(self, **arguments: Any) -> Any:
        """Run in place of a function that does not serve the backend in use."""
        raise KernelError(
            f"kernel {self.__name__!r} needs the backend {' or '.join(self.only_on)}; Keras uses "
            f"{keras.backend.backend()}. Set KERAS_BACKEND={self.only_on[0]}"
        )

    def _check_names(self, where: str, names: Iterable[str], known: list[str]) -> None:
        unknown = set(names) - set(known)
        if unknown:
            raise TypeError(
                f"kernel {self.__name__!r}: `{where}` names {sorted(unknown)}, which are not among "
                f"its arguments {known}"
            )

    def implementation(self, backend: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: use this function instead, on the backend of that name.

        It takes the same arguments as the kernel and returns the same values.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self._check_arguments(function, f"implementation for {backend!r}")
            self.backends = (*self.backends, backend)
            if backend == keras.backend.backend():
                composite = self.region.composite
                self.region = Compiled(function, self.static, composite, self.__name__)
            return function

        return register

    def why_nan(self, function: Callable[..., None]) -> Callable[..., None]:
        """Decorator: this function raises for values that the kernel answers with NaN.

        It takes the same arguments as the kernel, or `**arguments`, and is called by name, outside
        of compiled code, where a result has NaN: there bad values raise, elsewhere they give NaN.
        It returns if it finds nothing wrong.
        """
        self._check_keywords(function, "function for `why_nan`")
        self._why_nan = function
        return function

    def round_up_by(self, missing: Callable[..., Any], pad: Callable[..., Any]) -> None:
        """Round a size up, where `bucket` cannot name the dimension.

        This happens on TensorFlow, outside of compiled code, from the ninth shape on. On JAX
        padding itself would compile again for each size.

        Both functions take the same arguments as the kernel, or `**arguments`, and are called by
        name.

        Args:
            missing: returns how far the size is below its bucket: a number, or a tensor in a graph
                that serves all sizes.
            pad: returns a dictionary with the padded arguments, and a function that cuts the
                padding off the result.
        """
        for function in (missing, pad):
            self._check_keywords(function, "functions for `round_up_by`")
        self._rounding = Rounding(missing, pad, lambda: self.region)

    def _check_keywords(self, function: Callable[..., Any], role: str) -> None:
        parameters = inspect.signature(function).parameters.values()
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            self._check_arguments(function, role)

    def _check_arguments(self, function: Callable[..., Any], role: str) -> None:
        names = list(inspect.signature(function).parameters)
        if names != list(self.signature.parameters):
            raise TypeError(
                f"kernel {self.__name__!r}: the {role} must take the arguments "
                f"{list(self.signature.parameters)}; received {names}"
            )

    @property
    def function(self) -> Callable[..., Any]:
        """The uncompiled function for the backend in use."""
        return self.region.function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        arguments, static = self._bind(args, kwargs)
        if any(map(_has_symbols, arguments.values())):
            return self._make_node(arguments, static)
        tensors = self._convert(arguments)
        sizes = self.shapes.check(tensors) if self.shapes else None
        outputs = self._run(tensors, static, sizes)
        if self._why_nan and _has_unexplained_nan(outputs):
            self._why_nan(**tensors, **static)
        return outputs

    def _bind(self, args: tuple, kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the given arguments by name: those that are data, and the static ones."""
        try:
            arguments = self.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise wrong_call(self.__name__, self.signature, error) from None
        static = {name: _hashable(arguments.pop(name)) for name in self.static if name in arguments}
        return arguments, static

    def _convert(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Convert the data to tensors."""
        tensors = {}
        for name, value in arguments.items():
            try:
                tensors[name] = _as_tensors(value)
            except OverflowError as error:
                message = f"kernel {self.__name__!r}: `{name}` must hold {error}"
                raise ValueError(message) from None
        return tensors

    def _make_node(self, arguments: dict[str, Any], static: dict[str, Any]) -> Any:
        """Become a node of a functional model."""
        if self.shapes:
            self.shapes.check({name: _symbols_or_tensors(arg) for name, arg in arguments.items()})
        return KernelCall(self, static)(**arguments)

    def _run(self, tensors: dict[str, Any], static: dict[str, Any], sizes: Sizes | None) -> Any:
        """Run the region, on arguments padded up to their bucket if it has any."""
        buckets = self.buckets
        if self._rounding is not None and self._rounding.applies(tensors, static):
            return self._rounding.run(tensors, static)
        if buckets is None or sizes is None or self.region.select(tensors) is self.function:
            return self.region.run(tensors, static)
        if backends.is_traced(tensors):
            # Only a TensorFlow graph can have sizes that it learns as it runs.
            in_graph = keras.backend.backend() == "tensorflow"
            sizes = buckets.find_sizes(tensors, sizes) if in_graph else None
            if sizes is None:
                return self.region.run(tensors, static)
        outputs = self.region.run(buckets.pad_all(tensors, sizes), static)
        return buckets.cut(outputs, sizes)

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation:
        """Explain what runs for these arguments, and what it costs.

        See `kerasx.compiler.Explanation` for the figures and for which backend knows them.
        """
        arguments, static = self._bind(args, kwargs)
        tensors = self._convert(arguments)
        sizes = self.shapes.check(tensors) if self.shapes else None
        if self.buckets and sizes and keras.backend.backend() != "torch":
            tensors = self.buckets.pad_all(tensors, sizes)
        own = keras.backend.backend() in self.backends
        return explain(self.__name__, self.function, tensors, static, own_implementation=own)

    def clear(self) -> None:
        """Forget all compiled programs, so that the next call traces the function again."""
        self.region.clear()
        if self._rounding is not None:
            self._rounding.clear()

    def __reduce__(self) -> str:
        return self.__qualname__  # copied and pickled by name, as a function is

    def get_config(self) -> dict[str, Any]:
        """Return its registered name, by which a layer that has it as activation saves it."""
        return {"kernel": keras.saving.get_registered_name(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Kernel:
        """Return the registered kernel of that name.

        Raises:
            UnknownNameError: no kernel is registered under that name; the message says what to do.
        """
        kernel = keras.saving.get_registered_object(config["kernel"])
        if isinstance(kernel, Kernel):
            return kernel
        if hasattr(kernel, "from_config"):  # a placeholder, which says what to install
            kernel.from_config(config)
        name = config["kernel"]
        remedy = (
            "install the plugin that provides it, or import your own code that does"
            if ">" in name
            else f"add the line kerasx.register({name}) below its definition, and import that code "
            "before the model is loaded"
        )
        raise UnknownNameError(f"no kernel is registered as {name!r}: {remedy}")

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
    composite: bool = False,
    backends: Sequence[str] = (),
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
    composite: bool = False,
    backends: Sequence[str] = (),
) -> Kernel[P, R] | Callable[[Callable[P, R]], Kernel[P, R]]:
    """Turn a function over tensors into a kernel.

    Write the function with `keras.ops`, without side effects, and so that it works for symbolic
    values: no Python branch on a tensor, no shape that depends on data. For a hand-written
    gradient use `kerasx.custom_gradient`.

    Args:
        function: the function. Each argument is a tensor, a nested structure of tensors, or `None`,
            unless `static` names it.
        static: names of arguments that are compiled into the program: numbers, strings, tuples.
            Each new value is compiled separately.
        reference: the plain function that the kernel must equal, written for reading.
        shapes: argument -> its dtype and shape: one of the words `float` (the default), `int`,
            `bool` or `any`, then the dimensions. A name stands for the same size in all arguments,
            a number for that size, `...` for any dimensions, the same in all arguments. ` | `
            separates alternatives. An argument of `None` is not checked.
        returns: the same for the results, in their structure.
        bucket: dimension of `shapes` -> `"power_of_two"`, or the number to round up to a multiple
            of. Outside compiled code, arguments with that dimension are padded and results are cut
            back, so that many lengths need few compilations.
        pad: argument -> the value to pad it with; 0 or False if it is not named. An argument named
            here may be `None`: it is then filled with ones (True) before it is padded, as a mask.
        composite: set this if the function only calls other kernels and compiled regions. Inside a
            TensorFlow graph those are compiled one by one and this one is not, which avoids copying
            what they keep for the gradient.
        backends: names of the backends that the function serves, such as `("jax",)`; all of them
            by default. Elsewhere a call raises a `KernelError` that says so.

    Returns:
        A `Kernel`, called as the function is.

    Raises:
        TypeError: `static` or `shapes` names something that is not an argument, or the function
            takes `*args`; (when called) an argument has the wrong dtype.
        ValueError: a shape or a bucket is malformed; (when called) an argument has the wrong
            shape.
        KernelError: (when called) an operation of the function cannot be compiled, or the function
            does not serve the backend in use.

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

    A mean over any number of steps, for which four programs serve 1 to 8 steps:

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
    options = (static, reference, shapes, returns, bucket, pad, composite, backends)
    if function is None:
        return lambda function: Kernel(function, *options)
    return Kernel(function, *options)


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
        static = {name: _hashable(value) for name, value in config["static"].items()}
        return cls(kernel, static, name=config["name"])


def _has_symbols(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(map(backends.is_symbolic, keras.tree.flatten(value)))
    return backends.is_symbolic(value)


def _symbols_or_tensors(value: Any) -> Any:
    return value if _has_symbols(value) else _as_tensors(value)


def _as_tensors(value: Any) -> Any:
    """Convert arrays and nested lists to tensors; structures of tensors keep their structure."""
    value = read(value)
    if value is None or keras.ops.is_tensor(value):
        return value
    if isinstance(value, dict | list | tuple) and any(
        hasattr(leaf, "shape") for leaf in keras.tree.flatten(value)
    ):
        return keras.tree.map_structure(_as_tensors, value)
    return exact_tensor(value)


def _has_unexplained_nan(outputs: Any) -> bool:
    return any(map(_has_nan, keras.tree.flatten(outputs))) and not backends.is_shape_inference()


def _has_nan(tensor: Any) -> bool:
    if not backends.is_concrete(tensor):
        return False
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype)):
        return False
    if backends.device() == "cpu":  # NumPy reads the tensor in place, in a tenth of the time
        return bool(np.isnan(keras.ops.convert_to_numpy(tensor)).any())
    return bool(keras.ops.any(keras.ops.isnan(tensor)))


def _hashable(value: Any) -> Any:
    """Return a static value as a hashable one: a saved model holds tuples as lists."""
    if isinstance(value, list | tuple):
        return tuple(map(_hashable, value))
    return value
