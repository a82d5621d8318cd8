"""`kerasx new` refuses what cannot work; tests/distribution builds on what it writes."""

import re

import pytest
from click.testing import CliRunner

from kerasx_launcher.commands import new


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Acme", "a name has lower-case letters"),
        ("acme_layers", "a name has lower-case letters"),
        ("../acme", "a name has lower-case letters"),
        ("9lives", "a name has lower-case letters"),
        ("class", "a name has lower-case letters"),
        ("keras", "a module called keras is installed already"),
        ("kerasx-metrics", "a module called kerasx_metrics is installed already"),
    ],
)
def test_names_that_cannot_be(tmp_path, name, message):
    done = CliRunner().invoke(new, [name, "--directory", str(tmp_path)])
    assert done.exit_code == 1
    assert message in done.output
    assert repr(name) in done.output
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "zeta-images").mkdir()
    done = CliRunner().invoke(new, ["zeta-images", "--directory", str(tmp_path)])
    assert done.exit_code == 1
    assert "zeta-images exists" in done.output
    assert not list((tmp_path / "zeta-images").iterdir())


def test_every_name_is_replaced(tmp_path):
    done = CliRunner().invoke(new, ["zeta-images", "--directory", str(tmp_path)])
    assert done.exit_code == 0, done.output
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {
        "zeta-images/.github/workflows/ci.yml",
        "zeta-images/.gitignore",
        "zeta-images/pyproject.toml",
        "zeta-images/src/zeta_images/plugin.py",
        "zeta-images/tests/test_contract.py",
    } <= written
    for name in written:
        text = name + (tmp_path / name).read_text()
        assert not re.search("acme", text, re.IGNORECASE), name
