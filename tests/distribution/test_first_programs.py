"""The first program of each page runs in an environment that has only what the page installs."""

import os
import re
import shutil
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/metrics.md",
    "docs/losses.md",
    "docs/language_models.md",
    "docs/sequences.md",
    *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("plugins/*/README.md"))),
)
EXAMPLES = sorted(path.name for path in ROOT.glob("examples/*.py") if "install" in path.read_text())

# Installs a backend several times, always TensorFlow.
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="once is enough"),
]


def commands_before(text, program):
    """Return the shell commands of a page up to its first program."""
    before, _, _ = text.partition(program)
    return "".join(re.findall(r"```sh\n(.*?)```", before, re.DOTALL))


def first_programs():
    """Return the commands on each page, the page, and the first program below the commands."""
    for page in PAGES:
        text = (ROOT / page).read_text()
        program = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
        yield commands_before(text, program), page, program


def examples():
    """Return the commands in the docstring of each example, its name, and a call that is short."""
    for name in EXAMPLES:
        install, start = re.findall(r"^    (.*\n)", (ROOT / "examples" / name).read_text(), re.M)[
            :2
        ]
        assert start == f"python examples/{name}\n"
        yield install, name, f"{start.strip()} --help"


def by_commands():
    """Group programs by the commands above them, so that each environment is made once."""
    programs = {}
    for commands, *program in (*first_programs(), *examples()):
        programs.setdefault(commands, []).append(program)
    return [pytest.param(*item, id=item[1][0][0]) for item in programs.items()]


@pytest.mark.parametrize(("commands", "programs"), by_commands())
def test_programs_need_only_the_lines_above_them(run, clone, tmp_path, commands, programs):
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", environment, cwd=tmp_path)

    def shell(commands):
        path = f"PATH={environment / 'bin'}:{os.environ['PATH']}"
        return run("env", path, "sh", "-e", "-c", commands, cwd=clone)

    shell(commands)
    for page, program in programs:
        if page in EXAMPLES:
            assert "usage: " in shell(program)
        else:
            script = tmp_path / "program.py"
            script.write_text(program)
            shell(f"python {script}")
    shutil.rmtree(environment)
