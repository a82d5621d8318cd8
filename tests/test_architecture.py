"""The layout of the source: imports point one way, and nobody imports past a package's door."""

import ast
import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import kerasx

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(ROOT.glob("plugins/*/src/*"))

# Each part of the core, with the parts that it may import. `__init__` is kerasx/__init__.py.
NAMESPACES = [path.stem for path in sorted((ROOT / "kerasx").glob("*.pyi"))]
NAMESPACES += ["activations", "callbacks", "constraints", "initializers", "optimizers"]
NAMESPACES += ["regularizers", "schedules"]
ALLOWED = {
    "errors": set(),
    "calls": set(),
    "compiler": {"errors", "calls"},
    "authoring": {"calls", "compiler"},
    "hookspecs": {"compiler"},
    "kinds": {"compiler"},
    "lazy": set(),
    "optional": {"errors"},
    "serialization": set(),
    "plugin": {"errors", "compiler", "kinds", "lazy", "serialization"},
    "registry": {"errors", "hookspecs", "kinds", "lazy", "optional", "plugin"},
    "names": {"errors", "registry"},
    "preference": {"plugin", "registry"},
    "registration": {"errors", "hookspecs", "kinds", "plugin", "registry", "serialization"},
    "catalogue": {"calls", "compiler", "registry"},
    "namespaces": {"errors", "plugin", "registry", "names", "preference"},
    **{name: {"namespaces"} for name in NAMESPACES},
    "saving": {"errors", "compiler", "registry", "names"},
    "testing": {"errors", "compiler", "authoring", "registry", "names", "namespaces", "catalogue"},
    "commands": {
        *("errors", "compiler", "authoring", "preference", "registry", "catalogue", "saving"),
        "testing",
    },
    "__main__": set(),
    "__init__": {
        *("errors", "compiler", "hookspecs", "names", "optional", "preference", "registration"),
        *("registry", "saving", *NAMESPACES),
    },
}
DOORS = {"kerasx", "kerasx.compiler", "kerasx.authoring", "kerasx.testing"}
# Python's internals, which code that must outlive a release of Python does not touch.
TRICKS = ["_getframe", "opcode", "_initializing", "__class__ =", "__code__.replace", "co_code"]


def modules_of(package: Path) -> dict[str, Path]:
    """Return the modules of an import package by their full names."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        if "template" not in path.parts:
            parts = path.relative_to(package.parent).with_suffix("").parts
            modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def imports_of(name: str, path: Path, modules: set[str]) -> Iterator[str]:
    """Yield the full names that a module imports, wherever in the file the import stands."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in modules else base


def graph_of(package: Path) -> dict[str, set[str]]:
    """Return module -> the modules of the same package that it imports."""
    modules = modules_of(package)
    known = set(modules)
    return {
        name: {each for each in imports_of(name, path, known) if each in known and each != name}
        for name, path in modules.items()
    }


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of a circle, or an empty list."""
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return trail[trail.index(name) :]
        if name in done:
            return []
        for other in sorted(graph[name]):
            circle = visit(other, [*trail, name])
            if circle:
                return circle
        done.add(name)
        return []

    return next(filter(None, (visit(name, []) for name in sorted(graph))), [])


def part_of(module: str) -> str:
    """Return the part of the core that a module belongs to."""
    return [*module.split("."), "__init__"][1]


@pytest.mark.parametrize("package", [ROOT / "kerasx", *PLUGINS], ids=lambda path: path.name)
def test_no_import_circle(package):
    assert circle_in(graph_of(package)) == []


def test_a_circle_would_be_noticed():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_of_the_core_point_one_way(part):
    for module, imported in graph_of(ROOT / "kerasx").items():
        if part_of(module) == part:
            parts = {part_of(other) for other in imported} - {part}
            assert parts <= ALLOWED[part], f"{module} may not import {parts - ALLOWED[part]}"


def test_every_part_has_its_rule():
    assert {part_of(module) for module in modules_of(ROOT / "kerasx")} == set(ALLOWED)
    assert circle_in(ALLOWED) == []


def test_nobody_imports_past_the_door_of_a_package():
    modules = modules_of(ROOT / "kerasx")
    packages = {name for name, path in modules.items() if path.name == "__init__.py"} - {"kerasx"}
    for module, path in modules.items():
        for imported in imports_of(module, path, set(modules)):
            package = imported.rpartition(".")[0]
            if package in packages and not f"{module}.".startswith(f"{package}."):
                raise AssertionError(f"{module} imports {imported}, past {package}")


@pytest.mark.parametrize("package", PLUGINS, ids=lambda path: path.name)
def test_plugins_import_what_third_parties_may(package):
    core = set(modules_of(ROOT / "kerasx"))
    for module, path in modules_of(package).items():
        for imported in imports_of(module, path, core):
            assert imported.partition(".")[0] != "kerasx" or imported in DOORS, (
                f"{module} imports {imported}; plugins import {sorted(DOORS)}"
            )
            assert not f"{imported}.".startswith("keras.src."), f"{module} imports {imported}"


def test_the_core_imports_no_plugin():
    names = {package.name for package in PLUGINS}
    for module, path in modules_of(ROOT / "kerasx").items():
        assert not {name.partition(".")[0] for name in imports_of(module, path, set())} & names


def test_no_public_name_is_both_a_module_and_a_function():
    from kerasx import authoring, commands, compiler, saving, testing

    for package in (kerasx, authoring, commands, compiler, saving, testing):
        for name in package.__all__:
            if name.startswith("__") or inspect.ismodule(getattr(package, name)):
                continue
            spec = importlib.util.find_spec(f"{package.__name__}.{name}")
            assert spec is None, f"{package.__name__}.{name} is a module too"


@pytest.mark.parametrize("trick", TRICKS)
def test_no_tricks_on_the_internals_of_python(trick):
    for package in (ROOT / "kerasx", *PLUGINS):
        for module, path in modules_of(package).items():
            assert trick not in path.read_text("utf-8"), f"{module} has {trick!r}"


def test_the_core_is_one_sitting():
    names = ["__init__", "errors", "hookspecs", "plugin", "registry", "names", "namespaces"]
    lines = sum(len((ROOT / f"kerasx/{name}.py").read_text().splitlines()) for name in names)
    assert lines < 900, "about 850 lines are expected; move what is not the core elsewhere"
