"""What a kernel costs for given arguments, and what runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import keras

from kerasx.hlo import Program
from kerasx.policy import decide, device

if TYPE_CHECKING:
    from kerasx.kernel import Kernel

WAYS = {  # backend -> (compiled, not compiled)
    "tensorflow": ("compiled by XLA", "a TensorFlow graph"),
    "jax": ("compiled by XLA", "eager"),
    "torch": ("compiled by torch.compile", "eager"),
}


@dataclass(frozen=True)
class Explanation:
    """What runs when a kernel is called, and what it costs; None is what cannot be known.

    The figures are of the forward pass. On TensorFlow and JAX they are those of the program that
    XLA makes, also where the path says that another way was faster and runs.

    Attributes:
        kernel: name of the kernel.
        path: what runs, where, and why; with the kernel's own words.
        flops: operations on numbers, two per multiply-add of a matrix product. On PyTorch those of
            matrix products and attention alone.
        bytes_moved: bytes that the operations read and write, caches aside. None on PyTorch.
        peak_temporary: bytes held beside arguments and results. JAX tells it.
        compile_seconds: time to trace and compile. None on PyTorch.
        hlo: the optimised program as text. None on PyTorch.
    """

    kernel: str
    path: str
    flops: int | None = None
    bytes_moved: int | None = None
    peak_temporary: int | None = None
    compile_seconds: float | None = None
    hlo: str | None = None

    def __str__(self) -> str:
        facts = {
            "path": self.path,
            "flops": _scaled(self.flops, "flop"),
            "bytes moved": _scaled(self.bytes_moved, "B"),
            "peak temporary": _scaled(self.peak_temporary, "B"),
            "compile time": _scaled(self.compile_seconds, "s"),
            "hlo": "not known" if self.hlo is None else f"{self.hlo.count(chr(10))} lines, in .hlo",
        }
        return "\n".join([self.kernel, *(f"  {name:<16}{fact}" for name, fact in facts.items())])


def explain(
    kernel: Kernel,
    tensors: dict[str, Any],
    static: dict[str, Any],
    about: Callable[..., str] | None,
) -> Explanation:
    """Explain a call; see `Kernel.explain`."""
    backend = keras.backend.backend()
    compiled, why = decide(kernel.__name__, kernel.measured)
    ways = WAYS.get(backend, ("eager", "eager"))
    of = f"the implementation for {backend}" if backend in kernel.backends else "written for any"
    path = f"{ways[0] if compiled else ways[1]} on {device()} ({why}); {of}"
    if about is not None:
        path += f"; {about(**tensors, **static)}"
    figures = {"tensorflow": _of_tensorflow, "jax": _of_jax, "torch": _of_torch}.get(backend)
    function = functools.partial(kernel.function, **static)
    return Explanation(kernel.__name__, path, **(figures(function, tensors) if figures else {}))


def _of_jax(function: Callable[..., Any], tensors: dict[str, Any]) -> dict[str, Any]:
    import jax

    start = perf_counter()
    compiled = jax.jit(function).lower(**tensors).compile()
    seconds = perf_counter() - start
    memory = compiled.memory_analysis()
    return {
        **_of_hlo(compiled.as_text(), seconds),
        "peak_temporary": None if memory is None else int(memory.temp_size_in_bytes),
    }


def _of_tensorflow(function: Callable[..., Any], tensors: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    given = [leaf for leaf in keras.tree.flatten(tensors) if leaf is not None]

    def of_leaves(*leaves: Any) -> Any:
        left = iter(leaves)
        return function(
            **keras.tree.map_structure(lambda leaf: None if leaf is None else next(left), tensors)
        )

    start = perf_counter()
    program = tf.function(of_leaves, jit_compile=True, autograph=False)
    text = program.experimental_get_compiler_ir(*given)(stage="optimized_hlo")
    return _of_hlo(text, perf_counter() - start)


def _of_hlo(text: str, seconds: float) -> dict[str, Any]:
    program = Program(text)
    return {
        "flops": program.flops(),
        "bytes_moved": program.bytes(),
        "compile_seconds": seconds,
        "hlo": text,
    }


def _of_torch(function: Callable[..., Any], tensors: dict[str, Any]) -> dict[str, Any]:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    on_gpu = torch.cuda.is_available() and device() == "gpu"
    if on_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        outputs = function(**tensors)
    figures = {"flops": counter.get_total_flops()}
    if on_gpu:
        torch.cuda.synchronize()
        held = sum(leaf.nbytes for leaf in keras.tree.flatten(outputs))
        figures["peak_temporary"] = torch.cuda.max_memory_allocated() - before - held
    return figures


def _scaled(number: float | None, unit: str) -> str:
    if number is None:
        return "not known"
    if unit == "s":
        return f"{number:.2g} s"
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            return f"{number / 10**power:.3g} {prefix}{unit}"
    return f"{number} {unit}"
