"""Each source file of the core and of the launcher has a test that is found by its name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Where the tests of a package are.
FOLDERS = {"kerasx": "tests", "kerasx_launcher": "tests/launcher"}
# Source files without a test of their name, and where they are tested.
ELSEWHERE = {
    "kerasx/calls.py": "test_errors.py: wrong arguments of every contribution",
    "kerasx/catalogue.py": "commands/test_catalogue.py: what is written",
    "kerasx/commands/inspect.py": "saving/test_saving.py: the command on saved models",
    "kerasx/hookspecs.py": "test_namespaces.py: a plugin with every hook",
    "kerasx/plugin.py": "test_namespaces.py: records of a plugin and of what it contributes",
    "kerasx_launcher/__init__.py": "launcher/test_commands.py: the whole command line",
    "kerasx_launcher/backends.py": "test_errors.py: a missing backend",
    "kerasx_launcher/table.py": "launcher/test_show.py: the tables of the commands",
    **dict.fromkeys(
        [
            f"kerasx/testing/{kind}.py"
            for kind in ("common", "kernels", "layers", "losses", "metrics")
        ],
        "testing/test_contract.py: each check fails what it is meant for",
    ),
    **dict.fromkeys(
        [
            f"kerasx/testing/{kind}.py"
            for kind in (
                *("activations", "callbacks", "constraints", "functions", "initializers"),
                *("optimizers", "regularizers", "schedules"),
            )
        ],
        "testing/test_kinds.py: each check fails what it is meant for",
    ),
}


def defines_something(path):
    body = ast.parse(path.read_text("utf-8")).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    return any(
        isinstance(node, kinds) and node.name not in ("__getattr__", "__dir__") for node in body
    )


SOURCES = [
    path.relative_to(ROOT).as_posix()
    for package in FOLDERS
    for path in sorted((ROOT / package).rglob("*.py"))
    if not {"template", "parts"}.intersection(path.parts) and defines_something(path)
]


@pytest.mark.parametrize("source", [each for each in SOURCES if each not in ELSEWHERE])
def test_a_source_file_has_a_test_of_its_name(source):
    """kerasx/compiler/shapes.py: tests/compiler/test_shapes.py, or a folder of that name."""
    path = Path(source)
    name = path.parent.name if path.name == "__init__.py" else path.stem.lstrip("_")
    package, *folders = path.parent.parts
    folder = ROOT.joinpath(FOLDERS[package], *folders)
    assert (folder / f"test_{name}.py").exists() or (folder / name).is_dir()


def test_exceptions_exist_and_name_their_tests():
    assert set(ELSEWHERE) <= set(SOURCES)
    for where in ELSEWHERE.values():
        assert (ROOT / "tests" / where.partition(":")[0]).exists()
