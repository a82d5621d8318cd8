"""The archive of a saved model is read within limits; test_inspect.py attacks it."""

import pytest

from kerasx.errors import SavedModelError
from kerasx.saving.archive import JSON_LIMIT, NAME_LIMIT, printable, read


def test_configuration_metadata_and_comment_are_read(archive):
    with archive({"a": [1]}, metadata='{"b": 2}').open("rb") as file:
        assert read(file) == ({"a": [1]}, {"b": 2}, "")


def test_more_json_than_the_limit_is_rejected(archive):
    path = archive({"a": "x" * JSON_LIMIT})
    with path.open("rb") as file, pytest.raises(SavedModelError, match="at most 33,554,432 are re"):
        read(file)


def test_a_file_of_another_kind_is_malformed(tmp_path):
    (tmp_path / "file.keras").write_text("no archive")
    with (tmp_path / "file.keras").open("rb") as file, pytest.raises(SavedModelError) as refused:
        read(file)
    assert str(refused.value).startswith("it is malformed, or no .keras file (BadZipFile: ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Zürich", "Zürich"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("x" * (NAME_LIMIT + 1), "x" * NAME_LIMIT + "..."),
    ],
)
def test_text_is_safe_to_print(text, shown):
    assert printable(text) == shown
