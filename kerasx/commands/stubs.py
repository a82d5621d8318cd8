"""``kerasx stubs``: tell editors and type checkers what plugins contribute.

They read files and run nothing, and `kerasx.metrics.F1Score` exists only at run time. A stub says
where it comes from, ``from kerasx_metrics.classification import F1Score as F1Score``, so that its
arguments, types and documentation stay the plugin's own. A class that declares its arguments as
fields has no ``__init__`` in its source, so its stub is written out, with the documentation.
"""

import ast
import importlib
import inspect
import re
import sys
import sysconfig
import textwrap
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from kerasx.authoring import takes_fields
from kerasx.errors import MissingPluginError, PluginError
from kerasx.preference import decided
from kerasx.registry import KINDS, Contribution, contributions, plugins

BUILTINS = {"bool", "dict", "float", "int", "list", "str", "tuple"}
MODULES = {"Any": "typing", "Sequence": "collections.abc"}  # of names in annotations of fields
OPEN = "def __getattr__(name: str) -> typing.Any: ..."


def namespace_stub(kind: str, listed: Iterable[Contribution], complete: bool = True) -> str:
    """Return the stub of the module that serves one kind, ``kerasx.<kind>``.

    Args:
        kind: the kind.
        listed: the contributions to write; a name that several plugins contribute is left out. A
            contribution that no module holds under its name is `Any` to type checkers.
        complete: whether other names are errors; if not, they are `Any`.
    """
    listed = [each for each in listed if each.kind == kind]
    objects = {name: _object(each) for name, each in decided(listed).items()}
    sources = {
        name: value.__module__ for name, value in objects.items() if _is_in_its_module(name, value)
    }
    with_fields = [name for name in sorted(sources) if takes_fields(objects[name])]
    imports = sorted(
        f"import {module}" if name in with_fields else f"from {module} import {name} as {name}"
        for name, module in sources.items()
    )
    imports = list(dict.fromkeys(imports))
    made = [f"{name}: typing.Any" for name in sorted(objects.keys() - sources.keys())]
    if complete:  # kerasx.layers.acme_layers.Scale
        packages = {each.plugin.package.partition(".")[0] for each in listed}
        made += [f"{package}: typing.Any" for package in sorted(packages - objects.keys())]
    # A plugin imports kerasx, which imports this stub. By the condition, which always holds, mypy
    # starts that circle at kerasx instead of at the plugin.
    guarded = ["if typing.TYPE_CHECKING:", *(f"    {line}" for line in imports)] if imports else []
    blocks = [
        f'"""{kind.capitalize()} that plugins contribute. Written by ``kerasx stubs``."""',
        "import collections.abc\nimport typing" if with_fields else "import typing",
        "\n".join(guarded),
        *(_class_stub(objects[name]) for name in with_fields),
        "\n".join(made),
        "" if complete else OPEN,
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _object(contribution: Contribution) -> Any:
    """Return the object of a contribution, or `None` if a lazy reference cannot be imported."""
    try:
        return contribution.object
    except (MissingPluginError, PluginError):
        return None


def _is_in_its_module(name: str, value: Any) -> bool:
    try:
        return getattr(importlib.import_module(value.__module__), name, None) is value
    except (AttributeError, ImportError):
        return False


def _class_stub(value: type) -> str:
    """Return the stub of a class with fields: its documentation, and its constructor."""
    parameters = [
        parameter.replace(annotation=_Code(_annotation(parameter.annotation)))
        for parameter in inspect.signature(value).parameters.values()
    ]
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.Signature([own, *parameters], return_annotation=None)
    doc = (inspect.getdoc(value) or "").replace("\\", "\\\\")
    body = f'"""{doc}\n"""\ndef __init__{signature}: ...'
    return f"class {value.__name__}({value.__module__}.{value.__name__}):\n" + textwrap.indent(
        body, "    "
    )


class _Code:
    """Text that a signature shows without quotes."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _annotation(annotation: Any) -> str:
    """Return an annotation with full names, or `typing.Any` if it has other names."""
    text = annotation if isinstance(annotation, str) else "typing.Any"
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    if not names <= BUILTINS | MODULES.keys():
        return "typing.Any"
    return re.sub(r"\b(Any|Sequence)\b", lambda name: f"{MODULES[name[1]]}.{name[1]}", text)


def write(directory: Path, package: bool) -> Path:
    """Write the stubs of all kinds, for what is installed.

    Args:
        directory: where to write; a subdirectory is made.
        package: whether to write the stub package ``kerasx-stubs``, which checkers find in
            ``site-packages`` and lay over kerasx (PEP 561); if not, the directory ``kerasx``.

    Returns:
        The subdirectory.

    Raises:
        OSError: it cannot be written.
    """
    target = directory / ("kerasx-stubs" if package else "kerasx")
    target.mkdir(parents=True, exist_ok=True)
    if package:
        (target / "py.typed").write_text("partial\n")
    # Where a project has stubs too, Pyright takes a stub package for the whole of kerasx.
    (target / "__init__.pyi").write_text(files("kerasx").joinpath("__init__.py").read_text())
    for kind in KINDS:
        text = namespace_stub(kind, contributions())
        (target / f"{kind}.pyi").write_text(text, encoding="utf-8")
    return target


def write_stubs(output: Path | None) -> None:
    """Write the stubs, and say how to use them.

    Args:
        output: the directory, or `None` for the environment's own.

    Raises:
        click.ClickException: they cannot be written.
    """
    directory = output or Path(sysconfig.get_path("purelib"))
    try:
        target = write(directory, package=output is None)
    except OSError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Wrote {target}")
    if output:
        click.echo(f'mypy: set mypy_path = "{output}". Pyright: set stubPath = "{output}".')
    else:
        click.echo("mypy and Pyright find it there, in this environment, with no setting.")
    click.echo("Run this again after you install, remove or upgrade a plugin.")
    for plugin in plugins():
        file = getattr(sys.modules.get(plugin.package), "__file__", None)
        typed = file and Path(file).with_name("py.typed").exists()
        if plugin.status == "loaded" and not typed:
            click.echo(f"{plugin.name} has no py.typed: mypy knows its names, not their arguments.")
