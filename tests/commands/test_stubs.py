"""`kerasx stubs`: a type checker knows what plugins contribute, and its arguments."""

import contextlib
import os
import re
import shutil
import sys
import venv
from pathlib import Path

import keras
import pytest

import kerasx
from kerasx.commands import stubs
from kerasx.testing import run_python

# One worker: mypy's cache makes every run after the first one short.
pytestmark = pytest.mark.xdist_group("stubs")

MADE = """
import keras

# Made at run time: no source that a type checker could read.
Made = type("Made", (keras.layers.Layer,), {})
Made.__module__ = __name__
Made, Shown = None, Made
"""

ACME = """
import keras
import kerasx
from acme import made

class Scale(keras.layers.Layer):
    def __init__(self, factor: float = 2.0, *, name: str | None = None):
        super().__init__(name=name)

class Twice(keras.layers.Layer): pass

@kerasx.kernel(static=("power",))
def power(x: list[float], *, power: int = 2) -> float:
    return x**power

def nowhere(x: float, *, steepness: int = 1) -> float:
    return x

nowhere_else, nowhere = nowhere, None

@kerasx.hookimpl
def kerasx_layers(): return [Scale, Twice, made.Shown]
@kerasx.hookimpl
def kerasx_kernels(): return [power]
@kerasx.hookimpl
def kerasx_activations(): return [nowhere_else]
"""
PLUGINS = {
    "acme": (
        "acme = acme.plugin",
        {
            "acme/__init__.py": "",
            "acme/plugin.py": ACME,
            "acme/made.py": MADE,
            "acme/py.typed": "",
        },
    ),
    "untyped": """
import keras
from kerasx import hookimpl

class Twice(keras.layers.Layer): pass

@hookimpl
def kerasx_layers(): return [Twice]
""",
}

RIGHT = """
import keras  # type: ignore[import-untyped]
import kerasx
from kerasx.layers import Scale

model = keras.Sequential([Scale(3.0, name="scale"), kerasx.layers.Scale(factor=2)])
model.compile(metrics=[kerasx.metrics.F1Score(average="macro", ignore_class=-1)])
value = kerasx.metrics.f1_score([0, 1], [1, 1], average=None)
classes, scores = kerasx.kernels.top_class([[0.1, 0.9]])
number: float = kerasx.kernels.power([1.0], power=3) + kerasx.activations.nowhere(2.0)
layer = kerasx.lookup("acme>Scale")(factor=2.0)


@kerasx.kernel(static=("times",))
def repeated(x: list[float], *, times: int) -> list[float]:
    return x * times


longer: list[float] = repeated([1.0], times=2)
"""
# mypy reports an error always, or only once `kerasx stubs` wrote what is installed.
WRONG = """
import kerasx
kerasx.metrics.F1Score(averag="macro")  # always
kerasx.metrics.F1Score(average=3)  # always
kerasx.metrics.F1Score("macro")  # always
kerasx.metrics.f1_score([0], [1], averag="macro")  # always
kerasx.metrics.f1_score([0])  # always
kerasx.kernels.top_class(score=[[0.1]])  # always
kerasx.metrics.NoSuch  # written
kerasx.layers.Scale(factr=2.0)  # written
kerasx.layers.Scale("two")  # written
kerasx.layers.Twice  # written
kerasx.kernels.power([1.0], power="two")  # written
kerasx.kernels.power([1.0], pwr=2)  # written
from kerasx.losses import NoSuch  # written
"""


@pytest.fixture(scope="module")
def python(plant, tmp_path_factory):
    """Start the Python of an environment of its own, which has the plugins and all that is here."""
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, symlinks=True)
    path = os.pathsep.join([str(plant(PLUGINS)), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": keras.backend.backend()}
    environment.pop("KERASX_PLUGINS", None)

    def run(*arguments, **options):
        return run_python(
            *arguments, python=directory / "bin" / "python", environment=environment, **options
        )

    return run


@pytest.fixture(scope="module")
def command(command_line):
    return command_line(PLUGINS)


@pytest.fixture(scope="module")
def check(python, tmp_path_factory):
    """Run mypy on both programs; return the lines of the wrong one that it reports."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "right.py").write_text(RIGHT)
    (directory / "wrong.py").write_text(WRONG)

    def check(*options):
        done = python("-m", "mypy", *options, "right.py", "wrong.py", cwd=directory)
        reported = re.findall(r"(\w+\.py):(\d+): error", done.stdout)
        assert {file for file, _ in reported} == {"wrong.py"}, done.stdout
        return {int(line) for _, line in reported}

    check.directory = directory
    return check


def lines_marked(*marks):
    lines = enumerate(WRONG.splitlines(), start=1)
    return {number for number, line in lines if line.partition("# ")[2] in marks}


def test_what_first_parties_ship_needs_no_command(check):
    assert check() == lines_marked("always")


@contextlib.contextmanager
def stub_package(python):
    """Write the stubs of the environment for a while; give what the command printed."""
    purelib = python("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    done = python("-m", "kerasx", "stubs")
    assert done.returncode == 0, done.stdout
    assert f"Wrote {purelib}/kerasx-stubs" in done.stdout
    try:
        yield done.stdout
    finally:
        shutil.rmtree(Path(purelib, "kerasx-stubs"))


@pytest.mark.thorough
def test_stubs_of_the_environment_need_no_setting(python, check):
    with stub_package(python) as printed:
        assert check() == lines_marked("always", "written")
    assert "\nuntyped has no py.typed: mypy knows its names, not their arguments." in printed
    assert "acme has no py.typed" not in printed


@pytest.mark.thorough
@pytest.mark.parametrize("of_the_environment_too", [False, True])
def test_stubs_of_a_project(python, command, check, of_the_environment_too):
    typings = check.directory / "typings"
    status, printed = command("stubs", "--output", typings)
    assert status == 0
    assert f'mypy: set mypy_path = "{typings}"' in printed
    configuration = check.directory / "typings.ini"
    configuration.write_text("[mypy]\nmypy_path = typings\n")
    with stub_package(python) if of_the_environment_too else contextlib.nullcontext():
        assert check("--config-file", configuration) == lines_marked("always", "written")


def test_both_kinds_of_stubs_describe_kerasx_itself(tmp_path):
    """Pyright finds kerasx in only one of them, if there are both."""
    for package in (True, False):
        written = stubs.write(tmp_path, package) / "__init__.pyi"
        assert written.read_text() == Path(kerasx.__file__).read_text()


def test_what_cannot_be_written_is_an_error(command, tmp_path):
    (tmp_path / "kerasx").write_text("a file")
    status, printed = command("stubs", "--output", tmp_path)
    assert status == 1
    assert printed == f"Error: [Errno 17] File exists: '{tmp_path}/kerasx'"
