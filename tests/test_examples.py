"""The programs of examples/, at a tiny size."""

import math
import re
import sys
import zlib
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.testing import run_python

EXAMPLES = Path(__file__).parent.parent / "examples"
TINY = ("--steps=2", "--width=32", "--depth=1")

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="once is enough for programs"
)


@pytest.fixture(scope="module", autouse=True)
def _importable():
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


def few_bytes(most):
    """Texts of few different bytes, in which contexts occur again."""
    return st.lists(st.sampled_from([0, 97, 98, 255]), max_size=most).map(
        lambda values: np.array(values, "uint8")
    )


def interpolated(train, context, byte):
    """The probability as the formula has it: from the counts of one context, then the shorter."""
    followers = Counter(
        train[i + len(context)]
        for i in range(len(train) - len(context))
        if train[i : i + len(context)] == context
    )
    lower = interpolated(train, context[1:], byte) if context else 1 / 256
    total, types = sum(followers.values()), len(followers)
    return (followers[byte] + types * lower) / (total + types) if total else lower


@given(few_bytes(40), few_bytes(12), st.integers(1, 8))
def test_witten_bell_is_the_formula(train, text, order):
    from ngram import witten_bell

    expected = [
        interpolated(bytes(train), bytes(text[max(0, i - order + 1) : i]), text[i])
        for i in range(len(text))
    ]
    np.testing.assert_allclose(witten_bell(train, text, order), expected, rtol=1e-12)


@given(few_bytes(40), few_bytes(6))
def test_witten_bell_sums_to_one(train, context):
    from ngram import witten_bell

    last = [witten_bell(train, np.append(context, np.uint8(byte)))[-1] for byte in range(256)]
    assert math.isclose(sum(last), 1, rel_tol=1e-12)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A directory of Python files, some of which the example holds out and some leaves out."""
    directory = tmp_path_factory.mktemp("library")
    for number in range(60):
        (directory / f"module{number}.py").write_text(f"def f{number}(x):\n    return x\n" * 100)
    (directory / "test").mkdir()
    (directory / "test" / "test_module.py").write_text("left out")
    return directory


def test_no_file_is_both_learned_and_held_out(library):
    from language_model import read_files

    train, held_out = (bytes(read_files(library, held_out)) for held_out in (False, True))
    every = {file.read_bytes() for file in library.glob("*.py")}
    assert {text for text in every if text in train} | {
        text for text in every if text in held_out
    } == every
    assert not [text for text in every if text in train and text in held_out]
    assert 0 < len(held_out) < len(train)
    assert b"left out" not in train + held_out


def test_windows_predict_each_byte_once():
    from language_model import windows

    inputs, targets = windows(np.arange(12, dtype="uint8"), 5)
    assert inputs.tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert targets.tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]


def test_earlier_is_the_same_in_steps():
    from language_model import Earlier

    from kerasx_transformer import CacheScope

    x = np.arange(1, 11, dtype="float32").reshape(1, 5, 2)
    expected = [[[0, 0], [1, 2], [3, 4], [5, 6], [7, 8]]]
    assert keras.ops.convert_to_numpy(Earlier()(x)).tolist() == expected
    with CacheScope(6) as cache:
        first = Earlier()(x[:, :3])
    with CacheScope(6, cache.values, 3):
        last = Earlier()(x[:, 3:])
    steps = np.concatenate([keras.ops.convert_to_numpy(each) for each in (first, last)], axis=1)
    assert steps.tolist() == expected


def test_learning_rate_rises_and_falls_with_the_budget():
    from language_model import Budget

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    rates = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    zeros = np.zeros((1000, 1))
    budget = Budget(2.0, minutes=60, steps=100)
    model.fit(zeros, zeros, batch_size=1, callbacks=[budget, watch], verbose=0)
    assert len(rates) == 100
    assert rates[0] < 0.01
    assert 1.9 < max(rates) == rates[5] < 2
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] < 0.001


def test_too_few_files_are_an_error(tmp_path, monkeypatch, capsys):
    import language_model

    monkeypatch.setattr(sys, "argv", ["language_model.py", f"--source={tmp_path}"])
    with pytest.raises(SystemExit):
        language_model.main()
    assert f"--source has too few Python files to learn from: {tmp_path}" in capsys.readouterr().err


@pytest.mark.thorough
def test_language_model(library, tmp_path):
    from language_model import PROMPT, read_files
    from ngram import witten_bell

    program = EXAMPLES / "language_model.py"
    done = run_python(program, f"--source={library}", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Epoch 1/.*bits_per_byte: \d", done.stdout, re.DOTALL)
    zlib_bits, ngram_bits, network_bits = map(
        float, re.findall(r"^ +(\d\.\d{3}) ", done.stdout, re.MULTILINE)
    )
    train, held_out = (read_files(library, held_out) for held_out in (False, True))
    held_out = held_out[: 1 + (len(held_out) - 1) // 1024 * 1024]
    assert zlib_bits == round(8 * len(zlib.compress(held_out, 9)) / len(held_out), 3)
    assert ngram_bits == round(-np.log2(witten_bell(train, held_out)[1:]).mean(), 3)
    assert 0 < network_bits < 9
    assert f"\n{PROMPT}" in done.stdout
