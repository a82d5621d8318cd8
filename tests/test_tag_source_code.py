"""The program examples/tag_source_code.py, at a tiny size."""

import re
from pathlib import Path

import keras
import pytest

from kerasx.testing import run_python

EXAMPLES = Path(__file__).parent.parent / "examples"

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="once is enough for programs"
)


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))


def spelled(text):
    """A letter per character: that of the kind, a capital where a token begins, a dot for none."""
    from tag_source_code import LABELS, tags_of

    names = [LABELS[tag] for tag in tags_of(text)]
    return "".join(
        "." if name == "O" else name[2].upper() if name[0] == "B" else name[2] for name in names
    )


def test_tags_are_those_of_the_tokens():
    text = "if x1 == 'a b':  # é\n    return 1.5\n"
    expected = "Kk.Nn.Oo.SssssO..Ccc.....Kkkkkk.Nnn."
    assert spelled(text) == expected
    assert spelled('"""a\nb""" \n') == "S" + 8 * "s" + ".."


def test_a_window_begins_a_token_anew():
    from tag_source_code import LABELS, LENGTH, windows

    characters, tags = windows("#" * (LENGTH + 3) + "\n")
    assert characters.shape == tags.shape == (2, LENGTH)
    begin, inside = LABELS.index("B-comment"), LABELS.index("I-comment")
    assert tags[0].tolist() == [begin, *[inside] * (LENGTH - 1)]
    assert tags[1].tolist() == [begin, inside, inside, *[0] * (LENGTH - 3)]
    assert characters[1].tolist() == [35, 35, 35, 10, *[0] * (LENGTH - 4)]


@pytest.mark.thorough
def test_the_program_compares_two_taggers(tmp_path):
    for number in range(60):
        (tmp_path / f"module{number}.py").write_text(f"def f{number}(x):\n    return x\n" * 30)
    options = [f"--source={tmp_path}", "--steps=2", "--units=4"]
    done = run_python(EXAMPLES / "tag_source_code.py", *options)
    assert done.returncode == 0, done.stdout
    scores = re.findall(r"EntityF1 .*: (\d\.\d{3}) after 2 steps", done.stdout)
    assert len(scores) == 2
    assert all(0 <= float(score) <= 1 for score in scores)
    assert re.search(r"def f\d+\(x\):\n    return x\n", done.stdout)
