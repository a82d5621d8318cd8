"""The kernels on a GPU, in bfloat16, beside what a user would pick instead, and beside the limit.

    python benchmarks/gpu.py                       # all; writes gpu.md and gpu.json in results/
    python benchmarks/gpu.py --work attention
    python benchmarks/gpu.py --small --out found   # small sizes, on any device

Needs jax, keras, numpy, and this repository, of which nothing need be installed. Where PyTorch sees
a GPU, its own functions and Liger-Kernel's run too. Every contender is compared with NumPy in
float64 before it is timed. All compute values and gradients, in turn, on inputs that together are
larger than the cache; a row says how long each takes, also in terms of the limit.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs memory too
HERE = Path(__file__).resolve().parent
sys.path[:0] = map(str, [HERE, HERE.parent, *HERE.parent.glob("plugins/*/src")])

import exact  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402

from kerasx_transformer import attention, gated, normalization, rotary  # noqa: E402
from kerasx_transformer.linear_cross_entropy import linear_cross_entropy  # noqa: E402

CACHE = 256 * 2**20  # bytes; more than any GPU's
SECONDS = 0.05  # at least, between two looks at the clock
TOLERANCE = 0.03  # bfloat16 has eight bits


@dataclass
class Contender:
    """A way to do a work: `run(*inputs)` does it without waiting, `wait` waits for its result."""

    name: str
    run: Callable[..., Any]
    wait: Callable[[Any], Any] = jax.block_until_ready
    convert: Callable[[np.ndarray], Any] = lambda array: jnp.asarray(array, _dtype(array))
    read: Callable[[Any], np.ndarray] = lambda tensor: np.asarray(tensor, "float32")
    checked: bool = True
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Work:
    """A kernel at a size: inputs as NumPy draws them, what must come out, who does it."""

    name: str
    size: str
    inputs: tuple[np.ndarray, ...]
    contenders: list[Contender]
    error: Callable[[list[np.ndarray]], float]


def _dtype(array: np.ndarray) -> Any:
    return jnp.bfloat16 if array.dtype.kind == "f" else array.dtype


def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
    """Normal numbers that bfloat16 holds exactly."""
    numbers = np.random.default_rng(sum(shape)).standard_normal(shape, "float32") * scale
    return np.asarray(numbers.astype(jnp.bfloat16), "float32")


# --- Linear cross-entropy -----------------------------------------------------------------------


def with_gradients(loss: Callable[..., Any]) -> Callable[..., Any]:
    def run(features: Any, weight: Any, labels: Any) -> Any:
        value, slopes = jax.value_and_grad(loss, argnums=(0, 1))(features, weight, labels)
        return value, *slopes

    return run


def products(features: Any, weight: Any, labels: Any) -> Any:
    """The three matrix products, with logits in place of their gradient."""
    logits = features @ weight
    return logits[0, 0], logits @ weight.T, features.T @ logits


def plain_loss(features: Any, weight: Any, labels: Any) -> Any:
    logits = ops.cast(features @ weight, "float32")
    return ops.mean(ops.sparse_categorical_crossentropy(labels, logits, from_logits=True))


def linear_cross_entropy_of(positions: int, channels: int, words: int) -> Work:
    distinct = 256  # positions, and copies of them: float64 takes its time
    features, weight = draw(distinct, channels), draw(channels, words, scale=channels**-0.5)
    labels = np.random.default_rng(0).integers(0, words, distinct).astype("int32")

    @functools.cache
    def expected() -> list[np.ndarray]:
        return exact.linear_cross_entropy(features, weight, labels, positions)

    def error(found: list[np.ndarray]) -> float:
        loss, of_features, of_weight = found
        return exact.error([loss, of_features[:distinct], of_weight], expected())

    kernel = functools.partial(linear_cross_entropy, reduction="mean")
    contenders = [
        jitted("kerasx", with_gradients(kernel)),
        jitted("limit: three products", products, checked=False),
        jitted("plain Keras, jit", with_gradients(plain_loss)),
        *torch_losses(),
    ]
    copies = positions // distinct
    inputs = np.tile(features, (copies, 1)), weight, np.tile(labels, copies)
    size = f"{positions:,} x {channels:,} x {words:,}"
    return Work("linear_cross_entropy, mean, with gradients", size, inputs, contenders, error)


def torch_losses() -> Iterator[Contender]:
    torch = torch_with_gpu()
    if not torch:
        return

    def plain(features: Any, weight: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy((features @ weight).float(), labels.long())

    losses = {"PyTorch": plain, "PyTorch, torch.compile": torch.compile(plain)}
    if importlib.util.find_spec("liger_kernel"):
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

        fused = LigerFusedLinearCrossEntropyLoss()
        losses["Liger-Kernel"] = lambda x, weight, y: fused(weight.T.contiguous(), x, y.long())

    for name, loss in losses.items():

        def run(features: Any, weight: Any, labels: Any, loss: Any = loss) -> Any:
            inputs = [each.detach().requires_grad_() for each in (features, weight)]
            value = loss(*inputs, labels)
            return value.detach(), *torch.autograd.grad(value, inputs)

        yield of_torch(name, run)


# --- Attention ----------------------------------------------------------------------------------


def attended(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(query: Any, key: Any, value: Any, upstream: Any) -> Any:
        output, back = jax.vjp(function, query, key, value)
        return output, *back(upstream)

    return run


def attention_of(*size: int) -> Work:
    last = 64  # queries that are compared, of the first sample
    inputs = tuple(draw(*size, scale=1 + 0.01 * place) for place in range(4))

    @functools.cache
    def expected() -> list[np.ndarray]:
        return exact.attention(*(each[:1] for each in inputs), size[1], last)

    def error(found: list[np.ndarray]) -> float:
        return exact.error([each[:1, -last:] for each in found[:2]], expected())

    causal = functools.partial(attention.blockwise_attention, causal=True)
    plain = functools.partial(ops.dot_product_attention, is_causal=True, flash_attention=False)
    contenders = [
        jitted("kerasx", attended(causal)),
        jitted("kerasx, its own blocks", attended(functools.partial(blocks, size))),
        *of_the_vendor(),
        jitted("plain Keras, jit", attended(plain)),
        *torch_attention(),
    ]
    shown = " x ".join(f"{axis:,}" for axis in size)
    return Work("blockwise_attention, causal, with gradients", shown, inputs, contenders, error)


def blocks(size: tuple[int, ...], query: Any, key: Any, value: Any) -> Any:
    """The kernel's own blocks, whatever the vendor has."""
    rules = attention.Rules(True, None, size[3] ** -0.5, None, 0.0)
    return attention.attention_in_blocks(query, key, value, rules)


def of_the_vendor() -> Iterator[Contender]:
    if jax.default_backend() != "gpu":
        return
    fused = functools.partial(jax.nn.dot_product_attention, is_causal=True, implementation="cudnn")
    yield jitted("limit: cuDNN through JAX", attended(fused))


def torch_attention() -> Iterator[Contender]:
    torch = torch_with_gpu()
    if not torch:
        return

    def run(*tensors: Any) -> Any:
        *inputs, upstream = (each.transpose(1, 2).detach() for each in tensors)
        for each in inputs:
            each.requires_grad_()
        output = torch.nn.functional.scaled_dot_product_attention(*inputs, is_causal=True)
        found = (output.detach(), *torch.autograd.grad(output, inputs, upstream))
        return [each.transpose(1, 2) for each in found]

    yield of_torch("PyTorch, scaled_dot_product_attention", run)


# --- Elementwise --------------------------------------------------------------------------------


def elementwise_of(name: str, rows: int, width: int) -> Work:
    a, b, c, d = (draw(rows, width, scale=1 + 0.01 * place) for place in range(4))
    heads = [each.reshape(rows // 32, 32, width // 64, 64) for each in (a, b)]
    inputs, upstream = {
        "add_rms_norm": ((a, b, draw(width)), (c, d)),
        "rotary_embedding": (heads[:1], heads[1:]),
    }.get(name, ((a, b), (c,)))
    kernel, plain = ELEMENTWISE[name]
    number = len(inputs)

    def both(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*tensors: Any) -> Any:
            output, back = jax.vjp(function, *tensors[:number])
            return output, back(tensors[-1] if len(upstream) == 1 else tensors[number:])

        return run

    def copy(*tensors: Any) -> Any:
        """Read all inputs; write as much as outputs and gradients are."""
        return [-each for each in (*tensors[number:], *tensors[:number])]

    def error(found: list[np.ndarray]) -> float:
        """Of the first rows; sums over all rows are left to the tests."""
        few = [each if each.ndim == 1 else each[:32] for each in (*inputs, *upstream)]
        wanted = getattr(exact, name)(*(each.astype("float64") for each in few))
        pairs = [(a[:32], b) for a, b in zip(found, wanted, strict=True) if b.ndim > 1]
        return exact.error(*map(list, zip(*pairs, strict=True)))

    contenders = [
        jitted("kerasx", both(kernel)),
        jitted("limit: a copy of as many bytes", copy, checked=False),
        jitted("plain Keras, jit", both(plain)),
    ]
    shown = " x ".join(f"{axis:,}" for axis in inputs[0].shape)
    return Work(f"{name}, with gradients", shown, (*inputs, *upstream), contenders, error)


def plain_rotary(x: Any) -> Any:
    """As it is usually written: tables of cosines and sines, and a rotated half."""
    rates = 10000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = np.tile(np.arange(x.shape[1])[:, None, None] * rates, 2).astype("float32")
    a, b = ops.split(x, 2, axis=-1)
    turned = x * np.cos(angles) + ops.concatenate([-b, a], axis=-1) * np.sin(angles)
    return ops.cast(turned, x.dtype)


ELEMENTWISE = {
    "swiglu": (gated.swiglu, gated.plain_swiglu),
    "geglu": (gated.geglu, gated.plain_geglu),
    "add_rms_norm": (normalization.add_rms_norm, normalization.plain_add_rms_norm),
    "rotary_embedding": (rotary.rotary_embedding, plain_rotary),
}


# --- How it is measured -------------------------------------------------------------------------


def jitted(name: str, function: Callable[..., Any], checked: bool = True) -> Contender:
    """Compiled by JAX, which knows the memory of a program before it runs."""
    contender = Contender(name, lambda *inputs: None, checked=checked)
    programs = []

    def run(*inputs: Any) -> Any:
        if not programs:
            start = time.perf_counter()
            programs.append(jax.jit(function).lower(*inputs).compile())
            contender.facts["compile s"] = round(time.perf_counter() - start, 2)
            memory = programs[0].memory_analysis()
            if memory is not None:
                used = memory.temp_size_in_bytes + memory.output_size_in_bytes
                contender.facts["memory MB"] = round(used / 2**20)
        return programs[0](*inputs)

    contender.run = run
    return contender


def torch_with_gpu() -> Any:
    if not importlib.util.find_spec("torch"):
        return None
    import torch

    return torch if torch.cuda.is_available() else None


def of_torch(name: str, function: Callable[..., Any]) -> Contender:
    import torch

    def convert(array: np.ndarray) -> Any:
        tensor = torch.from_numpy(array).cuda()
        return tensor.bfloat16() if array.dtype.kind == "f" else tensor

    def run(*inputs: Any) -> Any:
        if "memory MB" in contender.facts:
            return function(*inputs)
        start = time.perf_counter()
        function(*inputs)
        torch.cuda.synchronize()
        contender.facts["compile s"] = round(time.perf_counter() - start, 2)
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        found = function(*inputs)
        torch.cuda.synchronize()
        peak = torch.cuda.max_memory_allocated() - before
        contender.facts["memory MB"] = round(peak / 2**20)
        return found

    contender = Contender(
        name,
        run,
        wait=lambda _: torch.cuda.synchronize(),
        convert=convert,
        read=lambda tensor: tensor.float().cpu().numpy(),
    )
    return contender


def measure(work: Work, rounds: int) -> list[dict[str, Any]]:
    """Check each contender, then time all in turn: quartiles of milliseconds."""
    size = sum(each.nbytes // 2 for each in work.inputs)
    sets = 1 if size > CACHE else min(8, -(-CACHE // size))
    rows, ready = [], []
    for contender in work.contenders:
        row = {"work": work.name, "size": work.size, "contender": contender.name}
        rows.append(row)
        try:
            inputs = [[contender.convert(each) for each in work.inputs] for _ in range(sets)]
            found = contender.run(*inputs[0])
            contender.wait(found)
            if contender.checked:
                row["error"] = work.error([contender.read(x) for x in keras.tree.flatten(found)])
                if not row["error"] <= TOLERANCE:
                    row["wrong"] = f"error {row['error']:.2g}, allowed {TOLERANCE}: not timed"
                    continue
            row |= contender.facts
            ready.append((row, contender, inputs, repeats(contender, inputs)))
        except Exception as failure:  # such as memory that is not there: others are timed still
            row["wrong"] = f"{type(failure).__name__}: {str(failure).splitlines()[0][:100]}"
    times: dict[str, list[float]] = {row["contender"]: [] for row, *_ in ready}
    for _ in range(rounds):
        for row, contender, inputs, number in ready:
            times[row["contender"]].append(timed(contender, inputs, number))
    limit = next((name for name in times if name.startswith("limit")), None)
    for row, *_ in ready:
        own = np.array(times[row["contender"]])
        row["ms"] = [round(1e3 * float(each), 4) for each in np.percentile(own, [25, 50, 75])]
        if limit:
            row["over limit"] = round(float(np.median(own / np.array(times[limit]))), 3)
    return rows


def repeats(contender: Contender, inputs: list) -> int:
    timed(contender, inputs, 1)
    return max(1, min(200, round(SECONDS / timed(contender, inputs, 1))))


def timed(contender: Contender, inputs: list, number: int) -> float:
    """Seconds for one run, of several that follow each other on inputs in turn."""
    start = time.perf_counter()
    for place in range(number):
        found = contender.run(*inputs[place % len(inputs)])
    contender.wait(found)
    return (time.perf_counter() - start) / number


# Work -> how it is made, its sizes, and a small one.
WORKS: dict[str, tuple[Callable[..., Work], list[tuple], tuple]] = {
    "linear_cross_entropy": (
        linear_cross_entropy_of,
        [(4096, 4096, 32000), (16384, 4096, 128256)],
        (512, 64, 1000),
    ),
    "attention": (
        attention_of,
        [(8, 1024, 16, 128), (4, 4096, 16, 128), (1, 16384, 16, 128)],
        (1, 512, 2, 32),
    ),
    **{
        name: (functools.partial(elementwise_of, name), [(2048, 4096), (16384, 4096)], (64, 128))
        for name in ELEMENTWISE
    },
}


def environment() -> dict[str, str]:
    facts = {
        "device": str(jax.devices()[0].device_kind),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "keras": keras.__version__,
    }
    torch = torch_with_gpu()
    return facts | ({"torch": torch.__version__} if torch else {})


def skipped() -> list[str]:
    torch = "" if torch_with_gpu() else "PyTorch's rows: no PyTorch that sees a GPU"
    liger = "" if importlib.util.find_spec("liger_kernel") else "Liger-Kernel's: not installed"
    cudnn = "" if jax.default_backend() == "gpu" else "cuDNN's: this is no GPU"
    return [each for each in (torch, liger, cudnn) if each]


def table(rows: list[dict[str, Any]]) -> str:
    columns = ("size", "contender", "ms", "over limit", "memory MB", "compile s", "error")
    lines = []
    for work in dict.fromkeys(row["work"] for row in rows):
        lines += ["", f"## {work}", "", f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
        for row in (row for row in rows if row["work"] == work):
            shown = {**row, "error": f"{row['error']:.1e}" if "error" in row else ""}
            low, middle, high = row.get("ms", [""] * 3)
            shown["ms"] = row.get("wrong") or f"**{middle:.3g}** ({low:.3g} to {high:.3g})"
            lines.append(f"| {' | '.join(str(shown.get(each, '')) for each in columns)} |")
    return "\n".join(lines)


def main(*words: str) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", choices=WORKS, action="append", help="default: all")
    parser.add_argument("--small", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--rounds", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder of the results")
    options = parser.parse_args(words)
    rows: list[dict[str, Any]] = []
    for name in options.work or WORKS:
        make, sizes, small = WORKS[name]
        for size in [small] if options.small else sizes:
            found = measure(make(*size), options.rounds)
            print(table(found), flush=True)
            rows += found
    facts = environment() | {"skipped": "; ".join(skipped()) or "nothing"}
    options.out.mkdir(parents=True, exist_ok=True)
    written = json.dumps({"environment": facts, "rows": rows}, indent=1)
    (options.out / "gpu.json").write_text(written)
    listed = "\n".join(f"- {name}: {fact}" for name, fact in facts.items())
    (options.out / "gpu.md").write_text(f"# On a GPU, timed\n\n{listed}\n{table(rows)}\n")
    print(f"\n{listed}\nwrote {options.out / 'gpu.json'} and gpu.md")


if __name__ == "__main__":
    main(*sys.argv[1:])
