"""Explain what runs when a function is called, and what it costs, in the backend's own figures."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import keras

from kerasx.compiler.backends import device
from kerasx.compiler.choice import decide

WAYS = {  # backend -> (compiled, not compiled)
    "tensorflow": ("compiled by XLA", "a TensorFlow graph"),
    "jax": ("compiled by XLA", "eager"),
    "torch": ("compiled by torch.compile", "eager"),
}


@dataclass(frozen=True)
class Explanation:
    """Explanation of a call of a kernel: how it runs, and its cost. `None` is an unknown figure.

    The figures are the backend's own, for the forward pass.

    Attributes:
        kernel: name of the kernel.
        path: how and where it runs, and why.
        flops: floating-point operations. JAX: XLA's cost analysis, which counts the body of a loop
            once, however often it runs. PyTorch: matrix products and attention only. Unknown on
            TensorFlow.
        bytes_moved: bytes read and written, from the same analysis. JAX only.
        peak_temporary: bytes held in addition to arguments and results. JAX, and PyTorch on a GPU.
        compile_seconds: time to trace and compile. TensorFlow and JAX.
        hlo: the optimised program as text. TensorFlow and JAX.
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
            "hlo": "unknown" if self.hlo is None else f"{self.hlo.count(chr(10))} lines, in .hlo",
        }
        return "\n".join([self.kernel, *(f"  {name:<16}{fact}" for name, fact in facts.items())])


def explain(
    name: str,
    function: Callable[..., Any],
    tensors: dict[str, Any],
    static: dict[str, Any],
    own_implementation: bool = False,
) -> Explanation:
    """Explain a call of a function; see `Kernel.explain`.

    Args:
        name: name of the function.
        function: the uncompiled function.
        tensors: its data, by argument.
        static: its static arguments.
        own_implementation: whether the function is specific to the backend in use.
    """
    backend = keras.backend.backend()
    compiles, why = decide(name)
    ways = WAYS.get(backend, ("eager", "eager"))
    source = f"the implementation for {backend}" if own_implementation else "written for any"
    path = f"{ways[0] if compiles else ways[1]} on {device()} ({why}); {source}"
    analyse = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}.get(backend)
    figures = analyse(functools.partial(function, **static), tensors) if analyse else {}
    return Explanation(name, path, **figures)


def _on_jax(function: Callable[..., Any], tensors: dict[str, Any]) -> dict[str, Any]:
    import jax

    start = perf_counter()
    program = jax.jit(function).lower(**tensors).compile()
    seconds = perf_counter() - start
    costs, memory = program.cost_analysis() or {}, program.memory_analysis()
    return {
        "flops": int(costs["flops"]) if "flops" in costs else None,
        "bytes_moved": int(costs["bytes accessed"]) if "bytes accessed" in costs else None,
        "peak_temporary": None if memory is None else int(memory.temp_size_in_bytes),
        "compile_seconds": seconds,
        "hlo": program.as_text(),
    }


def _on_tensorflow(function: Callable[..., Any], tensors: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    given = [leaf for leaf in keras.tree.flatten(tensors) if leaf is not None]

    def run(*leaves: Any) -> Any:
        remaining = iter(leaves)
        return function(
            **keras.tree.map_structure(
                lambda leaf: None if leaf is None else next(remaining), tensors
            )
        )

    start = perf_counter()
    program = tf.function(run, jit_compile=True, autograph=False)
    text = program.experimental_get_compiler_ir(*given)(stage="optimized_hlo")
    return {"compile_seconds": perf_counter() - start, "hlo": text}


def _on_torch(function: Callable[..., Any], tensors: dict[str, Any]) -> dict[str, Any]:
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
        return "unknown"
    if unit == "s":
        return f"{number:.2g} s"
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            return f"{number / 10**power:.3g} {prefix}{unit}"
    return f"{number} {unit}"
