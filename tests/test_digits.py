"""The program examples/digits.py, which `make demo` runs, in a directory of the user's own."""

import re
from pathlib import Path

import keras
import matplotlib.image
import numpy as np
import pytest

import kerasx  # noqa: F401  registers what the saved model needs
from kerasx.testing import run_python

PROGRAM = Path(__file__).parent.parent / "examples" / "digits.py"
IMAGES = 360

pytestmark = [
    pytest.mark.thorough,  # `make demo` runs it too
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="once is enough for programs"
    ),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run the program; return its directory and its output."""
    directory = tmp_path_factory.mktemp("demo")
    done = run_python(PROGRAM, "--epochs=8", cwd=directory)
    assert done.returncode == 0, done.stdout
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
    rows = re.findall(r"^ +(\d) +([\d.]+) +([\d.]+) +([\d.]+) +(\d+)$", output, re.M)
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


def test_closing_line_is_a_command_that_works(finished):
    directory, output = finished
    command, *words = output.splitlines()[-1].rpartition(": ")[2].split()
    assert command == "kerasx"
    done = run_python("-m", "kerasx", *words, cwd=directory)
    assert done.returncode == 0, done.stdout
    assert "F1Score" in done.stdout
