"""The Makefile installs once, and again only when something changed; nothing is installed here."""

import os
import re
from pathlib import Path

import pytest

# Stands for every Python that the Makefile calls: notes the call, and "creates" the environment.
FAKE_PYTHON = """\
#!/bin/sh
echo "KERAS_BACKEND=$KERAS_BACKEND $*" >> "$(dirname "$0")/calls"
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
fi
"""


@pytest.fixture
def make(run, clone, tmp_path):
    python = tmp_path / "python"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    calls = tmp_path / "venv" / "bin" / "calls"

    def make(*arguments: str) -> list[str]:
        """Run make; return how its environment's Python was called."""
        calls.unlink(missing_ok=True)
        run("make", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", *arguments, cwd=clone)
        return calls.read_text().splitlines()

    return make


def installs(calls):
    return [call.split(" install ")[1] for call in calls if " install " in call]


def runs_of_pytest(calls):
    """Return the backend and the tier of each run of pytest."""
    runs = [call for call in calls if "-m pytest" in call]
    return [re.search(r"KERAS_BACKEND=(\w+) .* --tier=(\w+)", run).groups() for run in runs]


def test_a_second_run_installs_nothing(make):
    first, second = make("test"), make("test")
    assert len(installs(first)) == 2
    assert installs(second) == []
    assert runs_of_pytest(first) == runs_of_pytest(second) == [("tensorflow", "fast")]


@pytest.mark.parametrize(("target", "tier"), [("test-all", "fast"), ("test-thorough", "thorough")])
def test_all_backends(make, target, tier):
    backends = ("tensorflow", "jax", "torch")
    assert runs_of_pytest(make(target)) == [(backend, tier) for backend in backends]
    assert runs_of_pytest(make(target, "BACKENDS=jax")) == [("jax", tier)]


def test_another_backend_installs_only_that(make):
    make("test")
    calls = make("test", "BACKENDS=torch")
    assert installs(calls) == ["torch"]
    assert runs_of_pytest(calls) == [("torch", "fast")]


def test_another_version_of_a_backend_is_installed(make):
    make("test", "BACKENDS=torch")
    assert installs(make("test", "BACKENDS=torch", "TORCH=torch>=2 --pre")) == ["torch>=2 --pre"]
    assert installs(make("test", "BACKENDS=torch", "TORCH=torch>=2 --pre")) == []
    assert installs(make("test", "BACKENDS=torch")) == ["torch"]


def test_changed_requirements_are_installed(make, clone):
    make("test")
    project = clone / "plugins" / "kerasx-metrics" / "pyproject.toml"
    stamp = project.stat()
    os.utime(project)
    try:
        assert len(installs(make("test"))) == 1
    finally:
        os.utime(project, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def test_a_failing_backend_fails_the_target(make, tmp_path):
    make("test")
    python = tmp_path / "venv" / "bin" / "python"
    python.write_text(FAKE_PYTHON + '[ "$KERAS_BACKEND" != tensorflow ]\n')
    with pytest.raises(AssertionError, match="failed"):
        make("test")


@pytest.mark.parametrize(
    ("program", "message"),
    [("sys", "kerasx needs Python 3.11 or later"), ("ensurepip", "apt install python3-venv")],
)
def test_an_unfit_python_is_named(run, clone, tmp_path, program, message):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$2" in "import {program}"*) exit 1;; esac\n')
    python.chmod(0o755)
    with pytest.raises(AssertionError, match=message):
        run("make", "wheels", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", cwd=clone)


def test_help_names_every_target(run, clone):
    help_text = run("make", cwd=clone)
    phony = next(
        line for line in Path(clone, "Makefile").read_text().splitlines() if ".PHONY" in line
    )
    for target in phony.split()[1:]:
        if target != "FORCE":
            assert f"make {target} " in help_text
