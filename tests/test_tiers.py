"""The two tiers: what each runs, and how a thorough run continues after a break."""

import os
import re
import shutil
from pathlib import Path

import pytest

from kerasx.testing import run_python

TESTS = """
import os
import hypothesis
import pytest

@pytest.mark.parametrize("number", range(3))
def test_plain(number):
    assert number != 1 or "MENDED" in os.environ

@pytest.mark.thorough
def test_slow():
    assert hypothesis.settings.default.max_examples > 10
"""


@pytest.fixture
def run(tmp_path):
    """Run pytest over four tests with the conftest of this project; return the counts."""
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = thorough: slow\n")
    (tmp_path / "test_some.py").write_text(TESTS)

    def run(*options, **variables):
        inherited = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
        done = run_python(
            *("-m", "pytest", "-p", "no:cacheprovider", *options),
            cwd=tmp_path,
            environment=inherited | variables,
        )
        *_, summary = done.stdout.splitlines()
        return {word: int(count) for count, word in re.findall(r"(\d+) ([a-z]+)", summary)}

    return run


def test_the_fast_tier_leaves_out_what_is_thorough(run):
    assert run() == run("--tier=fast") == {"failed": 1, "passed": 2, "deselected": 1}
    assert run("--tier=thorough") == {"failed": 1, "passed": 3}


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_thorough_run_continues(run, workers):
    options = ("--tier=thorough", "--resume=.thorough/torch", *workers)
    assert run(*options) == {"failed": 1, "passed": 3}
    again = run(*options)
    assert (again["failed"], again.get("passed")) == (1, None)
    assert run(*options, MENDED="yes")["passed"] == 1
