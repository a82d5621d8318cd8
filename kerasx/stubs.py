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
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    made = {
        name: value
        for name, value in sorted(public.items())
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    }
    return _stub(f'"""Written by ``kerasx stubs {module.__name__}``."""', [], made)


def _is_in_its_module(name: str, value: Any) -> bool:
    try:
        return getattr(importlib.import_module(value.__module__), name, None) is value
    except (AttributeError, ImportError):
        return False


def _stub(doc: str, imports: list[str], made: dict[str, Any], rest: str = "") -> str:
    """A stub, with the imports that its definitions need."""
    needed = {"typing"} if rest or imports else set()
    definitions = [_definition(name, value, needed) for name, value in made.items()]
    modules = "\n".join(f"import {name}" for name in sorted(needed))
    # A plugin imports kerasx, which imports this stub. By the condition, which always holds, mypy
    # begins that circle at kerasx; else it takes `kerasx.kernel` in the plugin for the module.
    lines = ["if typing.TYPE_CHECKING:", *(f"    {line}" for line in imports)] if imports else []
    blocks = [doc, modules, "\n".join(lines), *definitions, rest]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _definition(name: str, value: Any, needed: set[str]) -> str:
    """A class, kernel or function as a stub defines it; `needed` collects what to import."""
    signature = _signature(value, needed)
    summary = inspect.cleandoc(value.__doc__ or "").partition("\n")[0]
    body = f"    {summary!r}" if summary else "    ..."
    if inspect.isclass(value):
        needed.add("keras")
        kinds = [kind for kind, (base, _) in KINDS.items() if base and issubclass(value, base)]
        bases = ", ".join(f"keras.{kind}.{KINDS[kind][0].__name__}" for kind in kinds)
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        signature = inspect.Signature([own, *signature.parameters.values()], return_annotation=None)
        return f"class {name}({bases}):\n{body}\n    def __init__{signature}: ..."
    if isinstance(value, Kernel):
        needed.add("kerasx")
        return f"@kerasx.kernel\ndef {name}{signature}:\n{body}"
    return f"def {name}{signature}:\n{body}"


class _Code:
    """What a signature shows as this text."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _signature(value: Any, needed: set[str]) -> inspect.Signature:
    """The signature of a callable, with annotations and defaults that are code."""
    try:
        signature = inspect.signature(value, eval_str=True)
    except Exception:  # whatever an annotation raises: it may name what only checkers import
        signature = inspect.signature(value)
    parameters = []
    for each in signature.parameters.values():
        annotation = _annotation(each.annotation, needed)
        parameters.append(each.replace(annotation=annotation, default=_default(each.default)))
    returned = _annotation(signature.return_annotation, needed)
    return inspect.Signature(parameters, return_annotation=returned)


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
        modules = {name.rpartition(".")[0] for name in names - sys.modules.keys()}
        scope = {name.partition(".")[0]: sys.modules[name.partition(".")[0]] for name in modules}
        same = eval(text, scope) == annotation
    except Exception:  # whatever its representation is, it is no code
        same = False
    unnamed = annotation is inspect.Parameter.empty or isinstance(annotation, str)
    if not same or unnamed or any(name.startswith("keras.src") for name in modules):
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
        text = namespace_stub(kind, contributions())
        (target / f"{kind}.pyi").write_text(text, encoding="utf-8")
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
            target.write_text(module_stub(module), encoding="utf-8")
            click.echo(f"Wrote {target}")
        if modules:
            return
        target = write(directory, package=output is None)
    except (ImportError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Wrote {target}")
    if output:
        click.echo(f'mypy: set mypy_path = "{output}". Pyright: set stubPath = "{output}".')
    else:
        click.echo("mypy and Pyright find it there, in this environment, with no setting.")
    click.echo("Run this again when plugins come, go or change.")
    for plugin in kerasx.plugins():
        file = getattr(sys.modules.get(plugin.package), "__file__", None)
        typed = file and Path(file).with_name("py.typed").exists()
        if plugin.status == "loaded" and not typed:
            click.echo(f"{plugin.name} has no py.typed: mypy knows its names, not their arguments.")
