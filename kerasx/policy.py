"""Whether a kernel is compiled: from what was measured of it, kept in its decorator.

XLA is not faster by itself, so each kernel carries its figures, with the environment that they come
from. Where there are none, kernels are compiled on TensorFlow and JAX. The variable
`KERASX_COMPILE` overrides both: `0` or `1` for all kernels, `name=0` for one, `1,name=0` together.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from kerasx.kernel import Kernel

VARIABLE = "KERASX_COMPILE"
COMPILED_BY_DEFAULT = ("tensorflow", "jax")
# Whether the kernels that a kernel is made of may be compiled.
ALLOWED: ContextVar[bool] = ContextVar("kerasx_allowed", default=True)


@dataclass(frozen=True, eq=False)
class Measured:
    """The time of one call of a kernel, compiled and not.

    Attributes:
        backend: `"tensorflow"`, `"jax"` or `"torch"`.
        device: `"cpu"`, `"gpu"` or `"tpu"`.
        compiled: milliseconds compiled, by XLA or, on PyTorch, by `torch.compile`.
        plain: milliseconds otherwise: in a graph on TensorFlow, eagerly elsewhere.
        work: what was computed, such as `"2048 x 256, forward and backward"`.
        environment: where: processor, versions.
    """

    backend: str
    device: str
    compiled: float
    plain: float
    work: str
    environment: str

    def __str__(self) -> str:
        return (
            f"{self.backend} on {self.device}: compiled {self.compiled:g} ms, not {self.plain:g} ms"
            f" ({self.work}; {self.environment})"
        )


def decide(kernel: str, measured: Iterable[Measured]) -> tuple[bool, str]:
    """Whether to compile a kernel here, and why."""
    chosen = _overrides(os.environ.get(VARIABLE, ""))
    for name in (kernel, ""):
        if name in chosen:
            return chosen[name], f"{VARIABLE}={os.environ[VARIABLE]}"
    return _from_figures(tuple(measured), keras.backend.backend(), device())


@contextlib.contextmanager
def allowing(compile: bool) -> Iterator[None]:
    """Whether kernels may be compiled that are called in here; also a decorator."""
    token = ALLOWED.set(compile)
    try:
        yield
    finally:
        ALLOWED.reset(token)


@functools.lru_cache(maxsize=1024)
def _from_figures(measured: tuple[Measured, ...], backend: str, device: str) -> tuple[bool, str]:
    here = [each for each in measured if (each.backend, each.device) == (backend, device)]
    if not here:
        return backend in COMPILED_BY_DEFAULT, f"nothing measured for {backend} on {device}"
    ratio = math.exp(sum(math.log(each.compiled / each.plain) for each in here) / len(here))
    return ratio <= 1, f"measured: compiled takes {ratio:.2g} of the time"


@functools.lru_cache(maxsize=16)
def _overrides(text: str) -> dict[str, bool]:
    chosen = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.rpartition("=")
        if value not in ("0", "1"):
            raise ValueError(
                f"{VARIABLE} must be 0, 1, or name=0 or name=1, several separated by commas; "
                f"received {text!r}"
            )
        chosen[name.strip()] = value == "1"
    return chosen


@functools.cache
def device() -> str:
    """The kind of device that the backend computes on by default: `cpu`, `gpu` or `tpu`."""
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


def environment() -> str:
    """The machine and the versions, as `Measured.environment` has them."""
    backend = keras.backend.backend()
    versions = f"{backend} {__import__(backend).__version__}, Keras {keras.__version__}"
    return f"{os.cpu_count()} x {platform.machine()}, {versions}"


def milliseconds(run: Callable[[], Any], repeats: int = 20) -> float:
    """The median time of a call, after one that compiles."""

    def once() -> float:
        start = perf_counter()
        for tensor in keras.tree.flatten(run()):
            keras.ops.convert_to_numpy(tensor)
        return 1e3 * (perf_counter() - start)

    once()
    return sorted(once() for _ in range(repeats))[repeats // 2]


def measure(kernel: Kernel, run: Callable[[Callable[..., Any]], Any], work: str) -> Measured:
    """Time a kernel compiled and not, for its decorator; `repr` gives the line.

    Args:
        kernel: the kernel.
        run: takes the kernel, as one function or the other, and returns tensors: calls it, or takes
            the gradient of it.
        work: what `run` computes.
    """
    functions = [kernel.options(compile=compile) for compile in (True, False)]
    times = [milliseconds(functools.partial(run, function)) for function in functions]
    compiled, plain = (float(f"{time:.3g}") for time in times)
    return Measured(keras.backend.backend(), device(), compiled, plain, work, environment())
