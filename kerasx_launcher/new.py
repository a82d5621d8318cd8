"""``kerasx new``: write a new plugin, which passes its tests."""

import importlib.util
import keyword
import re
from collections.abc import Collection, Iterator
from importlib.resources import as_file, files
from pathlib import Path

import click

# The template is a working plugin of this name, which is replaced everywhere.
TEMPLATE = "acme-layers"
PACKAGE = TEMPLATE.replace("-", "_")
# Each part adds a kind of contribution. What it adds to a file of the template is joined to it.
PARTS = ("optimizer", "callback")
CACHES = {"__pycache__", ".pytest_cache", ".ruff_cache"}


def write_plugin(name: str, directory: Path, parts: Collection[str] = ()) -> None:
    """Write a plugin package, and say how to try it.

    Args:
        name: the name of its distribution.
        directory: where to create the package's own directory.
        parts: further kinds of contribution that it gets, of `PARTS`.

    Raises:
        click.ClickException: the name or a part cannot be used, or the directory exists.
    """
    package = name.replace("-", "_")
    root = directory / name
    problem = f"{root} exists" if root.exists() else _problem(name, package)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        problem = f"--with must name some of {', '.join(PARTS)}; received {', '.join(unknown)}"
    if problem:
        raise click.ClickException(problem)
    with as_file(files("kerasx_launcher")) as launcher:
        texts = dict(_texts(launcher / "template"))
        for part in PARTS:
            for path, text in _texts(launcher / "parts" / part) if part in parts else ():
                texts[path] = _joined(texts[path], text) if path in texts else text
    for path, text in texts.items():
        target = root / _renamed(path, name, package)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_renamed(text, name, package), "utf-8")
    click.echo(f"Wrote {root}, a working plugin. To try it:\n")
    click.echo(f'cd {root}\npip install -e ".[test]"\npytest')


def _texts(directory: Path) -> Iterator[tuple[str, str]]:
    """Return the path, relative to a directory, and the text of each of its files."""
    for source in sorted(directory.rglob("*")):
        if not (source.is_dir() or CACHES.intersection(source.parts)):
            yield str(source.relative_to(directory)), source.read_text("utf-8")


def _joined(module: str, addition: str) -> str:
    """Return a module with the imports and the code of another added.

    Only the imports from the package itself are added: the module has the others.
    """
    own = re.compile(rf"^from {PACKAGE}\..*\n", re.MULTILINE)
    imports = sorted(own.findall(module) + own.findall(addition))
    first, rest = own.search(module), own.sub("", module)
    assert first is not None, "a module that parts are joined to imports from its package"
    *_, last = own.finditer(addition)
    return rest[: first.start()] + "".join(imports) + rest[first.start() :] + addition[last.end() :]


def _renamed(text: str, name: str, package: str) -> str:
    return text.replace(TEMPLATE, name).replace(PACKAGE, package)


def _problem(name: str, package: str) -> str | None:
    """Return why a name cannot be used, or None."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
        return (
            f"a name has lower-case letters, digits and hyphens, such as {TEMPLATE}, and is not a "
            f"keyword of Python; received {name!r}"
        )
    if importlib.util.find_spec(package):
        return f"a module called {package} is installed already; choose another name than {name!r}"
    return None
