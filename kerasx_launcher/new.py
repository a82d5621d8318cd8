"""``kerasx new``: write a new plugin, which passes its tests."""

import importlib.util
import keyword
import re
from importlib.resources import as_file, files
from pathlib import Path

import click

# The template is a working plugin of this name, which is replaced everywhere.
TEMPLATE = "acme-layers"
CACHES = {"__pycache__", ".pytest_cache", ".ruff_cache"}


def write_plugin(name: str, directory: Path) -> None:
    """Write a plugin package, and say how to try it.

    Args:
        name: the name of its distribution.
        directory: where to create the package's own directory.

    Raises:
        click.ClickException: the name cannot be used, or the directory exists.
    """
    package = name.replace("-", "_")
    problem = _problem(name, package)
    root = directory / name
    if root.exists():
        problem = f"{root} exists"
    if problem:
        raise click.ClickException(problem)
    with as_file(files("kerasx_launcher") / "template") as template:
        for source in sorted(template.rglob("*")):
            if source.is_dir() or CACHES.intersection(source.parts):
                continue
            target = root / _renamed(str(source.relative_to(template)), name, package)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_renamed(source.read_text("utf-8"), name, package), "utf-8")
    click.echo(f"Wrote {root}, a working plugin. To try it:\n")
    click.echo(f'cd {root}\npip install -e ".[test]"\npytest')


def _renamed(text: str, name: str, package: str) -> str:
    return text.replace(TEMPLATE, name).replace(TEMPLATE.replace("-", "_"), package)


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
