"""How the sides of a work are timed, under pytest-benchmark; `report` writes what came out.

Each round runs every side once, in an order of its own, so that other programs slow all of them
alike: ratios of the times of one round say more than the times.
"""

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Everything here runs on the CPU, in the processes that it starts too; gpu.py is for GPUs.
os.environ |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}

import keras
import numpy as np
import pytest
import report
from suite import OURS, TOO_LONG, Cannot, Side, Work, growths

collect_ignore = [
    "addons_crf.py",
    "crf_training.py",
    "gpu.py",
]  # programs with packages of their own
ROUNDS = (5, 200)  # at least, at most
SHORT = 0.02  # seconds: a side this short runs twice in a round, and the second run counts
WARM = (30.0, 3.0)  # seconds after which there is no second, and no third run that warms up
FEWER = {1: 3, 20: 2}  # rounds that are longer than so many times `--seconds`: so many


def pytest_addoption(parser):
    parser.addoption("--seconds", type=float, default=0.5, help="of each row (default: 0.5)")
    parser.addoption("--results", default=report.RESULTS, help="folder that results are written to")


def pytest_configure(config):
    config.works, config.slow = {}, {}
    config.partial = any("::" in argument for argument in config.args)


def pytest_generate_tests(metafunc):
    works = getattr(metafunc.module, "WORKS", [])
    if metafunc.function.__name__ == "test_time":
        rows = [(work, size) for work in works for size in work.sizes]
        ids = [f"{work.title}: {'x'.join(map(str, size))}" for work, size in rows]
        metafunc.parametrize(("work", "size"), rows, ids=ids)
    if metafunc.function.__name__ == "test_memory":
        measured = [work for work in works if work.memory]
        metafunc.parametrize("work", measured, ids=[work.title for work in measured])


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
            why_not = {}
            try:
                longest = slow.get((work.title, name), 0)
                if longest > TOO_LONG:
                    raise Cannot(f"takes {longest:.0f} s at a smaller size")
                side = make(size)
                (spent_first, _), value = side.timed()
                error = side.error(value) if side.error else 0.0
                del value
            except Exception as failure:  # such as a package that is not there
                line = (str(failure).strip().splitlines() or [""])[0][:120]
                is_known = isinstance(failure, Cannot)
                why_not["cannot"] = line if is_known else f"{type(failure).__name__}: {line}"
            else:
                if not error <= side.tolerance:
                    why_not["wrong"] = f"error {error:.1e}, allowed {side.tolerance:.0e}"
            row["sides"].setdefault(name, {}).update(why_not)
            if not ready and why_not:
                pytest.fail(f"{name}, which all are compared with, is not timed: {why_not}")
            if why_not:
                continue
            ready[name], first[name] = side, [spent_first]
            for most in WARM:
                if sum(first[name]) < most:
                    first[name].append(side.timed()[0][0])
            slow[work.title, name] = first[name][-1]

        order, random = list(ready), np.random.default_rng(0)
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in order}

        def run(name: str) -> None:
            if first[name][-1] < SHORT:  # the side before may have threads that still spin
                ready[name].timed()
            spent[name].append(ready[name].timed()[0])

        def the_others() -> None:
            for name in random.permutation(order[1:]):
                run(name)

        number = rounds(sum(each[-1] for each in first.values()), seconds)
        benchmark.pedantic(lambda: run(order[0]), setup=the_others, rounds=number)
        if benchmark.stats is None:  # --benchmark-disable
            return
        times = {name: np.array(each) for name, each in spent.items()}
        for name, own in times.items():
            found = row["sides"][name]
            found["ms"] = quartiles(own[:, 0] * 1e3)
            compiled = sum(first[name]) - len(first[name]) * np.median(own[:, 0])
            found["compile_s"] = round(max(0.0, float(compiled)), 2)
            if name != order[0]:
                ratio = own / times[order[0]] if name.startswith(OURS) else times[order[0]] / own
                found["ratio"] = quartiles(ratio[:, 0])
                found["cpu_ratio"] = quartiles(ratio[:, 1])[1]
        row["rounds"] = len(spent[order[0]])
        benchmark.extra_info.update(row)

    return measure


@pytest.fixture
def grown(record, request):
    """Measure the peak memory of sides at each size, each in one fresh process."""

    def measure(work: Work) -> None:
        if request.config.option.benchmark_disable:
            pytest.skip("memory is not measured where nothing is")
        of_side = functools.partial(growths, request.path.stem, work)
        with ThreadPoolExecutor(2) as pool:  # a process takes long to start, on one core
            for name, grown in zip(work.memory, pool.map(of_side, work.memory), strict=True):
                for size, found in grown.items():
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


def rounds(seconds_of_one: float, seconds: float) -> int:
    """How many rounds of so many seconds a row has."""
    for times, few in reversed(FEWER.items()):
        if seconds_of_one > times * seconds:
            return few
    return int(np.clip(seconds / seconds_of_one, *ROUNDS))


def quartiles(values: np.ndarray) -> list[float]:
    """The median between the lower and the upper quartile."""
    return [float(f"{value:.4g}") for value in np.percentile(values, [25, 50, 75])]
