"""``kerasx stubs``: what plugins contribute, written down for editors and type checkers.

They read files and run nothing, and `kerasx.metrics.F1Score` exists only at run time. A stub says
where it comes from: ``from kerasx_metrics.classification import F1Score as F1Score``, so that its
arguments, types and documentation stay the plugin's own. What no module holds under its name is
written out, with its signature.
"""

import ast
import importlib
import inspect
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import click

import kerasx
from kerasx.kernel import Kernel
from kerasx.registry import KINDS, Contribution, contributions

OPEN = "def __getattr__(name: str) -> typing.Any: ..."


def namespace_stub(kind: str, found: Iterable[Contribution], complete: bool = True) -> str:
    """The stub of the module that serves one kind, ``kerasx.<kind>``.

    Args:
        kind: the kind.
        found: what to write down; of a name that several plugins contribute, nothing.
        complete: whether other names are errors; if not, they are `Any`.
    """
    found = [each for each in found if each.kind == kind]
    names = [each.name for each in found]
    objects = {each.name: each.object for each in found if names.count(each.name) == 1}
    placed = {name for name, value in objects.items() if _is_in_its_module(name, value)}
    imports = [f"from {objects[name].__module__} import {name} as {name}" for name in placed]
    made = {name: value for name, value in sorted(objects.items()) if name not in placed}
    doc = f'"""{kind.capitalize()} that plugins contribute. Written by ``kerasx stubs``."""'
    return _stub(doc, sorted(imports), made, "" if complete else OPEN)


def module_stub(module: ModuleType) -> str:
    """The stub of a module whose functions, kernels and classes are made at run time."""
    made = {
        name: value
        for name, value in sorted(vars(module).items())
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    return _stub(f'"""Written by ``kerasx stubs {module.__name__}``."""', [], made)


def _is_in_its_module(name: str, value: Any) -> bool:
    try:
        return getattr(importlib.import_module(value.__module__), name, None) is value
    except (AttributeError, ImportError, TypeError, ValueError):
        return False


def _stub(doc: str, imports: list[str], made: dict[str, Any], rest: str = "") -> str:
    """A stub, with the imports that its definitions need."""
    needed = {"typing"} if rest else set()
    definitions = [_definition(name, value, needed) for name, value in made.items()]
    modules = "\n".join(f"import {name}" for name in sorted(needed))
    blocks = [doc, modules, "\n".join(imports), *definitions, rest]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _definition(name: str, value: Any, needed: set[str]) -> str:
    """A class, kernel or function as a stub defines it; `needed` collects what to import."""
    signature = _signature(value, needed)
    summary = (inspect.getdoc(value) or "").partition("\n")[0]
    doc = f"    {summary!r}\n" if summary else ""
    if inspect.isclass(value):
        bases = [
            f"keras.{kind}.{base.__name__}"
            for kind, (base, _) in KINDS.items()
            if base and issubclass(value, base)
        ]
        needed.add("keras")
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        signature = inspect.Signature([own, *signature.parameters.values()], return_annotation=None)
        return f"class {name}({', '.join(bases)}):\n{doc}    def __init__{signature}: ..."
    decorator = ""
    if isinstance(value, Kernel):
        needed.add("kerasx")
        decorator = "@kerasx.kernel\n"
    return f"{decorator}def {name}{signature}:\n{doc or '    ...'}".rstrip()


class _Code:
    """What a signature shows as this text."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _signature(value: Any, needed: set[str]) -> inspect.Signature:
    """The signature of a callable, of annotations and defaults that are code."""
    try:
        signature = inspect.signature(value, eval_str=True)
    except Exception:  # whatever an annotation raises: it may name what only checkers import
        signature = inspect.signature(value)
    parameters = [
        each.replace(
            annotation=_annotation(each.annotation, needed), default=_default(each.default)
        )
        for each in signature.parameters.values()
    ]
    return inspect.Signature(
        parameters, return_annotation=_annotation(signature.return_annotation, needed)
    )


def _default(value: Any) -> Any:
    """A default as code, `...` where no literal equals it."""
    if value is inspect.Parameter.empty:
        return value
    try:
        literal = ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError):
        literal = False
    return _Code(repr(value) if literal else "...")


def _annotation(annotation: Any, needed: set[str]) -> _Code:
    """An annotation as code, `Any` where no code made of public names equals it."""
    if isinstance(annotation, type):
        text = f"{annotation.__module__}.{annotation.__qualname__}".removeprefix("builtins.")
    else:
        text = repr(annotation)
    try:
        tree = ast.parse(text, mode="eval")
        names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        modules = {name.rpartition(".")[0] for name in names} & sys.modules.keys()
        scope = {name.partition(".")[0]: sys.modules[name.partition(".")[0]] for name in modules}
        same = eval(text, scope) == annotation and not isinstance(annotation, str)
    except Exception:  # whatever its representation is, it is no code
        same = False
    if (
        not same
        or annotation is inspect.Parameter.empty
        or any(name.startswith("keras.src") for name in modules)
    ):
        text, modules = "typing.Any", {"typing"}
    needed |= modules
    return _Code(text)


def write(directory: Path, package: bool) -> Path:
    """Write the stubs of all kinds, for what is installed.

    Args:
        directory: where to write; a subdirectory is made.
        package: whether to write the stub package ``kerasx-stubs``, which checkers find in
            ``site-packages`` and lay over kerasx (PEP 561); if not, a whole ``kerasx``.

    Returns:
        The subdirectory.

    Raises:
        OSError: it cannot be written.
    """
    target = directory / ("kerasx-stubs" if package else "kerasx")
    target.mkdir(parents=True, exist_ok=True)
    if package:
        (target / "py.typed").write_text("partial\n")
    else:
        (target / "__init__.pyi").write_text(Path(kerasx.__file__).read_text())
    for kind in KINDS:
        (target / f"{kind}.pyi").write_text(namespace_stub(kind, contributions()))
    return target


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for stubs, such as a project's typings; without it, the environment's own.",
)
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
def stubs(output: Path | None, modules: tuple[str, ...]) -> None:
    """Tell editors and type checkers what the installed plugins contribute.

    With MODULE, write the stub of that module beside it instead: for authors of plugins, whose
    functions are made at run time.
    """
    directory = output or Path(sysconfig.get_path("purelib"))
    try:
        for name in modules:
            module = importlib.import_module(name)
            target = Path(module.__file__).with_suffix(".pyi")
            target.write_text(module_stub(module))
            click.echo(f"Wrote {target}")
        if modules:
            return
        target = write(directory, package=output is None)
    except (ImportError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Wrote {target}, with {len(contributions())} names.")
    if output:
        click.echo(f'mypy: set mypy_path = "{output}". Pyright: set stubPath = "{output}".')
    else:
        click.echo("mypy and Pyright find it there, in this environment, with no setting.")
    click.echo("Run this again when plugins come, go or change.")
    for plugin in kerasx.plugins():
        if plugin.status == "loaded" and not _is_typed(plugin.package):
            click.echo(f"{plugin.name} has no py.typed: mypy knows its names, not their arguments.")


def _is_typed(package: str) -> bool:
    file = sys.modules[package].__file__
    return bool(file) and Path(file).with_name("py.typed").exists()
