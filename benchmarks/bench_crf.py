"""The kernels of CRFs beside TensorFlow Addons 0.23 and pytorch-crf, forward and backward.

TensorFlow Addons needs TensorFlow 2.15, so it runs in an environment of its own, `build/addons`,
which is made here where it is missing, and in a process of its own, which measures itself.
Likelihoods and gradients are first compared with NumPy in float64, decoded tags by their score.

    python benchmarks/bench_crf.py batches.npz

trains on the batches of a file, in a step that is traced once for all lengths, and prints the
seconds and the last loss.
"""

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from side import Side

import kerasx

Size = tuple[int, int, int]
SIZES = [(32, 128, 16), (64, 256, 64)]
BATCHES, RATE = 500, 0.01
HERE = Path(__file__).parent
ADDONS = HERE.parent / "build" / "addons"
SCRATCH = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


@functools.cache
def arrays(batch: int, time: int, units: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "emissions": random.normal(size=(batch, time, units)).astype("float32"),
        "transitions": random.normal(size=(units, units)).astype("float32"),
        "tags": random.integers(0, units, (batch, time)).astype("int32"),
        "lengths": np.full(batch, time, "int32"),
    }


@functools.cache
def exact(*size: int) -> list[np.ndarray]:
    """The sum of the log-likelihoods and its gradients, and the best scores, in float64."""
    given = arrays(*size)
    emissions, transitions = (
        given[name].astype("float64") for name in ("emissions", "transitions")
    )
    tags, (batch, time, units) = given["tags"], size
    left, best = [emissions[:, 0]], emissions[:, 0]
    for step in range(1, time):
        left.append(logsumexp(left[-1][:, :, None] + transitions, 1) + emissions[:, step])
        best = (best[:, :, None] + transitions).max(1) + emissions[:, step]
    partition = logsumexp(left[-1], 1)
    right = np.zeros((batch, units))
    of_emissions, of_transitions = np.zeros(emissions.shape), np.zeros(transitions.shape)
    rows = np.arange(batch)
    for step in reversed(range(time)):
        of_emissions[:, step] = -np.exp(left[step] + right - partition[:, None])
        of_emissions[rows, step, tags[:, step]] += 1
        if step:
            behind = (emissions[:, step] + right)[:, None, :] + transitions
            pairs = left[step - 1][:, :, None] + behind - partition[:, None, None]
            of_transitions -= np.exp(pairs).sum(0)
            np.add.at(of_transitions, (tags[:, step - 1], tags[:, step]), 1)
            right = logsumexp(behind, 2)
    score = sum(scores_of(tags, size)) - partition.sum()
    return [np.array(score), of_emissions, of_transitions, best.max(1)]


def scores_of(tags: np.ndarray, size: Size) -> np.ndarray:
    given = arrays(*size)
    emissions = np.take_along_axis(given["emissions"].astype("float64"), tags[..., None], 2)
    moves = given["transitions"].astype("float64")[tags[:, :-1], tags[:, 1:]]
    return emissions[..., 0].sum(1) + moves.sum(1)


def error(work: str, size: Size, found: Any) -> float:
    """The largest error of value and gradients, relative to the largest value of each."""
    values = [np.asarray(each) for each in found]
    if work == "viterbi":
        return float(np.abs(scores_of(values[0], size) / exact(*size)[3] - 1).max())
    return max(
        float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        for ours, theirs in zip(values, exact(*size), strict=False)
    )


def ours(work: str, size: Size) -> Side:
    given = {name: tf.constant(array) for name, array in arrays(*size).items()}

    def likelihood(emissions: tf.Tensor, transitions: tf.Tensor, **given: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([emissions, transitions])
            found = kerasx.kernels.crf_log_likelihood(emissions, transitions=transitions, **given)
            total = tf.reduce_sum(found)
        return total, *tape.gradient(total, [emissions, transitions])

    def viterbi(emissions: tf.Tensor, transitions: tf.Tensor, **given: tf.Tensor) -> Any:
        return kerasx.kernels.crf_decode(emissions, transitions, lengths=given["lengths"])

    function = {"likelihood": likelihood, "viterbi": viterbi}[work]
    compiled = tf.function(function, jit_compile=True, autograph=False)

    def run() -> list[np.ndarray]:
        return [each.numpy() for each in compiled(**given)]

    return Side("kernel", run, lambda: error(work, size, run()), tolerance=1e-4)


def of_addons(work: str, size: Size) -> Side:
    inputs, outputs = SCRATCH / f"{work}{size}.npz", SCRATCH / "outputs.npz"
    np.savez(inputs, **arrays(*size))
    process = subprocess.Popen(
        [addons_python(), str(HERE / "addons_crf.py"), work, str(inputs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(process.kill)

    def ask(line: str) -> str:
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline()

    def value() -> float:
        ask(f"value {outputs}")
        with np.load(outputs) as file:
            return error(work, size, list(file.values()))

    assert process.stdout.readline() == "ready\n", "TensorFlow Addons does not run"
    return Side(
        "TF Addons",
        lambda: None,
        value,
        tolerance=1e-4,
        measured=lambda: tuple(json.loads(ask("run"))),
    )


@functools.cache
def addons_python() -> str:
    """The Python of TensorFlow Addons' environment."""
    python = ADDONS / "bin" / "python"
    if not python.exists():
        base = shutil.which("python3.11") or sys.executable
        pip = [str(python), "-m", "pip", "install", "-q"]
        try:
            subprocess.run([base, "-m", "venv", str(ADDONS)], check=True)
            packages = ["tensorflow-addons==0.23.0", "tensorflow-cpu==2.15.1"]
            subprocess.run([*pip, *packages], check=True)
        except subprocess.CalledProcessError as failure:
            shutil.rmtree(ADDONS, ignore_errors=True)
            pytest.skip(f"TensorFlow Addons cannot be installed: {failure}")
    return str(python)


def of_torch(work: str, size: Size) -> Side:
    torch = pytest.importorskip("torch")
    torchcrf = pytest.importorskip("torchcrf")
    given = {name: torch.from_numpy(array) for name, array in arrays(*size).items()}
    layer = torchcrf.CRF(size[2], batch_first=True)
    with torch.no_grad():
        layer.transitions.copy_(given["transitions"])
        layer.start_transitions.zero_()
        layer.end_transitions.zero_()
    emissions, tags = given["emissions"].requires_grad_(), given["tags"].long()

    def likelihood() -> Any:
        total = layer(emissions, tags)
        return total, *torch.autograd.grad(total, [emissions, layer.transitions])

    def viterbi() -> Any:
        return [layer.decode(emissions)]

    run = {"likelihood": likelihood, "viterbi": viterbi}[work]

    def value() -> float:
        found = [each.detach() if torch.is_tensor(each) else each for each in run()]
        return error(work, size, found)

    return Side("pytorch-crf", run, value, tolerance=1e-4)


WORKS = {
    "likelihood": "CRF log-likelihood, forward and backward",
    "viterbi": "Viterbi",
}


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}x{0[2]}".format)
@pytest.mark.parametrize("other", [of_addons, of_torch])
def test_crf(work, size, other, compare):
    compare(WORKS[work], size, "", ours(work, size), other(work, size), 0.0)


def test_training_on_many_lengths(record):
    """A loop of 500 batches of 32 sequences of 5 to 120 steps, 16 tags, compile time included."""
    path = SCRATCH / "training.npz"
    random = np.random.default_rng(0)
    inputs = {
        "number": np.array(BATCHES),
        "rate": np.array(RATE),
        "transitions": np.zeros((16, 16), "float32"),
    }
    for place in range(BATCHES):
        lengths = random.integers(5, 121, 32).astype("int32")
        lengths = np.minimum(lengths, random.integers(5, 121)).astype("int32")
        time = lengths.max()
        inputs[f"lengths{place}"] = lengths
        inputs[f"features{place}"] = random.normal(size=(32, time, 16)).astype("float32")
        inputs[f"tags{place}"] = random.integers(0, 16, (32, time)).astype("int32")
    np.savez(path, **inputs)
    commands = {
        "kernel": [sys.executable, __file__, str(path)],
        "TF Addons": [addons_python(), str(HERE / "addons_crf.py"), "training", str(path)],
    }
    seconds, losses = {}, {}
    for _ in range(3):
        for name, command in commands.items():
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            spent, losses[name] = json.loads(done.stdout.splitlines()[-1])
            seconds[name] = min(spent, seconds.get(name, spent))
    np.testing.assert_allclose(losses["kernel"], losses["TF Addons"], rtol=1e-3)
    facts = {name: f"{spent:.2f} s" for name, spent in seconds.items()}
    facts["programs"] = str(programs_of(commands["kernel"]))
    record("CRF training, 500 batches of 5 to 120 steps", (32, 120, 16), "", facts=facts)


def programs_of(command: list[str]) -> int:
    """How many programs XLA compiles in a process."""
    dumped = SCRATCH / "programs"
    flags = {"XLA_FLAGS": f"--xla_dump_to={dumped} --xla_dump_hlo_pass_re=^$"}
    subprocess.run(command, check=True, capture_output=True, env=os.environ | flags)
    return len(list(dumped.glob("*before_optimizations.txt")))


def trained(batches: list, transitions: tf.Tensor, rate: float) -> float:
    """Train transitions and a projection on batches of any length; the last loss."""
    units = transitions.shape[0]
    kernel, transitions = tf.Variable(tf.eye(units)), tf.Variable(transitions)
    signature = [
        tf.TensorSpec((None, None, units)),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None,), tf.int32),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def step(features: tf.Tensor, tags: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            found = kerasx.kernels.crf_log_likelihood(
                features @ kernel, tags, tf.convert_to_tensor(transitions), lengths=lengths
            )
            loss = -tf.reduce_mean(found)
        for variable, slope in zip(
            (kernel, transitions), tape.gradient(loss, [kernel, transitions]), strict=True
        ):
            variable.assign_sub(rate * slope)
        return loss

    for batch in batches:
        loss = step(*batch)
    return float(loss)


def main(path: str) -> None:
    with np.load(path) as file:
        inputs = dict(file)
    names = ("features", "tags", "lengths")
    batches = [
        [tf.constant(inputs[f"{name}{place}"]) for name in names]
        for place in range(int(inputs["number"]))
    ]
    start = time.perf_counter()
    loss = trained(batches, tf.constant(inputs["transitions"]), float(inputs["rate"]))
    print(json.dumps([time.perf_counter() - start, loss]))


if __name__ == "__main__":
    main(*sys.argv[1:])
