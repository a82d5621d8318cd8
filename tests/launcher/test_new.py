"""`kerasx new` refuses what cannot work; tests/distribution builds on what it writes."""

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import kerasx_launcher
from kerasx.testing import importable_from, run_python
from kerasx_launcher.commands import new

TEMPLATE = Path(kerasx_launcher.__file__).parent / "template"


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


def write(directory, *options):
    done = CliRunner().invoke(new, ["zeta-images", "--directory", str(directory), *options])
    assert done.exit_code == 0, done.output
    return {
        str(path.relative_to(directory / "zeta-images")): path.read_text()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_by_default_it_writes_the_template(tmp_path):
    for name, text in write(tmp_path).items():
        original = TEMPLATE / name.replace("zeta_images", "acme_layers")
        expected = original.read_text().replace("acme-layers", "zeta-images")
        assert text == expected.replace("acme_layers", "zeta_images"), name


def imports_of(text):
    return [node.module for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]


def test_further_kinds(tmp_path):
    written = write(tmp_path, "--with", "optimizer, callback")
    plugin = written["src/zeta_images/plugin.py"]
    assert "return [AdaBelief]" in plugin
    assert "return [StopAtTarget]" in plugin
    assert plugin.count("import kerasx\n") == 1
    assert imports_of(plugin) == [
        f"zeta_images.{module}"
        for module in ("callbacks", "kernels", "layers", "losses", "metrics", "optimizers")
    ]
    assert written["src/zeta_images/cases.py"].count("CASES += ") == 2
    assert {"tests/test_optimizers.py", "tests/test_callbacks.py"} <= written.keys()
    assert not any("acme" in text.lower() for text in written.values())


def test_one_further_kind(tmp_path):
    written = write(tmp_path, "--with", "callback")
    assert "StopAtTarget" in written["src/zeta_images/plugin.py"]
    assert "tests/test_optimizers.py" not in written
    assert "AdaBelief" not in written["src/zeta_images/plugin.py"]


def test_unknown_kinds(tmp_path):
    options = ["zeta-images", "--directory", str(tmp_path), "--with", "optimizer,layers"]
    done = CliRunner().invoke(new, options)
    assert done.exit_code == 1
    assert "--with must name some of optimizer, callback; received layers" in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.thorough
def test_a_plugin_with_further_kinds_passes_its_tests(tmp_path):
    write(tmp_path, "--with", "optimizer,callback")
    project = tmp_path / "zeta-images"
    info = project / "src" / "zeta_images-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zeta-images\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[kerasx]\nzeta-images = zeta_images.plugin\n")
    done = run_python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "src", "tests"),
        cwd=project,
        environment=importable_from(project / "src"),
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout
