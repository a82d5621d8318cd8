"""Conditional random fields.

Compares the log-likelihood with its gradients, and Viterbi decoding, with TensorFlow Addons 0.23
and pytorch-crf. Addons needs TensorFlow 2.15, so it runs in its own environment, `build/addons`,
which is created if missing, and in its own process, which times itself. Decoded tags are compared
by their score in float64. To keep the reference fast, each batch consists of 8 distinct sequences
and copies of them. The gradients of pytorch-crf may be off by 1e-2: over a thousand steps its error
is 1e-3. Ours must be right to 1e-4.

The last table is a training loop on batches of every length, compile time included, run three times
with each package in turn. The time and garbage of importing are not counted for either. Both train
in one graph that is traced for any length; within it our kernel is compiled for a few lengths, and
others are padded to these. More than half of our time passes before the second step, in tracing and
in compiling some thirty small loops. Value and gradient come from one loop over time, which runs
from both ends.
"""

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import references
import transforms
from suite import CannotRun, Contender, Workload
from suite import test_memory as test_memory
from suite import test_time as test_time

import kerasx
from kerasx.testing import Worker, WorkerError

Size = tuple[int, int, int]
SIZES = [(8, 32, 8), (32, 128, 16), (32, 512, 16), (64, 256, 64)]
DISTINCT = 8
BATCHES, RATE = 500, 0.01
ROUNDS = 3  # of training, an odd number
HERE = Path(__file__).parent
ADDONS = HERE.parent / "build" / "addons"
SCRATCH = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


@functools.lru_cache(maxsize=1)
def arrays(batch: int, time: int, units: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    emissions = random.normal(size=(DISTINCT, time, units)).astype("float32")
    tags = random.integers(0, units, (DISTINCT, time)).astype("int32")
    return {
        "emissions": np.tile(emissions, (batch // DISTINCT, 1, 1)),
        "transitions": random.normal(size=(units, units)).astype("float32"),
        "tags": np.tile(tags, (batch // DISTINCT, 1)),
        "lengths": np.full(batch, time, "int32"),
    }


@functools.lru_cache(maxsize=1)
def expected(*size: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return likelihood and gradients of the distinct sequences, and scores of their best tags."""
    data = arrays(*size)
    values, best = references.crf(
        data["emissions"][:DISTINCT], data["transitions"], data["tags"][:DISTINCT]
    )
    copies = size[0] // DISTINCT
    return [values[0] * copies, values[1], values[2] * copies], best


def error_of_likelihood(size: Size, outputs: list[np.ndarray]) -> float:
    total, of_emissions, of_transitions = outputs
    return references.error([total, of_emissions[:DISTINCT], of_transitions], expected(*size)[0])


def error_of_tags(size: Size, outputs: list[np.ndarray]) -> float:
    data = arrays(*size)
    emissions, tags = data["emissions"][:DISTINCT], np.asarray(outputs[0])[:DISTINCT]
    scores = references.crf_scores(emissions, data["transitions"], tags)
    return float(np.abs(scores / expected(*size)[1] - 1).max())


ERRORS = {"likelihood": error_of_likelihood, "viterbi": error_of_tags}


def ours(work: str, size: Size) -> Contender:
    data = arrays(*size)
    error = functools.partial(ERRORS[work], size)

    def likelihood(emissions, transitions, tags, lengths):
        return keras.ops.sum(
            kerasx.kernels.crf_log_likelihood(emissions, tags, transitions, lengths=lengths)
        )

    if work == "likelihood":
        return transforms.contender(likelihood, _inputs(data), gradients=2, error=error)

    def viterbi(emissions, transitions, _, lengths):
        return kerasx.kernels.crf_decode(emissions, transitions, lengths=lengths)

    return transforms.contender(viterbi, _inputs(data), error=error)


def _inputs(data: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [data[name] for name in ("emissions", "transitions", "tags", "lengths")]


def of_addons(work: str, size: Size) -> Contender:
    inputs, outputs = SCRATCH / "inputs.npz", SCRATCH / "outputs.npz"
    np.savez(inputs, **arrays(*size))
    try:
        worker = addons()
        worker.run("workload = addons_crf.Workload(name, inputs)", name=work, inputs=str(inputs))
    except WorkerError as failure:
        raise CannotRun(f"TensorFlow Addons does not run: {failure}") from failure

    def error(_) -> float:
        worker.run("workload.save(outputs)", outputs=str(outputs))
        with np.load(outputs) as file:
            return ERRORS[work](size, list(file.values()))

    def run() -> tuple[float, ...]:
        return tuple(map(float, worker.run("print(*workload.seconds())").split()))

    return Contender(run, error, times_itself=True)


@functools.cache
def addons() -> Worker:
    """Start the process of TensorFlow Addons."""
    worker = Worker(addons_python(), environment={**os.environ, "PYTHONPATH": str(HERE)})
    atexit.register(worker.close)
    worker.run("import addons_crf")
    return worker


@functools.cache
def addons_python() -> str:
    """Return the Python of TensorFlow Addons' environment; create that if it is missing."""
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
            raise CannotRun(f"TensorFlow Addons cannot be installed: {failure}") from failure
    return str(python)


def of_torch(work: str, size: Size) -> Contender:
    import torch
    import torchcrf

    data = arrays(*size)
    layer = torchcrf.CRF(size[2], batch_first=True)
    with torch.no_grad():
        layer.start_transitions.zero_()
        layer.end_transitions.zero_()
        layer.transitions.copy_(torch.from_numpy(data["transitions"]))
    del layer._parameters["transitions"]  # passed as an argument, so that it has a gradient
    error = functools.partial(ERRORS[work], size)

    def likelihood(emissions, transitions, tags, _):
        layer.transitions = transitions
        return layer(emissions, tags.long())

    if work == "likelihood":
        settings = {"error": error, "tolerance": 1e-2}
        return transforms.contender(
            likelihood, _inputs(data), gradients=2, backend="torch", **settings
        )

    def viterbi(emissions, transitions, *_):
        layer.transitions = transitions
        return layer.decode(emissions)

    tensors = [torch.from_numpy(array) for array in _inputs(data)]
    return Contender(lambda: viterbi(*tensors), lambda tags: error([tags]))


def workload(title: str, name: str, **settings) -> Workload:
    packages = {"kerasx": ours, "TensorFlow Addons": of_addons, "pytorch-crf": of_torch}
    contenders = {package: functools.partial(make, name) for package, make in packages.items()}
    return Workload(title, "batch x time x tags", SIZES, contenders, **settings)


WORKLOADS = [
    workload("CRF log-likelihood, with gradients", "likelihood", memory=["kerasx"]),
    workload("Viterbi", "viterbi"),
]


@pytest.mark.skipif(
    transforms.BACKEND != "tensorflow", reason="TensorFlow Addons runs on TensorFlow"
)
def test_training_on_many_lengths(record):
    """Train on 500 batches of 32 sequences of 5 to 120 steps with 16 tags, and compile."""
    try:
        addons = addons_python()
    except CannotRun as reason:
        pytest.skip(str(reason))
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
        name: [python, str(HERE / "crf_training.py"), package, str(path)]
        for name, python, package in (
            ("kerasx", sys.executable, "kerasx"),
            ("TensorFlow Addons", addons, "addons"),
        )
    }
    # Installed packages have bytecode: let the first process write it for those that are timed.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    programs = programs_of(commands["kerasx"], variables)
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    losses = {}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=variables
            )
            spent, losses[name] = json.loads(done.stdout.splitlines()[-1])
            seconds[name].append(spent)
    np.testing.assert_allclose(losses["kerasx"], losses["TensorFlow Addons"], rtol=1e-3)
    facts = {name: f"{np.median(spent):.2f} s" for name, spent in seconds.items()}
    ratios = np.divide(seconds["TensorFlow Addons"], seconds["kerasx"])
    low, middle, high = np.sort(ratios)[[0, ROUNDS // 2, -1]]
    facts["Addons over kerasx"] = f"{middle:.2f} ({low:.2f} to {high:.2f})"
    facts["programs"] = str(programs)
    record("CRF training, 500 batches of 5 to 120 steps", (32, 120, 16), facts=facts)


def programs_of(command: list[str], variables: dict[str, str]) -> int:
    """Return how many programs XLA compiles in a process."""
    dumped = SCRATCH / "programs"
    flags = {"XLA_FLAGS": f"--xla_dump_to={dumped} --xla_dump_hlo_pass_re=^$"}
    subprocess.run(command, check=True, capture_output=True, env=variables | flags)
    return len(list(dumped.glob("*before_optimizations.txt")))
