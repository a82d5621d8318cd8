"""The benchmarks run: one row of them, and that for a GPU at small sizes on any device."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"


def run(*command, **variables):
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        env=os.environ | variables,
        cwd=ROOT,
    )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="they time TensorFlow")
def test_values_are_checked():
    row = ("-k", "swiglu and small and forward and xla", "--benchmark-disable", "-q")
    done = run("-m", "pytest", "-p", "no:cacheprovider", BENCHMARKS, *row)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the benchmark for a GPU runs on JAX")
def test_gpu_benchmark_at_small_sizes(tmp_path):
    done = run(BENCHMARKS / "gpu.py", "--small", "--rounds=1", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert [row for row in rows if "wrong" in row] == []
    checked = [row["error"] for row in rows if not row["contender"].startswith("limit")]
    assert all(0 < error < 0.03 for error in checked)
    assert all(row["ms"][0] > 0 for row in rows)
    assert (tmp_path / "gpu.md").read_text().count("kerasx |") == len({r["work"] for r in rows})


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the benchmark for a GPU runs on JAX")
def test_a_wrong_contender_is_not_timed(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import exact
    import gpu

    monkeypatch.setattr(exact, "swiglu", exact.geglu)
    wrong, limit, _ = gpu.measure(gpu.elementwise_of("swiglu", 64, 128), rounds=1)
    assert "not timed" in wrong["wrong"]
    assert "ms" not in wrong
    assert limit["over limit"] == 1
