"""The three backends: how each compiles a function, traces it, and says what it refused.

This is the only place in kerasx that depends on how a backend represents traced values.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import re
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec, TypeVar

import keras

P = ParamSpec("P")
R = TypeVar("R")


def compile_function(
    function: Callable[..., Any], static: Sequence[str] = ()
) -> Callable[..., Any]:
    """Compile a function: by XLA on TensorFlow and JAX, by `torch.compile` on PyTorch."""
    if keras.backend.backend() == "tensorflow":
        return Graphs(function, static, jit_compile=True)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function, static_argnames=static)
    if keras.backend.backend() == "torch":
        import torch

        return torch.compile(function)
    return function


def as_graph(
    function: Callable[..., Any],
    static: Sequence[str] = (),
    any_batch: bool = False,
    **options: Any,
) -> Callable[..., Any]:
    """Return the function as it runs uncompiled: a graph on TensorFlow, eager elsewhere.

    With `any_batch`, one trace serves all sizes of the first axis.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    return Graphs(function, static, any_batch, **options)


def with_float64() -> AbstractContextManager[Any]:
    """Return a context in which float64 arrays become float64 tensors, also on JAX."""
    if keras.backend.backend() != "jax":
        return nullcontext()
    import jax

    return jax.enable_x64(True)


def outside_of_graphs() -> AbstractContextManager[Any]:
    """Return a context in which TensorFlow leaves the graph that is being traced.

    A variable that is created there needs no operations in the graph for its first value. Under a
    distribution strategy nothing changes, since the strategy decides how variables are made.
    """
    if keras.backend.backend() != "tensorflow":
        return nullcontext()
    import tensorflow as tf

    return nullcontext() if tf.distribute.has_strategy() else tf.init_scope()


def not_converted(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function whose source TensorFlow's AutoGraph leaves alone.

    AutoGraph converts whatever a user's `tf.function` calls, and warns where it cannot.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.autograph.experimental.do_not_convert(function)


def count_programs(program: Callable[..., Any]) -> int:
    """Count the programs made by `compile_function` or `as_graph`: one for each shape."""
    if isinstance(program, Graphs):
        return program.count()
    return program._cache_size() if hasattr(program, "_cache_size") else 0  # of JAX


def clear_program(program: Callable[..., Any]) -> None:
    """Make a program forget its traces; JAX keeps them by function, beyond the program's life."""
    if hasattr(program, "clear_cache"):
        program.clear_cache()


class Graphs:
    """One `tf.function` for each choice of static arguments, which then takes tensors only.

    A `tf.function` spends 0.05 to 0.1 ms per call on each number, `None` or default among its
    arguments, and as much on finding the trace for its tensors. It also warns of retracing, though
    one trace for each combination of shapes is intended. So the traces are kept here, except with
    `reduce_retracing`, which makes one trace serve several shapes.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        static: Sequence[str],
        any_batch: bool = False,
        **options: Any,
    ):
        self._function, self._static, self._options = function, static, options
        self._any_batch = any_batch
        self._made: dict[Any, Any] = {}
        self._traces: dict[Any, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        names = [n for n, value in kwargs.items() if value is not None and n not in self._static]
        fixed = tuple([(name, kwargs[name]) for name in kwargs if name not in names])
        tensors = (*args, *[kwargs[name] for name in names])
        if "reduce_retracing" in self._options or not _are_tensors(tensors):
            return self._function_of(names, fixed)(*tensors)
        specs = [(self._traced_shape(tensor), tensor.dtype) for tensor in tensors]
        key = *names, fixed, tuple(specs)
        if key not in self._traces:
            self._traces[key] = self._trace(names, fixed, specs)
        return self._traces[key](*tensors)

    def _traced_shape(self, tensor: Any) -> tuple:
        shape = tuple(tensor.shape)
        return (None, *shape[1:]) if self._any_batch and shape else shape

    def _trace(self, names: list[str], fixed: tuple, specs: list[tuple]) -> Any:
        import tensorflow as tf

        specs = [tf.TensorSpec(*spec) for spec in specs]
        return self._function_of(names, fixed).get_concrete_function(*specs)

    def _function_of(self, names: list[str], fixed: tuple) -> Any:
        key = (*names, fixed)
        if key not in self._made:
            self._made[key] = self._make(names, dict(fixed))
        return self._made[key]

    def _make(self, names: list[str], fixed: dict[str, Any]) -> Callable[..., Any]:
        import tensorflow as tf

        # TensorFlow counts retracing by code object, which all these programs share and a partial
        # does not have.
        run = functools.partial(self._call_by_name, names, fixed)
        run.__name__ = self._function.__name__  # type: ignore[attr-defined]
        return tf.function(run, autograph=False, **self._options)

    def _call_by_name(self, names: list[str], fixed: dict[str, Any], *tensors: Any) -> Any:
        positional = len(tensors) - len(names)
        named = dict(zip(names, tensors[positional:], strict=True))
        return self._function(*tensors[:positional], **named, **fixed)

    def count(self) -> int:
        return sum(made.experimental_get_tracing_count() for made in self._made.values())


def _are_tensors(values: Sequence[Any]) -> bool:
    """Return whether these are plain tensors, outside of distribution strategies."""
    import tensorflow as tf

    if tf.distribute.has_strategy():
        return False
    return all(isinstance(value, tf.Tensor) for value in values)


def is_symbolic(value: Any) -> bool:
    """Return whether a value is a symbol of a functional model."""
    return isinstance(value, keras.KerasTensor)


def is_concrete(tensor: Any) -> bool:
    """Return whether the values of a tensor can be read now.

    They cannot while a function is traced: in a compiled training step, under `jax.jit` or
    `torch.compile`, or when Keras computes shapes. Guard checks of values with this function.

    >>> import keras
    >>> from kerasx.compiler import is_concrete
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


def has_int64() -> bool:
    """Return whether the backend has integers of 64 bits: JAX does if `jax_enable_x64` is set."""
    if keras.backend.backend() != "jax":
        return True
    import jax

    return jax.dtypes.canonicalize_dtype("int64") == "int64"


def is_eager_step() -> bool:
    """Return whether this is a step that TensorFlow runs eagerly, as with `run_eagerly=True`.

    Keras converts the results of such a step to tensors.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context is not None and context is not _context_outside_of_steps()


@functools.cache
def _context_outside_of_steps() -> Any:
    import tensorflow as tf

    # The stack of contexts belongs to a thread, so a new thread is outside of all of them.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(tf.distribute.get_replica_context).result()


def is_graph_tensor(tensor: Any) -> bool:
    """Return whether a tensor is a part of the TensorFlow graph that is being traced.

    Its value never changes, so values computed from it can be reused in the rest of the graph.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    if tf.executing_eagerly():
        return False
    return getattr(tensor, "graph", None) is tf.compat.v1.get_default_graph()


def is_traced(tensors: dict[str, Any]) -> bool:
    """Return whether this call becomes a part of a program that is being traced.

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


@functools.cache
def device() -> str:
    """Return the kind of device that the backend computes on by default: `cpu`, `gpu` or `tpu`."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        kinds = {device.device_type.lower() for device in tf.config.list_physical_devices()}
        return next((kind for kind in ("tpu", "gpu") if kind in kinds), "cpu")
    if backend == "jax":
        import jax

        return jax.default_backend()
    if backend == "torch":
        return {"cuda": "gpu"}.get(kind := keras.ops.zeros(()).device.type, kind)
    return "cpu"


def is_shape_inference() -> bool:
    """Return whether Keras is computing shapes: there are no values, or they are made up."""
    with keras.SymbolicScope() as scope:
        return scope.original_scope is not None


def undifferentiated(tensor: Any) -> Any:
    """Return the tensor under one that JAX is differentiating, or None.

    In JAX's `fit` the loss sees the differentiated tensor and the metrics see the one under it.
    """
    return getattr(tensor, "primal", None) if keras.backend.backend() == "jax" else None


def why_refused(error: Exception, function: Callable[..., Any]) -> str | None:
    """Return what in `function` the compiler refused, or None if `error` is of another kind."""
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
    # PyTorch's compiler has no common base of its errors.
    if type(error).__module__.startswith(("torch._dynamo.", "torch._inductor.")):
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    # Python's own error where a function reads the value of a tensor that is being traced.
    reads_value = isinstance(error, (TypeError, AttributeError, NotImplementedError))
    if reads_value and re.search("symbolic|tracer", str(error), re.IGNORECASE):
        return f"{_failing_line(error, function)}: {str(error).splitlines()[0]}"
    return None


def _failing_line(error: Exception, function: Callable[..., Any]) -> str:
    """Return the last line of `function` that the traceback passes through."""
    code = inspect.unwrap(function).__code__
    lines = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == code.co_filename and frame.f_code.co_name == code.co_name
    ]
    number = lines[-1] if lines else code.co_firstlineno
    return f"line {number}, `{linecache.getline(code.co_filename, number).strip()}`"
