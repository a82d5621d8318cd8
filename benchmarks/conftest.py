"""Paired timing for pytest-benchmark: how long ours takes over how long another takes.

Other programs slow both sides of a pair alike, so that the ratio of the two says more than either
time. A pair is checked before it is timed; a side that is wrong is reported as wrong and not timed.
"""

import json
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf
from side import Side

collect_ignore = ["addons_crf.py", "gpu.py"]  # programs with packages of their own
RESULTS = Path(__file__).parent / "results"
PACKAGES = ["keras", "tensorflow", "tensorflow-cpu"]
PACKAGES += ["torch", "pytorch-crf", "torchmetrics", "scikit-learn"]
ROUNDS = (7, 400)  # at least, at most
FEWEST = 3  # of a pair that alone takes longer than a row should


def pytest_addoption(parser):
    parser.addoption("--seconds", type=float, default=3.0, help="time for each row (default: 3)")


def pytest_configure(config):
    if keras.backend.backend() != "tensorflow":
        pytest.exit(f"benchmarks: KERAS_BACKEND must be tensorflow, not {keras.backend.backend()}")
    tf.config.set_visible_devices([], "GPU")
    config.rows = {}
    config.load = [os.getloadavg()[0]]
    config.partial = any("::" in argument for argument in config.args)


def pytest_deselected(items):
    for item in items[:1]:
        item.config.partial = True


@pytest.fixture
def record(request):
    """Add a row to the results: its work, size and mode, and what was measured."""

    def add(work: str, size: tuple[int, ...], mode: str, **measured: Any) -> None:
        shown = " x ".join(f"{axis:,}" for axis in size)
        of_file = request.config.rows.setdefault(request.path.stem.removeprefix("bench_"), [])
        of_file.append({"work": work, "size": shown, "mode": mode, **measured})

    return add


@pytest.fixture
def compare(benchmark, record, request):
    """Time two sides in turn, ours and another, and record the quartiles of ours over other.

    The value of a side must be within its `tolerance` of the expected one.
    """

    def measure(work: str, size: tuple, mode: str, ours: Side, other: Side, expected: Any = None):
        benchmark.group = f"{work}, {size}, {mode}, beside {ours.name}"
        names = {"ours": ours.name, "other": other.name}
        for side in (ours, other):
            side.before()
            wrong = differs(side.value(), expected, side.tolerance)
            if wrong:
                record(work, size, mode, **names, wrong=f"{side.name}: {wrong}")
                reject = pytest.fail if side is ours else pytest.skip
                reject(f"{side.name} is wrong, so it is not timed: {wrong}")

        times: dict[str, list[tuple[float, float]]] = {"ours": [], "other": []}

        def timed(side: Side, key: str) -> None:
            if side.measured:
                times[key].append(side.measured())
                return
            wall, cpu = time.perf_counter(), time.process_time()
            side.run()
            spent = time.perf_counter() - wall, time.process_time() - cpu
            times[key].append(spent)

        def run_ours() -> None:
            ours.before()
            timed(ours, "ours")
            other.before()

        seconds, pair = request.config.option.seconds, 0.0
        for _ in range(3):  # compiles, fills caches, and shows how many rounds fit
            if pair < seconds:
                run_ours()
                timed(other, "other")
                pair = times["ours"][-1][0] + times["other"][-1][0]
        least = ROUNDS[0] if pair < seconds else FEWEST
        rounds = int(np.clip(seconds / pair, least, ROUNDS[1]))
        for spent in times.values():
            spent.clear()
        benchmark.pedantic(lambda: timed(other, "other"), setup=run_ours, rounds=rounds)
        if benchmark.stats is None:  # --benchmark-disable
            return
        spent_ours, spent_other = np.array(times["ours"]), np.array(times["other"])
        benchmark.extra_info.update(
            ours_ms=quartiles(spent_ours[:, 0] * 1e3),
            other_ms=quartiles(spent_other[:, 0] * 1e3),
            ratio=quartiles(spent_ours[:, 0] / spent_other[:, 0]),
            cpu_ratio=quartiles(spent_ours[:, 1] / spent_other[:, 1]),
        )
        record(work, size, mode, **names, **benchmark.extra_info, rounds=rounds)

    return measure


def quartiles(values: np.ndarray) -> list[float]:
    """The median between the lower and the upper quartile."""
    return [round(float(value), 4) for value in np.percentile(values, [25, 50, 75])]


def differs(value: Any, expected: Any, tolerance: float) -> str | None:
    """How a value differs from the expected one; None if it does not, or if none is expected."""
    if value is None or expected is None:
        return None
    if np.allclose(value, expected, rtol=0, atol=tolerance):
        return None
    return f"{value}, not {expected}"


def environment(load: list[float]) -> dict[str, str]:
    """What the figures depend on."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
    return {
        "processor": f"{processor}, {os.cpu_count()} cores, threads at their defaults",
        "python": platform.python_version(),
        **versions,
        "load average": "{:.1f} at the start, {:.1f} at the end".format(*load),
    }


def pytest_terminal_summary(terminalreporter, config):
    if not config.rows:
        return
    reports = {name: "\n".join(markdown(rows)) for name, rows in config.rows.items()}
    terminalreporter.section("paired ratios")
    terminalreporter.write_line("\n".join(reports.values()))
    if config.partial or config.option.benchmark_disable:
        return
    facts = environment([*config.load, os.getloadavg()[0]])
    listed = [f"- {name}: {fact}" for name, fact in facts.items()]
    RESULTS.mkdir(exist_ok=True)
    for name, report in reports.items():
        rows = ",\n".join(json.dumps(row) for row in config.rows[name])
        json_file, markdown_file = RESULTS / f"{name}.json", RESULTS / f"{name}.md"
        json_file.write_text(f'{{"environment": {json.dumps(facts)},\n"rows": [\n{rows}\n]}}\n')
        title = f"# {name.replace('_', ' ').capitalize()}, timed"
        markdown_file.write_text("\n".join([title, "", *listed, report, ""]))
        terminalreporter.write_line(f"\nwrote {json_file} and {markdown_file}")


def markdown(rows: list[dict[str, Any]]) -> list[str]:
    """A table for each work."""
    lines = []
    for work in dict.fromkeys(row["work"] for row in rows):
        own = [row for row in rows if row["work"] == work]
        lines += ["", f"## {work}", ""]
        if "facts" in own[0]:
            cells = [{"size": row["size"], **row["facts"]} for row in own]
        else:
            cells = [pair_cells(row) for row in own]
        lines += [f"| {' | '.join(cells[0])} |", "|" + " --- |" * len(cells[0])]
        lines += [f"| {' | '.join(cell.values())} |" for cell in cells]
    return lines


def pair_cells(row: dict[str, Any]) -> dict[str, str]:
    """One row of a table of pairs."""
    cells = {key: row[key] for key in ("size", "mode", "ours", "other")}
    measured = ("ours ms", "other ms", "ratio", "quartiles", "CPU ratio")
    if "wrong" in row:
        return {**cells, **dict.fromkeys(measured, ""), "ratio": f"wrong: {row['wrong']}"}
    low, middle, high = row["ratio"]
    values = (
        f"{row['ours_ms'][1]:.2f}",
        f"{row['other_ms'][1]:.2f}",
        f"**{middle:.2f}**",
        f"{low:.2f} to {high:.2f}",
        f"{row['cpu_ratio'][1]:.2f}",
    )
    return {**cells, **dict(zip(measured, values, strict=True))}
