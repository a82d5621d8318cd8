"""The generated files of the core are what `tools/write_first_party.py` writes."""

import pytest
import write_first_party


@pytest.mark.parametrize(
    "path", write_first_party.generate(), ids=lambda path: "/".join(path.parts[-2:])
)
def test_generated_file_is_up_to_date(path):
    expected = write_first_party.generate()[path]
    assert path.read_text("utf-8") == expected, "run: python tools/write_first_party.py"
