"""Time the contenders of each workload under pytest-benchmark; `report` writes the results.

Every round runs ours and others once, in a random order, so that other programs on the machine slow
all of them alike: the ratio of two times of one round is more reliable than the times. A contender
runs in as many rounds as fit into its share of `--seconds`, so a slow one does not reduce the
rounds of the others.
"""

import ctypes
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Keep freed memory. Fetching large temporaries from the system again costs more than many a kernel,
# and whether glibc does so depends on what ran before. (-4 is M_MMAP_MAX, -1 M_TRIM_THRESHOLD.)
if hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(-4, 0)
    ctypes.CDLL(None).mallopt(-1, -1)
# Run everything on the CPU, including the processes started here; gpu.py is for GPUs.
os.environ |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}

import keras
import numpy as np
import pytest
import report
from progress import Progress
from suite import OURS, TOO_LONG, CannotRun, Contender, Workload, memory_growths, reason_of

# Programs that need packages of their own.
collect_ignore = ["addons_crf.py", "crf_training.py", "gpu.py"]
ROUNDS = (5, 200)  # minimum and maximum
FEWER = {5: 3, 25: 2}  # rounds of a contender whose run takes this many times its seconds
SHORT = 0.02  # seconds: a contender this short runs twice in a round; the second run counts
WARM = 0.5  # seconds: a contender that takes longer has one warm-up run less


def pytest_addoption(parser):
    parser.addoption("--seconds", type=float, default=0.4, help="per row (default: 0.4)")
    parser.addoption("--results", default=report.RESULTS, help="folder to write the results to")


@pytest.hookimpl(trylast=True)  # after the terminal reporter has been registered
def pytest_configure(config):
    config.works, config.slow = {}, {}
    config.partial = any("::" in argument for argument in config.args)
    if config.option.verbose < 0:
        config.pluginmanager.register(Progress(config))


def pytest_generate_tests(metafunc):
    workloads = getattr(metafunc.module, "WORKLOADS", [])
    if metafunc.function.__name__ == "test_time":
        rows = [(workload, size) for workload in workloads for size in workload.sizes]
        ids = [f"{workload.title}: {'x'.join(map(str, size))}" for workload, size in rows]
        metafunc.parametrize(("workload", "size"), rows, ids=ids)
    if metafunc.function.__name__ == "test_memory":
        measured = [workload for workload in workloads if workload.memory]
        name = metafunc.module.__name__.rpartition("bench_")[2]
        metafunc.parametrize("workloads", [measured], ids=[name])


def pytest_collection_modifyitems(items):
    """Measure memory last, so that results keep the order of workloads in their files."""
    items.sort(key=lambda item: item.name.startswith("test_memory"))


def pytest_deselected(items):
    for item in items[:1]:
        item.config.partial = True


@pytest.fixture
def record(request):
    """Return a function that adds a row: `record("Import", (), facts={"kerasx": "0.2 s"})`.

    Without facts, it returns the row for the caller to fill in.
    """

    def add_row(work: str, size: tuple[int, ...], facts: dict | None = None) -> dict:
        entry = request.config.works.setdefault(
            work,
            {
                "work": work,
                "file": request.path.stem.removeprefix("bench_"),
                "backend": keras.backend.backend(),
                "environment": report.environment(),
                "rows": {},
            },
        )
        entry["environment"]["load at the end"] = report.load()
        empty = {"size": list(size), "facts": {}} if facts else {"size": list(size), "sides": {}}
        row = entry["rows"].setdefault(size, empty)
        row.get("facts", {}).update(facts or {})
        return row

    return add_row


@pytest.fixture
def compare(benchmark, record, request):
    """Check the contenders of a workload at a size, then time them in turn."""

    def measure(workload: Workload, size: tuple[int, ...]) -> None:
        benchmark.group = workload.title
        row, seconds = record(workload.title, size), request.config.option.seconds
        slow = request.config.slow
        row["axes"] = workload.axes
        ready: dict[str, Contender] = {}
        first: dict[str, list[float]] = {}
        for name, make in workload.contenders.items():
            reason = {}
            try:
                longest = slow.get((workload.title, name), 0)
                if longest > TOO_LONG:
                    raise CannotRun(f"takes {longest:.0f} s at a smaller size")
                contender = make(size)
                (first_wall, _), output = contender.timed()
                error = contender.error(output) if contender.error else 0.0
                del output
            except Exception as failure:
                reason["cannot"] = reason_of(failure)
            else:
                if not error <= contender.tolerance:
                    reason["wrong"] = f"error {error:.1e}, allowed {contender.tolerance:.0e}"
            row["sides"].setdefault(name, {}).update(reason)
            if reason and not ready:
                pytest.fail(f"{name}, the baseline of all ratios, is not timed: {reason}")
            if reason:
                continue
            ready[name], first[name] = contender, [first_wall]
            if longest < WARM:
                first[name].append(contender.timed()[0][0])
            if first[name][-1] < WARM:
                first[name].append(contender.timed()[0][0])
            slow[workload.title, name] = first[name][-1]

        ours = next(iter(ready))
        number = {name: rounds(walls[-1], seconds / len(first)) for name, walls in first.items()}
        spent: dict[str, dict[int, tuple[float, float]]] = {name: {} for name in ready}
        schedule = iter(in_turn(number, ours))

        def run(turn: int, names: list[str]) -> None:
            for name in names:
                if first[name][-1] < SHORT:  # threads of the previous contender may still spin
                    ready[name].timed()
                spent[name][turn] = ready[name].timed()[0]

        def before_ours() -> tuple[tuple, dict]:
            turn, names = next(schedule)
            place = names.index(ours)
            run(turn, names[:place])
            return (turn, names[place + 1 :]), {}

        def run_ours(turn: int, _: list[str]) -> None:
            run(turn, [ours])

        benchmark.pedantic(run_ours, setup=before_ours, teardown=run, rounds=number[ours])
        if benchmark.stats is None:  # --benchmark-disable
            return
        for name, by_turn in spent.items():
            own = np.array(list(by_turn.values()))
            baseline = np.array([spent[ours][turn] for turn in by_turn])
            figures, median = row["sides"][name], float(np.median(own[:, 0]))
            figures["ms"] = quartiles(own[:, 0] * 1e3)
            compiling = sum(first[name]) - len(first[name]) * median
            figures["compile_s"] = round(max(0.0, compiling), 2)
            figures["rounds"] = len(own)
            if name != ours:
                ratio = own / baseline if name.startswith(OURS) else baseline / own
                figures["ratio"] = quartiles(ratio[:, 0])
                figures["cpu_ratio"] = quartiles(ratio[:, 1])[1]
            slow[workload.title, name] = median
        benchmark.extra_info.update(row)

    return measure


@pytest.fixture
def peak_memory(record, request):
    """Measure the peak memory of contenders at each size, each in a fresh process."""

    def measure(workloads: list[Workload]) -> None:
        if request.config.option.benchmark_disable:
            pytest.skip("benchmarks are disabled")
        for workload, name, size, growth in memory_growths(request.path.stem, workloads):
            figures = record(workload.title, size)["sides"].setdefault(name, {})
            figures["memory_mb" if isinstance(growth, int) else "memory_cannot"] = growth

    return measure


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    works = [{**work, "rows": list(work["rows"].values())} for work in config.works.values()]
    if not works or config.option.benchmark_disable:
        return
    terminalreporter.section("time of kerasx over the others")
    terminalreporter.write_line(report.tables({"machine": report.machine(), "works": works}))
    if config.partial or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        terminalreporter.write_line("\nonly part of a file ran, so no results are written")
        return
    terminalreporter.write_line(f"\nwrote {report.write(works, Path(config.option.results))}")


def rounds(of_one: float, seconds: float) -> int:
    """Return the number of rounds for a contender whose run takes `of_one` of its `seconds`."""
    for times, few in reversed(FEWER.items()):
        if of_one > times * seconds:
            return few
    return int(np.clip(seconds / of_one, *ROUNDS))


def in_turn(number: dict[str, int], ours: str) -> list[tuple[int, list[str]]]:
    """Return the contenders of each round in random order: ours in all, others spread over them."""
    random, total = np.random.default_rng(0), number[ours]
    few = {name: min(count, total) for name, count in number.items()}
    schedule = []
    for turn in range(total):
        names = [
            name for name in few if turn * few[name] // total < (turn + 1) * few[name] // total
        ]
        schedule.append((turn, random.permutation(names).tolist()))
    return schedule


def quartiles(values: np.ndarray) -> list[float]:
    """Return the lower quartile, the median and the upper quartile."""
    return [float(f"{value:.4g}") for value in np.percentile(values, [25, 50, 75])]
