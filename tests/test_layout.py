"""Each source file of the core has a test that is found by its name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Source files without a test of their name, and where they are tested.
ELSEWHERE = {
    "hookspecs.py": "test_namespaces.py: a plugin with every hook",
    "commands/table.py": "commands/test_show.py: the tables of the commands",
    **dict.fromkeys(
        [f"testing/{kind}.py" for kind in ("common", "kernels", "layers", "losses", "metrics")],
        "testing/test_contract.py: each check fails what it is meant for",
    ),
}


def defines_something(path):
    body = ast.parse(path.read_text("utf-8")).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) and node.name != "__getattr__" for node in body)


SOURCES = [
    path.relative_to(ROOT / "kerasx").as_posix()
    for path in sorted((ROOT / "kerasx").rglob("*.py"))
    if "template" not in path.parts and defines_something(path)
]


@pytest.mark.parametrize("source", [each for each in SOURCES if each not in ELSEWHERE])
def test_a_source_file_has_a_test_of_its_name(source):
    """kerasx/compiler/shapes.py: tests/compiler/test_shapes.py, or a folder of that name."""
    path = Path(source)
    name = path.parent.name if path.name == "__init__.py" else path.stem.lstrip("_")
    folder = ROOT / "tests" / path.parent
    assert (folder / f"test_{name}.py").exists() or (folder / name).is_dir()


def test_exceptions_exist_and_name_their_tests():
    assert set(ELSEWHERE) <= set(SOURCES)
    for where in ELSEWHERE.values():
        assert (ROOT / "tests" / where.partition(":")[0]).exists()
