"""Kernels on a GPU, in bfloat16.

Compares each kernel with what a user would pick instead on a GPU, and with its limit. `--small`
runs small sizes on any device and writes nothing unless given a folder. Needs JAX or a TensorFlow
that sees a GPU, keras, numpy and this repository, of which nothing need be installed. Where PyTorch
sees a GPU, its own functions and Liger-Kernel's run too. A contender that cannot run says why, and
the others continue.

Every contender is compared with NumPy in float64 before it is timed. All compute values and
gradients, in turn, on inputs that together exceed the cache. PyTorch is timed by CUDA events, the
others by a clock around several runs.
"""

# python benchmarks/gpu.py                                      all, on each installed backend
# python benchmarks/gpu.py --work attention
# KERAS_BACKEND=jax python benchmarks/gpu.py --small --out results

from __future__ import annotations

import argparse
import functools
import importlib.util
import os
import subprocess
import sys
import time
import traceback
import unittest.mock
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ALL = ["jax", "tensorflow", "torch"]
BACKENDS = [os.environ["KERAS_BACKEND"]] if "KERAS_BACKEND" in os.environ else ALL
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leave memory for the others
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
HERE = Path(__file__).resolve().parent
sys.path[:0] = map(str, [HERE, HERE.parent, *HERE.parent.glob("plugins/*/src")])
if importlib.util.find_spec("pluggy") is None:  # not needed: kernels are imported directly
    sys.modules["pluggy"] = unittest.mock.MagicMock()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import references  # noqa: E402
import report  # noqa: E402
import transforms  # noqa: E402
from keras import ops  # noqa: E402

from kerasx_sequence import crf  # noqa: E402
from kerasx_sequence.linear_recurrence import linear_recurrence  # noqa: E402
from kerasx_transformer import attention, gated, normalization, rotary  # noqa: E402
from kerasx_transformer.attention.blocks import attention_in_blocks  # noqa: E402
from kerasx_transformer.attention.options import Modifiers, Options  # noqa: E402
from kerasx_transformer.linear_cross_entropy import linear_cross_entropy  # noqa: E402

CACHE = 256 * 2**20  # bytes; more than any GPU's
SECONDS = 0.05  # minimum between two readings of the clock
TOLERANCE = 0.03  # bfloat16 has eight bits


@dataclass
class Contender:
    """One implementation of a workload: `run(*inputs)` starts it, `wait` waits for its output."""

    name: str
    run: Callable[..., Any]
    wait: Callable[[Any], Any] = lambda outputs: _wait(outputs)
    convert: Callable[[np.ndarray], Any] = lambda array: ops.convert_to_tensor(array, _dtype(array))
    read: Callable[[Any], np.ndarray] = lambda tensor: np.asarray(
        ops.convert_to_numpy(ops.cast(tensor, "float32"))
    )
    checked: bool = True
    events: Callable[[], Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Workload:
    """A kernel at a size: inputs drawn by NumPy, contenders, and the error of an output."""

    name: str
    axes: str
    size: tuple[int, ...]
    inputs: tuple[np.ndarray, ...]
    contenders: list[Contender]
    error: Callable[[list[np.ndarray]], float]


def _dtype(array: np.ndarray) -> str:
    return "bfloat16" if array.dtype.kind == "f" else array.dtype.name


def _wait(outputs: Any) -> None:
    if transforms.BACKEND == "jax":
        import jax

        jax.block_until_ready(outputs)
    elif transforms.BACKEND == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
    else:
        import tensorflow as tf

        tf.test.experimental.sync_devices()


def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
    """Draw normal numbers that bfloat16 represents exactly."""
    numbers = np.random.default_rng(sum(shape)).standard_normal(shape, "float32") * scale
    return (numbers.view("uint32") & 0xFFFF0000).view("float32")


# --- Linear cross-entropy -----------------------------------------------------------------------


def products(features: Any, weight: Any, labels: Any) -> Any:
    """The three matrix products, with logits in place of their gradient."""
    logits = ops.matmul(features, weight)
    of_features = ops.matmul(logits, ops.transpose(weight))
    return logits[0, 0], of_features, ops.matmul(ops.transpose(features), logits)


def plain_loss(features: Any, weight: Any, labels: Any) -> Any:
    logits = ops.cast(ops.matmul(features, weight), "float32")
    return ops.mean(ops.sparse_categorical_crossentropy(labels, logits, from_logits=True))


def linear_cross_entropy_of(positions: int, channels: int, words: int) -> Workload:
    distinct = 256  # positions, and copies of them, because float64 is slow
    features, weight = draw(distinct, channels), draw(channels, words, scale=channels**-0.5)
    labels = np.random.default_rng(0).integers(0, words, distinct).astype("int32")

    @functools.cache
    def expected() -> list[np.ndarray]:
        return references.linear_cross_entropy(features, weight, labels, positions)

    def error(outputs: list[np.ndarray]) -> float:
        loss, of_features, of_weight = outputs
        return references.error([loss, of_features[:distinct], of_weight], expected())

    kernel = functools.partial(linear_cross_entropy, reduction="mean")
    contenders = [
        compiled("kerasx", kernel, 2, 3),
        compiled("limit: three products", products),
        compiled("plain Keras", plain_loss, 2, 3),
        *torch_losses(),
    ]
    copies = positions // distinct
    inputs = np.tile(features, (copies, 1)), weight, np.tile(labels, copies)
    size, axes = (positions, channels, words), "positions x width x words"
    return Workload("linear_cross_entropy, mean", axes, size, inputs, contenders, error)


def torch_losses() -> Iterator[Contender]:
    torch = torch_here()
    if not torch:
        return

    def plain(features: Any, weight: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy((features @ weight).float(), labels.long())

    yield from of_torch("PyTorch", plain, 2, 3)

    def liger(features: Any, weight: Any, labels: Any) -> Any:
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

        fused = LigerFusedLinearCrossEntropyLoss()
        return fused(weight.T, features, labels.long())

    if liger_here():
        yield from of_torch("Liger-Kernel", liger, 2, 3, also_compiled=False)


# --- Attention ----------------------------------------------------------------------------------


def attention_of(*size: int) -> Workload:
    last = 64  # queries that are compared, of the first sample
    inputs = tuple(draw(*size, scale=1 + 0.01 * place) for place in range(4))

    @functools.cache
    def expected() -> list[np.ndarray]:
        return references.attention(*(each[:1] for each in inputs), size[1], last)

    def error(outputs: list[np.ndarray]) -> float:
        return references.error([each[:1, -last:] for each in outputs[:2]], expected())

    causal = functools.partial(attention.blockwise_attention, causal=True)
    plain = functools.partial(ops.dot_product_attention, is_causal=True, flash_attention=False)
    contenders = [
        compiled("kerasx", causal, 3, 3),
        compiled("kerasx, its own blocks", functools.partial(blocks, size), 3, 3),
        *of_the_vendor(),
        compiled("plain Keras", plain, 3, 3),
        *torch_attention(),
    ]
    axes = "batch x time x heads x width of a head"
    return Workload("blockwise_attention, causal", axes, size, inputs, contenders, error)


def blocks(size: tuple[int, ...], query: Any, key: Any, value: Any) -> Any:
    """Run the kernel's own blocks, even where the vendor has a kernel."""
    return attention_in_blocks(query, key, value, Modifiers(), Options(causal=True))


def of_the_vendor() -> Iterator[Contender]:
    if not cudnn_here():
        return
    import jax

    fused = functools.partial(jax.nn.dot_product_attention, is_causal=True, implementation="cudnn")
    yield compiled("limit: cuDNN through JAX", fused, 3, 3)


def torch_attention() -> Iterator[Contender]:
    torch = torch_here()
    if not torch:
        return

    def attention(*tensors: Any) -> Any:
        inputs = [each.transpose(1, 2) for each in tensors]
        outputs = torch.nn.functional.scaled_dot_product_attention(*inputs, is_causal=True)
        return outputs.transpose(1, 2)

    yield from of_torch("PyTorch, scaled_dot_product_attention", attention, 3, 3, False)


# --- Elementwise --------------------------------------------------------------------------------


def elementwise_of(name: str, rows: int, width: int) -> Workload:
    a, b, c, d = (draw(rows, width, scale=1 + 0.01 * place) for place in range(4))
    heads = [each.reshape(rows // 32, 32, width // 64, 64) for each in (a, b)]
    inputs, upstream = {
        "add_rms_norm": ((a, b, draw(width)), (c, d)),
        "rotary_embedding": (heads[:1], heads[1:]),
    }.get(name, ((a, b), (c,)))
    kernel, plain = ELEMENTWISE[name]
    number = len(inputs)

    def copy(*tensors: Any) -> Any:
        """Read all inputs; write as much as outputs and gradients take."""
        return [-each for each in (*tensors[number:], *tensors[:number])]

    def error(outputs: list[np.ndarray]) -> float:
        """Compare the first rows; sums over all rows are left to the tests."""
        few = [each if each.ndim == 1 else each[:32] for each in (*inputs, *upstream)]
        wanted = getattr(references, name)(*(each.astype("float64") for each in few))
        pairs = [(a[:32], b) for a, b in zip(outputs, wanted, strict=True) if b.ndim > 1]
        return references.error(*map(list, zip(*pairs, strict=True)))

    contenders = [
        compiled("kerasx", kernel, number, number),
        compiled("limit: a copy of as many bytes", copy),
        compiled("plain Keras", plain, number, number),
        *torch_elementwise(name, number),
    ]
    size, axes = inputs[0].shape, "shape of the first input"
    return Workload(name, axes, size, (*inputs, *upstream), contenders, error)


def torch_elementwise(name: str, number: int) -> Iterator[Contender]:
    torch = torch_here()
    if not torch:
        return
    functional = torch.nn.functional
    plain = {
        "swiglu": lambda gate, value: functional.silu(gate) * value,
        "geglu": lambda gate, value: functional.gelu(gate) * value,
        "add_rms_norm": lambda x, residual, scale: (
            functional.rms_norm(x + residual, scale.shape, scale, 1e-6),
            x + residual,
        ),
    }
    if name in plain:
        yield from of_torch("PyTorch", plain[name], number, number)
    if name == "swiglu" and liger_here():

        def liger(gate: Any, value: Any) -> Any:
            """Only the first run is right: the backward pass overwrites the inputs."""
            from liger_kernel.ops.swiglu import LigerSiLUMulFunction

            return LigerSiLUMulFunction.apply(gate, value)

        yield from of_torch("Liger-Kernel", liger, 2, 2, also_compiled=False)


def plain_rotary(x: Any) -> Any:
    """Rotary embedding as usually written: tables of cosines and sines, and a rotated half."""
    rates = 10000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = np.tile(np.arange(x.shape[1])[:, None, None] * rates, 2).astype("float32")
    a, b = ops.split(x, 2, axis=-1)
    cosines, sines = (ops.convert_to_tensor(each(angles)) for each in (np.cos, np.sin))
    turned = ops.cast(x, "float32") * cosines
    turned += ops.cast(ops.concatenate([-b, a], axis=-1), "float32") * sines
    return ops.cast(turned, x.dtype)


ELEMENTWISE = {
    "swiglu": (gated.swiglu, gated.plain_swiglu),
    "geglu": (gated.geglu, gated.plain_geglu),
    "add_rms_norm": (normalization.add_rms_norm, normalization.plain_add_rms_norm),
    "rotary_embedding": (rotary.rotary_embedding, plain_rotary),
}


# --- Recurrence ---------------------------------------------------------------------------------


def recurrence_of(*size: int) -> Workload:
    decay = draw(*size)
    inputs = np.abs(decay) / (1 + np.abs(decay)), draw(*size, scale=1.01), draw(*size, scale=0.99)
    inputs = tuple((each.view("uint32") & 0xFFFF0000).view("float32") for each in inputs)

    def error(outputs: list[np.ndarray]) -> float:
        """Compare the first sequence."""
        wanted = references.linear_recurrence(*(each[:1] for each in inputs))
        return references.error([each[:1] for each in outputs], wanted)

    contenders = [
        compiled("kerasx", linear_recurrence, 2, 2),
        compiled("limit: a copy of as many bytes", copied_once),
        compiled("plain Keras, associative_scan", plain_recurrence, 2, 2),
    ]
    return Workload("linear_recurrence", "batch x time x width", size, inputs, contenders, error)


def plain_recurrence(decay: Any, inputs: Any) -> Any:
    def joined(left: Any, right: Any) -> Any:
        return left[0] * right[0], left[1] * right[0] + right[1]

    return ops.associative_scan(joined, (decay, inputs), axis=1)[1]


def copied_once(*tensors: Any) -> Any:
    """Move as many bytes as reading five tensors and writing three."""
    return [tensors[0] + tensors[1], *(-each for each in tensors)]


def min_gru_of(*size: int) -> Workload:
    """Work of `MinGRU` between its products, with respect to gates and candidates."""
    inputs = draw(*size), draw(*size, scale=1.01), draw(*size, scale=0.99)

    def error(outputs: list[np.ndarray]) -> float:
        """Compare the first sequence."""
        return references.error(
            [each[:1] for each in outputs], references.min_gru(*(each[:1] for each in inputs))
        )

    def gated(recurrence: Callable[..., Any], gate: Any, candidate: Any) -> Any:
        kept = ops.sigmoid(gate)
        return recurrence(1 - kept, kept * candidate)

    contenders = [
        compiled("kerasx", functools.partial(gated, linear_recurrence), 2, 2),
        compiled("limit: a copy of as many bytes", copied_once),
        compiled("plain Keras, associative_scan", functools.partial(gated, plain_recurrence), 2, 2),
    ]
    return Workload("min_gru", "batch x time x width", size, inputs, contenders, error)


# --- Conditional random fields ------------------------------------------------------------------


def crf_of(decodes: bool, batch: int, time: int, tags: int) -> Workload:
    """Likelihood and gradients, or best tags, of sequences of full length."""
    distinct = 8  # sequences, and copies of them, because float64 is slow
    emissions, transitions = draw(distinct, time, tags), draw(tags, tags)
    labels = np.random.default_rng(0).integers(0, tags, (distinct, time)).astype("int32")

    @functools.cache
    def expected() -> tuple[list[np.ndarray], np.ndarray]:
        return references.crf(emissions, transitions, labels)

    def error(outputs: list[np.ndarray]) -> float:
        (value, of_emissions, of_transitions), best = expected()
        if decodes:
            scores = references.crf_scores(
                emissions, transitions, outputs[0][:distinct].astype("int32")
            )
            return float(np.abs(scores / best - 1).max())
        wanted = [value / distinct, of_emissions / batch, of_transitions / distinct]
        return references.error([outputs[0], outputs[1][:distinct], outputs[2]], wanted)

    def likelihood(kernel: Callable[..., Any], emissions: Any, transitions: Any, tags: Any) -> Any:
        return ops.mean(ops.cast(kernel(emissions, tags, transitions), "float32"))

    def decoded(kernel: Callable[..., Any], emissions: Any, transitions: Any, tags: Any) -> Any:
        return kernel(emissions, transitions)

    def copy(emissions: Any, transitions: Any, tags: Any) -> Any:
        return -emissions

    kernels = (
        {"kerasx": crf.crf_decode, "plain Keras": crf.crf_decode.reference}
        if decodes
        else {"kerasx": crf.crf_log_likelihood, "plain Keras": crf.crf_log_likelihood.reference}
    )
    contenders = [
        compiled(name, functools.partial(decoded, kernel))
        if decodes
        else compiled(name, functools.partial(likelihood, kernel), 2, 3)
        for name, kernel in kernels.items()
    ]
    for contender in contenders:
        contender.checked = True
    contenders.append(compiled("limit: a copy of the emissions", copy))
    copies = batch // distinct
    inputs = np.tile(emissions, (copies, 1, 1)), transitions, np.tile(labels, (copies, 1))
    name = "crf_decode" if decodes else "crf_log_likelihood, mean"
    return Workload(name, "batch x time x tags", (batch, time, tags), inputs, contenders, error)


# --- How it is measured -------------------------------------------------------------------------


def compiled(
    name: str, function: Callable[..., Any], gradients: int = 0, inputs: int = 0
) -> Contender:
    """Make a contender of a function over Keras's tensors, compiled as `fit` compiles it.

    It is differentiated in its first `gradients` inputs. JAX knows the memory of a program before
    it runs.
    """
    if gradients:
        function = transforms.differentiated(function, gradients, inputs)
    contender = Contender(name, lambda *inputs: None, checked=bool(gradients))
    programs: list[Callable[..., Any]] = []

    def run(*inputs: Any) -> Any:
        if not programs:
            program = transforms.compiled(function, transforms.COMPILED)
            start = time.perf_counter()
            if transforms.BACKEND == "jax":
                program = program.lower(*inputs).compile()
                memory = program.memory_analysis()
                if memory is not None:
                    used = memory.temp_size_in_bytes + memory.output_size_in_bytes
                    contender.facts["memory_mb"] = round(used / 2**20)
            else:
                contender.wait(program(*inputs))
            contender.facts["compile_s"] = round(time.perf_counter() - start, 2)
            programs.append(program)
        return programs[0](*inputs)

    contender.run = run
    return contender


@functools.cache
def torch_here() -> Any:
    """Return PyTorch if it sees a GPU, or if there is no GPU at all."""
    if not importlib.util.find_spec("torch"):
        return None
    import torch

    return torch if torch.cuda.is_available() or not on_gpu() else None


def liger_here() -> bool:
    return bool(importlib.util.find_spec("liger_kernel")) and on_gpu()


def cudnn_here() -> bool:
    return transforms.BACKEND == "jax" and on_gpu()


def on_gpu() -> bool:
    return "gpu" in device()[1].lower()


@functools.cache
def device() -> tuple[str, str]:
    """Return the name and the kind of the device."""
    if transforms.BACKEND == "jax":
        import jax

        return str(jax.devices()[0].device_kind), jax.default_backend()
    if transforms.BACKEND == "torch":
        import torch

        return (
            (torch.cuda.get_device_name(), "gpu") if torch.cuda.is_available() else ("cpu", "cpu")
        )
    import tensorflow as tf

    for each in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(each)
        return details.get("device_name", "GPU"), "gpu"
    return "cpu", "cpu"


def of_torch(
    name: str,
    function: Callable[..., Any],
    gradients: int,
    inputs: int,
    also_compiled: bool = True,
) -> Iterator[Contender]:
    """Yield a function over PyTorch's tensors; on a GPU, also through `torch.compile`."""
    torch = torch_here()
    place = "cuda" if torch.cuda.is_available() else "cpu"
    cuda = place == "cuda"

    def convert(array: np.ndarray) -> Any:
        tensor = torch.from_numpy(np.array(array)).to(place)
        return tensor.bfloat16() if array.dtype.kind == "f" else tensor

    functions = {name: function}
    if cuda and also_compiled:
        functions[f"{name}, torch.compile"] = torch.compile(function)
    for shown, each in functions.items():
        run = transforms.differentiated(each, gradients, inputs, "torch")
        contender = Contender(
            shown,
            run,
            wait=lambda _: torch.cuda.synchronize() if cuda else None,
            convert=convert,
            read=lambda tensor: tensor.float().cpu().numpy(),
            events=functools.partial(torch.cuda.Event, enable_timing=True) if cuda else None,
        )
        contender.run = functools.partial(first_of_torch, contender, run) if cuda else run
        yield contender


def first_of_torch(contender: Contender, run: Callable[..., Any], *inputs: Any) -> Any:
    """Run; note the time of the first run and the memory of the second."""
    import torch

    if "memory_mb" in contender.facts:
        return run(*inputs)
    before, start = torch.cuda.memory_allocated(), time.perf_counter()
    torch.cuda.reset_peak_memory_stats()
    outputs = run(*inputs)
    torch.cuda.synchronize()
    if "compile_s" in contender.facts:
        peak = torch.cuda.max_memory_allocated() - before
        contender.facts["memory_mb"] = round(peak / 2**20)
    contender.facts.setdefault("compile_s", round(time.perf_counter() - start, 2))
    return outputs


def measure(work: Workload, rounds: int) -> dict[str, dict[str, Any]]:
    """Check each contender, then time all in turn."""
    size = sum(each.nbytes // 2 for each in work.inputs)
    sets = 1 if size > CACHE else min(8, -(-CACHE // size))
    sides: dict[str, dict[str, Any]] = {}
    ready = []
    for contender in work.contenders:
        side = sides.setdefault(contender.name, {})
        try:
            inputs = [[contender.convert(each) for each in work.inputs] for _ in range(sets)]
            outputs = contender.run(*inputs[0])
            contender.wait(outputs)
            if contender.checked:
                error = work.error([contender.read(x) for x in keras.tree.flatten(outputs)])
                if not error <= TOLERANCE:
                    side["wrong"] = f"error {error:.2g}, allowed {TOLERANCE}"
                    continue
                side["error"] = float(f"{error:.2g}")
            ready.append((side, contender, inputs, repeats(contender, inputs)))
            side |= contender.facts
        except Exception as failure:  # such as too little memory: the others are still timed
            line = (str(failure).strip().splitlines() or [""])[0][:100]
            side["cannot"] = f"{type(failure).__name__}: {line}"
    times: dict[str, list[float]] = {contender.name: [] for _, contender, *_ in ready}
    for _ in range(rounds):
        for _, contender, inputs, number in ready:
            times[contender.name].append(timed(contender, inputs, number))
    first = next(iter(sides))
    for side, contender, *_ in ready:
        own = np.array(times[contender.name])
        side["ms"] = quartiles(1e3 * own)
        if first in times and contender.name != first:
            ratio = np.array(times[first]) / own
            side["ratio"] = quartiles(1 / ratio if contender.name.startswith("kerasx") else ratio)
    return sides


def quartiles(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in np.percentile(values, [25, 50, 75])]


def repeats(contender: Contender, inputs: list) -> int:
    timed(contender, inputs, 1)
    return max(1, min(200, round(SECONDS / timed(contender, inputs, 1))))


def timed(contender: Contender, inputs: list, number: int) -> float:
    """Return the seconds of one run, out of `number` on inputs in turn."""
    events = [contender.events(), contender.events()] if contender.events else []
    start = time.perf_counter()
    for event in events[:1]:
        event.record()
    for place in range(number):
        outputs = contender.run(*inputs[place % len(inputs)])
    for event in events[1:]:
        event.record()
    contender.wait(outputs)
    spent = events[0].elapsed_time(events[1]) / 1e3 if events else time.perf_counter() - start
    return spent / number


# Workload -> the function that makes it, its sizes, and a small size.
WORKLOADS: dict[str, tuple[Callable[..., Workload], list[tuple], tuple]] = {
    "linear_cross_entropy": (
        linear_cross_entropy_of,
        [(1024, 1024, 32000), (4096, 4096, 32000), (8192, 4096, 65536), (16384, 4096, 128256)],
        (512, 64, 1000),
    ),
    "attention": (
        attention_of,
        [(8, 256, 16, 128), (8, 1024, 16, 128), (4, 4096, 16, 128), (1, 16384, 16, 128)],
        (1, 512, 2, 32),
    ),
    **{
        name: (
            functools.partial(elementwise_of, name),
            [(rows, 4096) for rows in (512, 2048, 8192, 32768)],
            (64, 128),
        )
        for name in ELEMENTWISE
    },
    "linear_recurrence": (
        recurrence_of,
        [(16, time, 1024) for time in (128, 512, 2048, 8192)],
        (2, 64, 32),
    ),
    "min_gru": (
        min_gru_of,
        [(16, time, 1024) for time in (128, 512, 2048, 8192)],
        (2, 64, 32),
    ),
    **{
        name: (
            functools.partial(crf_of, decodes),
            [(64, 128, 16), (256, 128, 16), (256, 512, 16), (256, 512, 64)],
            (8, 16, 5),
        )
        for name, decodes in {"crf_log_likelihood": False, "crf_decode": True}.items()
    },
}


def skipped() -> list[str]:
    """Return what does not run here, and why."""
    here = {
        "PyTorch: not installed, or sees no GPU": torch_here(),
        "Liger-Kernel: not installed, or no GPU": liger_here(),
        "cuDNN through JAX: not on JAX, or no GPU": cudnn_here(),
        "torch.compile: PyTorch sees no GPU": torch_here() and torch_here().cuda.is_available(),
    }
    return [why for why, present in here.items() if not present]


def run(options: argparse.Namespace) -> list[dict]:
    """Run the workloads on this process's backend; one that fails says so, the others continue."""
    works = []
    for name in options.work or WORKLOADS:
        make, sizes, small = WORKLOADS[name]
        entry: dict[str, Any] = {
            "work": f"{name}, {'' if name == 'crf_decode' else 'forward and backward, '}bfloat16",
            "file": "gpu",
            "backend": transforms.BACKEND,
            "environment": report.environment() | {"skipped": "; ".join(skipped()) or "nothing"},
            "rows": [],
        }
        works.append(entry)
        for size in [small] if options.small else sizes:
            row: dict[str, Any] = {"size": list(size), "sides": {}}
            try:
                work = make(*size)
                row |= {"size": list(work.size), "axes": work.axes}
                row["sides"] = measure(work, options.rounds)
            except Exception as failure:
                traceback.print_exc()
                row["sides"] = {"kerasx": {"cannot": f"{type(failure).__name__}: {failure}"[:200]}}
            entry["rows"].append(row)
            print(report.tables({"machine": device()[0], "works": [entry | {"rows": [row]}]}))
            sys.stdout.flush()
    return works


def main(*words: str) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", choices=WORKLOADS, action="append", help="default: all")
    parser.add_argument("--small", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--rounds", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="folder for the results")
    options = parser.parse_args(words)
    if transforms.BACKEND != "jax" and not (options.small or on_gpu()):
        print(f"{transforms.BACKEND} is skipped: it sees no GPU")
        return
    works = run(options)
    folder = options.out or (None if options.small else report.RESULTS)
    if folder:
        print("wrote", report.write(works, folder, device()[0]))
    for backend in BACKENDS[1:]:
        if importlib.util.find_spec(backend):
            variables = os.environ | {"KERAS_BACKEND": backend}
            subprocess.run([sys.executable, __file__, *words], env=variables, check=False)
        else:
            print(f"{backend} is skipped: it is not installed")


if __name__ == "__main__":
    main(*sys.argv[1:])
