"""The program examples/long_memory.py, at a tiny size."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasx.testing import run_python

EXAMPLES = Path(__file__).parent.parent / "examples"

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="once is enough for programs"
)


def test_only_the_beginning_says_what_to_repeat(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import long_memory

    tokens, shown = long_memory.batch(np.random.default_rng(0), 20)
    assert tokens.shape == (long_memory.BATCH, 20)
    np.testing.assert_array_equal(tokens[:, : long_memory.SHOWN], shown)
    assert (np.diff(tokens[:, long_memory.SHOWN :], axis=0) == 0).all()
    assert len(np.unique(shown)) == long_memory.SYMBOLS


@pytest.mark.thorough
def test_prints_a_table():
    options = ("--length=20", "--seconds=0.1", "--layers", "MinGRU")
    done = run_python(EXAMPLES / "long_memory.py", *options)
    assert done.returncode == 0, done.stdout
    # TensorFlow's libraries write lines in between.
    header, row = re.findall(r"^(?:layer|MinGRU) .*$", done.stdout, re.MULTILINE)
    assert header.split() == ["layer", "ms", "per", "step", "memory", "accuracy"]
    assert re.fullmatch(r"MinGRU +\d+ +\d+ MB +\d+%", row), row
