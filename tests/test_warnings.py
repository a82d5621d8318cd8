"""Correct use of a layer or a loss gives no warning, of Python, of Keras or of the backend.

In a process of its own, because libraries print many warnings only once, and some from C++.
"""

import os
from pathlib import Path

import pytest

from kerasx.testing import run_python

PROGRAM = Path(__file__).with_name("use_without_warnings.py")
OF_OTHERS = (
    "TensorFlowTrainer",  # Keras's own functions are traced again for each model
    "All log messages before absl::InitializeLog()",
    "oneDNN",  # about the processor
)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("plugin", "cases"), [("kerasx-losses", 9), ("kerasx-sequence", 31), ("kerasx-transformer", 31)]
)
def test_correct_use_gives_no_warning(plugin, cases):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "1"}
    done = run_python(PROGRAM, plugin, environment=environment)
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    lines = [line for line in lines if not any(words in line for words in OF_OTHERS)]
    assert sum(line.startswith("Case ") for line in lines) >= cases
    problems = [
        (before, line)
        for before, line in zip(["", *lines], lines, strict=False)
        if not line.startswith("Case ")
    ]
    assert not problems
