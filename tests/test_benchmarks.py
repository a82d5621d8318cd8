"""The benchmarks run: one row, the GPU benchmark at small sizes, and what is made of results."""

import copy
import json
import os
import re
import shutil
import time
from pathlib import Path

import keras
import page
import pytest
import report
import suite

from kerasx.testing import run_python

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
on_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="once is enough")


def run(*command, **variables):
    # pytest-benchmark times nothing in a worker of pytest-xdist; the new process is none.
    own = {key: value for key, value in os.environ.items() if "XDIST" not in key}
    return run_python(*map(str, command), cwd=ROOT, environment=own | variables)


SUMS = """
import keras, numpy as np, transforms
from suite import CannotRun, Contender, Workload, test_memory as test_memory, test_time as test_time

def contender(wrong, size):
    error = lambda outputs: abs(float(outputs[0]) - size[0] - wrong)
    return transforms.contender(keras.ops.sum, [np.ones(size, "float32")], error=error)

def small(size):
    if size[0] > 4:
        raise CannotRun("is too large")
    return contender(0, size)

WORKLOADS = [Workload("Sum", "numbers", [(4,), (64,)], {
    "kerasx": lambda size: contender(0, size), "kerasx, again": lambda size: contender(0, size),
    "small": small, "false": lambda size: contender(1, size), "broken": lambda size: 1 / 0,
    "limit: nothing": lambda size: Contender(lambda: None)}, memory=["small", "broken"])]
"""


@on_jax
def test_contenders_are_checked_timed_and_written(tmp_path):
    (tmp_path / "bench_sum.py").write_text(SUMS)
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_files = bench_*.py\n")
    shutil.copy(BENCHMARKS / "conftest.py", tmp_path)
    path = [BENCHMARKS, tmp_path, os.environ.get("PYTHONPATH", "")]
    options = ("-q", "-p", "no:cacheprovider", "--seconds=0.05", "--results", tmp_path)
    settings = {"PYTHONPATH": os.pathsep.join(map(str, path))}
    done = run("-m", "pytest", tmp_path, "--rootdir", tmp_path, *options, **settings)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    first, *rows = re.findall(r"^\[(#+-*)\] (./3), .:.. gone, .:.. left: (.*),", done.stdout, re.M)
    assert first == ("######" + 14 * "-", "1/3", "Sum: 4")
    assert [row[1:] for row in rows] == [("2/3", "Sum: 64"), ("3/3", "sum, memory")]

    (file,) = tmp_path.glob("*.json")
    results = json.loads(file.read_text())
    (work,) = results["works"]
    assert (work["work"], work["file"], work["backend"]) == ("Sum", "sum", "jax")
    assert file.stem == report.slug(results["machine"])
    four, many = work["rows"]
    for row in (four, many):
        names = ["kerasx", "kerasx, again", "small", "false", "broken", "limit: nothing"]
        assert [*row["sides"]] == names
        low, middle, high = row["sides"]["limit: nothing"]["ratio"]
        assert 1 < low <= middle <= high  # the sum takes longer than nothing
        assert {*row["sides"]["kerasx"]} == {"ms", "compile_s", "rounds"}
        assert row["sides"]["kerasx"]["compile_s"] > 0
        assert row["sides"]["false"] == {"wrong": "error 1.0e+00, allowed 1e-04"}
        why = "ZeroDivisionError: division by zero"
        assert row["sides"]["broken"] == {"cannot": why, "memory_cannot": why}
        assert "ratio" in row["sides"]["kerasx, again"]
    assert four["sides"]["small"]["memory_mb"] >= 0
    assert "ratio" in four["sides"]["small"]
    assert many["sides"]["small"] == {"cannot": "is too large", "memory_cannot": "is too large"}

    assert "| 64 | small | is too large |" in done.stdout
    text = page.page([results])
    assert "wrong: error 1.0e+00, allowed 1e-04" in text
    ((path, _),) = page.plots([results]).items()
    assert f"({path})" in text
    written = {item.name for item in tmp_path.iterdir() if item.is_file()}
    assert written == {"bench_sum.py", "pytest.ini", "conftest.py", file.name}


@on_jax
def test_a_contender_with_long_runs_stops_and_one_that_compiles_long_goes_on(monkeypatch, capsys):
    def compiles(size):
        seconds = iter([0.2, 0.0])
        return suite.Contender(lambda: time.sleep(next(seconds, 0.0)))

    def runs(size):
        return suite.Contender(lambda: time.sleep(0.2))

    monkeypatch.setattr(suite, "TOO_LONG", 0.1)
    contenders = {"compiles": compiles, "runs": runs}
    workload = suite.Workload("Sleep", "nights", [(1,), (2,), (3,)], contenders)
    for name in contenders:
        suite.print_growths_of(workload, name)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {title for title, *_ in lines} == {"Sleep"}
    assert [(*line[1:3], isinstance(line[3], int) or line[3]) for line in lines] == [
        *(("compiles", [size], True) for size in (1, 2, 3)),
        ("runs", [1], True),
        *(("runs", [size], "takes 0 s at a smaller size") for size in (2, 3)),
    ]


TWICE = """
import os, keras
from suite import Contender, Workload

def contender(size):
    run = lambda: keras.ops.ones(size) + 1
    run()
    return Contender(run)

makers = {"kerasx": contender, "dies": lambda size: os._exit(1)}
WORKLOADS = [Workload("Twice", "numbers", [(2**20,), (2**22,)], makers, memory=[*makers])]
"""


@pytest.mark.thorough
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="it is TensorFlow's pool")
def test_memory_that_a_contender_freed_does_not_hide_what_it_needs(tmp_path, monkeypatch):
    (tmp_path / "bench_twice.py").write_text(TWICE)
    monkeypatch.syspath_prepend(tmp_path)
    import bench_twice

    rows = suite.memory_growths("bench_twice", bench_twice.WORKLOADS)
    growths = {(name, size): growth for _, name, size, growth in rows}
    suite.fresh_process().communicate()
    assert growths["kerasx", (2**20,)] == pytest.approx(8, abs=3)
    assert growths["kerasx", (2**22,)] == pytest.approx(32, abs=3)
    assert growths["dies", (2**22,)] == "its process ended"


@pytest.mark.thorough
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="once is enough")
def test_values_of_ours_are_checked():
    row = (
        "-k",
        "swiglu and called and 8x128x128",
        "--benchmark-disable",
        "-q",
        "-p",
        "no:cacheprovider",
    )
    done = run("-m", "pytest", BENCHMARKS, *row)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


RESULTS = {
    "machine": "Made up, 2 cores",
    "works": [
        {
            "work": "Sum",
            "file": "sum",
            "backend": "jax",
            "environment": {"date": "2026-01-01", "load at the start": "0.1"},
            "rows": [
                {
                    "size": [size],
                    "sides": {
                        "kerasx": {"ms": [0.9, 1.0, 1.1]},
                        "other": {"ms": [1.9, 2.0, 2.1], "ratio": [0.4, 0.5, 0.6]},
                    },
                }
                for size in (4, 64)
            ],
        }
    ],
}


@pytest.mark.parametrize(
    ("ratio", "is_worse"),
    [
        ([0.4, 0.5, 0.6], False),
        ([0.59, 0.7, 0.8], False),  # higher, but within the spread of both
        ([0.61, 0.7, 0.8], True),
        ([0.1, 0.2, 0.3], False),
    ],
)
@on_jax
def test_a_ratio_that_rises_by_more_than_its_spread_fails(ratio, is_worse, tmp_path, capsys):
    new = copy.deepcopy(RESULTS)
    new["works"][0]["rows"][1]["sides"]["other"]["ratio"] = ratio
    for name, results in (("base", RESULTS), ("new", new)):
        (tmp_path / f"{name}.json").write_text(json.dumps(results))
    assert report.main(tmp_path / "base.json", tmp_path / "new.json") == is_worse
    assert ("| Sum, JAX | 64 | other |" in capsys.readouterr().out) == is_worse


@on_jax
def test_a_contender_has_one_colour_in_both_panels():
    work = copy.deepcopy(RESULTS["works"][0])
    for row in work["rows"]:
        row["sides"]["third"] = {"ms": [1.9, 2.0, 2.1]}
    of_time = page.plot("Made up", work)
    for row in work["rows"]:
        row["sides"]["third"]["memory_mb"] = 1
    of_both = page.plot("Made up", work)
    second, third = "#ff7f0e", "#2ca02c"  # as matplotlib counts
    assert of_both.count(second) == of_time.count(second) > 0
    assert of_both.count(third) > of_time.count(third) > 0


@on_jax
def test_ours_that_is_wrong_now_fails():
    new = copy.deepcopy(RESULTS)
    new["works"][0]["rows"][0]["sides"] = {"kerasx": {"wrong": "error 1"}}
    assert [row["now"] for row in report.regressions(RESULTS, new)] == ["wrong: error 1"]


@on_jax
def test_a_part_replaces_its_own_works_only(tmp_path):
    other = {**RESULTS["works"][0], "backend": "torch"}
    report.write(RESULTS["works"], tmp_path, "Made up, 2 cores")
    report.write([other], tmp_path, "Made up, 2 cores")
    again = {**RESULTS["works"][0], "work": "Sums"}
    report.write([again], tmp_path, "Made up, 2 cores")
    (results,) = report.read(tmp_path)
    assert [(work["work"], work["backend"]) for work in results["works"]] == [
        ("Sums", "jax"),
        ("Sum", "torch"),
    ]
    assert results["works"][1] == other


@on_jax
def test_committed_results_can_be_read_compared_and_shown(capsys):
    machines = report.read()
    assert machines
    for results in machines:
        assert report.regressions(results, results) == []
        heading = f"## {results['works'][0]['work']}, "
        assert heading in report.tables(results)
    text = page.page(machines)
    files = {work["file"] for results in machines for work in results["works"]}
    assert all(f"### {page.docstring_of(file)[0]}" in text for file in files)
    assert report.main() == 0
    assert machines[0]["machine"] in capsys.readouterr().out


@pytest.mark.thorough
@on_jax
def test_gpu_benchmark_at_small_sizes(tmp_path):
    names = ("linear_cross_entropy", "attention", "min_gru", "crf_log_likelihood")
    few = [f"--work={name}" for name in names]
    done = run(BENCHMARKS / "gpu.py", "--small", "--rounds=1", "--out", tmp_path, *few)
    assert done.returncode == 0, done.stdout
    (file,) = tmp_path.glob("*.json")
    works = json.loads(file.read_text())["works"]
    assert len(works) == 4
    for work in works:
        (row,) = work["rows"]
        ours, limit = row["sides"]["kerasx"], row["sides"].get("limit: three products", {})
        wrong = {name for name, side in row["sides"].items() if {"wrong", "cannot"} & side.keys()}
        assert wrong <= {"plain Keras"}  # in bfloat16 its recursion of a CRF is
        assert 0 < ours["error"] < 0.03
        assert ours["ms"][0] > 0
        assert "error" not in limit
    assert "## linear_cross_entropy, forward" in done.stdout


@on_jax
def test_a_wrong_contender_is_not_timed_and_one_that_fails_says_so(monkeypatch):
    import gpu
    import references

    monkeypatch.setattr(references, "swiglu", references.geglu)
    workload = gpu.elementwise_of("swiglu", 64, 128)
    workload.contenders.append(gpu.Contender("broken", lambda *inputs: 1 / 0))
    sides = gpu.measure(workload, rounds=1)
    assert {*sides["kerasx"]} == {"wrong"}
    assert sides["broken"] == {"cannot": "ZeroDivisionError: division by zero"}
    assert sides["limit: a copy of as many bytes"]["ms"][0] > 0


@pytest.mark.thorough
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="once is enough")
def test_the_score_that_the_trained_models_reach_is_recorded(tmp_path):
    options = ("-q", "-k", "reached and digits", "--results", tmp_path)
    done = run("-m", "pytest", "benchmarks/bench_training.py", *options)
    assert done.returncode == 0, done.stdout
    (score,) = re.findall(r"^\| 32 x 8 x 8 \| \d+ \| ([.\d]+) \|", done.stdout, re.MULTILINE)
    assert 0.9 < float(score) <= 1
