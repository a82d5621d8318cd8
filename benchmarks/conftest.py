"""How the sides of a work are timed, under pytest-benchmark; `report` writes what came out.

Each round runs ours and others once, in an order of its own, so that other programs slow all of
them alike: ratios of the times of one round say more than the times. Each side has as many rounds
as fit in its share of `--seconds`, so that a slow one does not cost the others theirs.
"""

import ctypes
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Whether large temporaries come from the system anew, which costs more than many a kernel, would
# else depend on what ran before: glibc's allocator keeps what it has. (-4 is M_MMAP_MAX, and -1
# M_TRIM_THRESHOLD.)
if hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(-4, 0)
    ctypes.CDLL(None).mallopt(-1, -1)
# Everything here runs on the CPU, in the processes that it starts too; gpu.py is for GPUs.
os.environ |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}

import keras
import numpy as np
import pytest
import report
from progress import Progress
from suite import OURS, TOO_LONG, Cannot, Side, Work, growths, why_not

collect_ignore = [
    "addons_crf.py",
    "crf_training.py",
    "gpu.py",
]  # programs with packages of their own
ROUNDS = (5, 200)  # at least, at most
FEWER = {5: 3, 25: 2}  # rounds of a side whose run takes so many times its seconds
SHORT = 0.02  # seconds: a side this short runs twice in a round, and the second run counts
WARM = 0.5  # seconds: a side that takes longer warms up once less


def pytest_addoption(parser):
    parser.addoption("--seconds", type=float, default=0.4, help="of each row (default: 0.4)")
    parser.addoption("--results", default=report.RESULTS, help="folder that results are written to")


@pytest.hookimpl(trylast=True)  # the terminal is there, then
def pytest_configure(config):
    config.works, config.slow = {}, {}
    config.partial = any("::" in argument for argument in config.args)
    if config.option.verbose < 0:
        config.pluginmanager.register(Progress(config))


def pytest_generate_tests(metafunc):
    works = getattr(metafunc.module, "WORKS", [])
    if metafunc.function.__name__ == "test_time":
        rows = [(work, size) for work in works for size in work.sizes]
        ids = [f"{work.title}: {'x'.join(map(str, size))}" for work, size in rows]
        metafunc.parametrize(("work", "size"), rows, ids=ids)
    if metafunc.function.__name__ == "test_memory":
        measured = [work for work in works if work.memory]
        name = metafunc.module.__name__.rpartition("bench_")[2]
        metafunc.parametrize("works", [measured], ids=[name])


def pytest_collection_modifyitems(items):
    """Memory comes last, so that works and sides are written in the order of their files."""
    items.sort(key=lambda item: item.name.startswith("test_memory"))


def pytest_deselected(items):
    for item in items[:1]:
        item.config.partial = True


@pytest.fixture
def record(request):
    """Add facts to the results: `record("Import", (), facts={"kerasx": "0.2 s"})`.

    Without facts, the row that it returns is to be filled in.
    """

    def row(work: str, size: tuple[int, ...], mode: str = "", facts: dict | None = None) -> dict:
        title = f"{work}, {mode}" if mode else work
        entry = request.config.works.setdefault(
            title,
            {
                "work": title,
                "file": request.path.stem.removeprefix("bench_"),
                "backend": keras.backend.backend(),
                "environment": report.environment(),
                "rows": {},
            },
        )
        entry["environment"]["load at the end"] = report.load()
        empty = {"size": list(size), "facts": {}} if facts else {"size": list(size), "sides": {}}
        found = entry["rows"].setdefault(size, empty)
        found.get("facts", {}).update(facts or {})
        return found

    return row


@pytest.fixture
def compare(benchmark, record, request):
    """Check the sides of a work at a size, then time them in turn."""

    def measure(work: Work, size: tuple[int, ...]) -> None:
        benchmark.group = work.title
        row, seconds = record(work.title, size), request.config.option.seconds
        slow = request.config.slow
        row["axes"] = work.axes
        ready: dict[str, Side] = {}
        first: dict[str, list[float]] = {}
        for name, make in work.sides.items():
            reason = {}
            try:
                longest = slow.get((work.title, name), 0)
                if longest > TOO_LONG:
                    raise Cannot(f"takes {longest:.0f} s at a smaller size")
                side = make(size)
                (spent_first, _), value = side.timed()
                error = side.error(value) if side.error else 0.0
                del value
            except Exception as failure:
                reason["cannot"] = why_not(failure)
            else:
                if not error <= side.tolerance:
                    reason["wrong"] = f"error {error:.1e}, allowed {side.tolerance:.0e}"
            row["sides"].setdefault(name, {}).update(reason)
            if reason and not ready:
                pytest.fail(f"{name}, which all are compared with, is not timed: {reason}")
            if reason:
                continue
            ready[name], first[name] = side, [spent_first]
            if longest < WARM:
                first[name].append(side.timed()[0][0])
            if first[name][-1] < WARM:
                first[name].append(side.timed()[0][0])
            slow[work.title, name] = first[name][-1]

        ours = next(iter(ready))
        number = {name: rounds(each[-1], seconds / len(first)) for name, each in first.items()}
        spent: dict[str, dict[int, tuple[float, float]]] = {name: {} for name in ready}
        turns = iter(in_turn(number, ours))

        def run(turn: int, names: list[str]) -> None:
            for name in names:
                if first[name][-1] < SHORT:  # the side before may have threads that still spin
                    ready[name].timed()
                spent[name][turn] = ready[name].timed()[0]

        def before_ours() -> tuple[tuple, dict]:
            turn, names = next(turns)
            place = names.index(ours)
            run(turn, names[:place])
            return (turn, names[place + 1 :]), {}

        def run_ours(turn: int, _: list[str]) -> None:
            run(turn, [ours])

        benchmark.pedantic(run_ours, setup=before_ours, teardown=run, rounds=number[ours])
        if benchmark.stats is None:  # --benchmark-disable
            return
        for name, of_rounds in spent.items():
            own = np.array(list(of_rounds.values()))
            same = np.array([spent[ours][turn] for turn in of_rounds])
            found, middle = row["sides"][name], float(np.median(own[:, 0]))
            found["ms"] = quartiles(own[:, 0] * 1e3)
            found["compile_s"] = round(max(0.0, sum(first[name]) - len(first[name]) * middle), 2)
            found["rounds"] = len(own)
            if name != ours:
                ratio = own / same if name.startswith(OURS) else same / own
                found["ratio"] = quartiles(ratio[:, 0])
                found["cpu_ratio"] = quartiles(ratio[:, 1])[1]
            slow[work.title, name] = middle
        benchmark.extra_info.update(row)

    return measure


@pytest.fixture
def grown(record, request):
    """Measure the peak memory of sides at each size, in a fresh process for each side."""

    def measure(works: list[Work]) -> None:
        if request.config.option.benchmark_disable:
            pytest.skip("memory is not measured where nothing is")
        for work, name, size, found in growths(request.path.stem, works):
            side = record(work.title, size)["sides"].setdefault(name, {})
            side["memory_mb" if isinstance(found, int) else "memory_cannot"] = found

    return measure


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    works = [{**work, "rows": list(work["rows"].values())} for work in config.works.values()]
    if not works or config.option.benchmark_disable:
        return
    terminalreporter.section("kerasx over the others")
    terminalreporter.write_line(report.tables({"machine": report.machine(), "works": works}))
    if config.partial or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        terminalreporter.write_line("\nonly a part of a file, so no results are written")
        return
    written = report.write(works, Path(config.option.results))
    terminalreporter.write_line(f"\nwrote {', '.join(map(str, written))}")


def rounds(of_one: float, seconds: float) -> int:
    """In how many rounds a side runs that takes so long, and may take so many seconds in all."""
    for times, few in reversed(FEWER.items()):
        if of_one > times * seconds:
            return few
    return int(np.clip(seconds / of_one, *ROUNDS))


def in_turn(number: dict[str, int], ours: str) -> list[tuple[int, list[str]]]:
    """The sides of each round, in an order of its own: ours in all, others spread over them."""
    random, of = np.random.default_rng(0), number[ours]
    found = []
    for turn in range(of):
        few = {name: min(each, of) for name, each in number.items()}
        here = [name for name in few if turn * few[name] // of < (turn + 1) * few[name] // of]
        found.append((turn, random.permutation(here).tolist()))
    return found


def quartiles(values: np.ndarray) -> list[float]:
    """The median between the lower and the upper quartile."""
    return [float(f"{value:.4g}") for value in np.percentile(values, [25, 50, 75])]
