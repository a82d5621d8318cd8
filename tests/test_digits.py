"""The demo as a user runs it: a command, in a directory of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import matplotlib.image
import numpy as np
import pytest
from click.testing import CliRunner
from kerasx.demo import demo

IMAGES = 360
COMMAND = "import kerasx_launcher; kerasx_launcher.main()"


def run_python(code: str, *arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the directory and the output of a demo that has run."""
    directory = tmp_path_factory.mktemp("demo")
    done = run_python(COMMAND, "demo", "--epochs", "8", cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory, done.stdout


def test_metrics_are_logged_and_the_digits_learned(finished):
    _, output = finished
    for name in ("precision", "recall", "f1_score"):
        *training, held_out = (float(value) for value in re.findall(rf"\b{name}: ([\d.]+)", output))
        assert len(training) == 8
        assert training[0] < held_out
        assert 0.93 < held_out < 1


def test_report_has_every_digit(finished):
    _, output = finished
    rows = re.findall(r"^\W+(\d)\W+([\d.]+)\W+([\d.]+)\W+([\d.]+)\W+(\d+)\W*$", output, re.M)
    assert [int(digit) for digit, *_ in rows] == list(range(10))
    assert sum(int(images) for *_, images in rows) == IMAGES
    assert "scikit-learn's report is the same" in output


def test_saved_model_holds_the_metrics(finished):
    directory, output = finished
    assert f"all {IMAGES} predictions are identical" in output
    model = keras.models.load_model(directory / "kerasx-demo" / "digits.keras")
    metrics = model.get_compile_config()["metrics"]
    names = ["Precision", "Recall", "F1Score"]
    assert [metric["registered_name"] for metric in metrics] == [
        f"kerasx_metrics>{name}" for name in names
    ]


def test_picture_is_drawn(finished):
    directory, _ = finished
    picture = matplotlib.image.imread(directory / "kerasx-demo" / "confusion_matrix.png")
    assert min(picture.shape[:2]) > 400
    assert len(np.unique(picture[..., :3].reshape(-1, 3), axis=0)) > 10


def test_closing_lines_work_in_the_shell(finished):
    directory, output = finished
    lines = output.splitlines()
    start = lines.index("What to try next")
    assert len(lines[start + 1 :]) == 3
    for line in lines[start + 1 :]:
        command = re.split(r": +", line, maxsplit=1)[1]
        env = os.environ | {"KERAS_BACKEND": "jax"}  # which starts in half the time
        done = subprocess.run(
            command, shell=True, cwd=directory, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("sklearn", "scikit-learn"),
        ("matplotlib", "matplotlib"),
        ("kerasx_metrics", "kerasx-metrics"),
    ],
)
def test_missing_package_is_named(monkeypatch, tmp_path, module, package):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    done = CliRunner().invoke(demo)
    assert done.exit_code == 1
    assert f"needs {package}. " in done.output
    assert 'pip install "kerasx[demo]"' in done.output
    assert not list(tmp_path.iterdir())


def test_missing_backend_is_named(tmp_path):
    without = f"import sys; sys.modules['torch'] = None; {COMMAND}"
    done = run_python(without, "list", cwd=tmp_path, KERAS_BACKEND="torch")
    assert done.returncode == 1
    assert 'pip install "kerasx[torch]"' in done.stderr
    assert "Traceback" not in done.stderr
