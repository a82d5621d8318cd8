"""The ``kerasx`` command: what is installed, what a name or a saved model is; the rest apart."""

import importlib
import inspect
import re
import textwrap

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

import kerasx
from kerasx.archive import SavedModelError
from kerasx.kernel import Kernel
from kerasx.policy import decide
from kerasx.registry import KINDS, Contribution, contributions, explain
from kerasx.saved import inspect_model

# Commands with a module of their own, of the same name.
MODULES = ("check", "demo", "doctor", "new", "stubs")


class Commands(click.Group):
    """The commands; one with a module of its own is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *MODULES])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in MODULES:
            return getattr(importlib.import_module(f"kerasx.{cmd_name}"), cmd_name)
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands)
@click.version_option(kerasx.__version__, prog_name="kerasx")
def main() -> None:
    """Look at what plugins add to Keras."""


@main.command("list")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only what is of this kind.")
def list_(kind: str | None) -> None:
    """List the plugins and what they contribute."""
    plugins = kerasx.plugins()
    if not plugins:
        click.echo('No plugin is installed. To install all of kerasx: pip install "kerasx[all]"')
    elif kind is None:
        rows = [
            (each.name, each.version, each.status, str(each.contract or "")) for each in plugins
        ]
        table(["plugin", "version", "status", "contract"], rows)
        for plugin in plugins:
            if plugin.error:
                click.echo(plugin.why())
        click.echo()
    found = sorted(contributions(kind), key=lambda each: (each.kind, each.qualified))
    if found:
        table(
            ["kind", "name", "plugin", "summary"],
            [(each.kind, each.name, each.plugin.name, _summary(each)) for each in found],
        )


@main.command()
@click.argument("name")
def info(name: str) -> None:
    """Show what NAME is: F1Score or, in full and in quotes, "kerasx_metrics>F1Score"."""
    found = [each for each in contributions() if name in (each.name, each.qualified)]
    if not found:
        raise click.ClickException(explain(name))
    for each in found:
        value, plugin = each.object, each.plugin
        facts = {
            "kind": each.kind,
            "name": f"kerasx.{each.kind}.{each.name}",
            "in full": each.qualified,
            "plugin": f"{plugin.name} {plugin.version}",
        }
        if isinstance(value, Kernel):
            facts |= _facts(value)
        for key, fact in facts.items():
            first, *more = fact.splitlines()
            click.echo(click.style(f"{key:<10}", bold=True) + first)
            for line in more:
                click.echo(" " * 10 + line)
        doc = Text(inspect.getdoc(value) or "It has no docstring.")
        doc.highlight_regex(r"(?m)^[A-Z]\w+:$", "bold")
        doc.highlight_regex(r"``?[^`\n]+``?", "cyan")
        doc.highlight_regex(r"(?m)^ *(>>>|\.\.\.) .*$", "green")
        click.echo(f"\n{_call(each)}\n")
        Console(soft_wrap=True).print(doc, end="\n\n")


@main.command("inspect")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
def inspect_(path: str) -> None:
    """Show what the saved model PATH holds, who provides it, and what is missing.

    Nothing in the file is run or imported. The exit status is 1 if something is missing, or if the
    model holds code.
    """
    try:
        saved = inspect_model(path)
    except SavedModelError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"saved with Keras {saved.keras_version}\n")
    rows = [
        (
            each.kind,
            each.name,
            each.type,
            "code" if each.code else f"{each.provider} {each.version}".strip() or "missing",
        )
        for each in saved.objects
        if each.kind in ("model", "layer", "loss", "metric") or each.provider != "keras"
    ]
    table(["kind", "name", "class", "provided by"], rows)
    problems = dict.fromkeys(each.problem for each in saved.objects if each.problem)
    for sentence in [*problems, *saved.newer]:
        click.echo(f"\n{sentence}")
    if problems:
        raise SystemExit(1)


def _facts(kernel: Kernel) -> dict[str, str]:
    """What a kernel takes, and how it runs here."""
    facts = {"static": ", ".join(kernel.static) or "none"}
    if kernel.shapes:
        facts["shapes"] = "\n".join(
            f"{name}: {line}" for name, line in kernel.shapes.arguments.items()
        )
        facts["returns"] = str(kernel.shapes.returned or "not declared")
    if kernel.buckets:
        rules = kernel.buckets.rules.items()
        facts["buckets"] = "\n".join(f"{dim}: {rule}" for dim, rule in rules)
    facts["backends"] = ", ".join(["any", *kernel.backends])
    compiled, why = decide(kernel.__name__, kernel.measured)
    policy = f"{'compiled' if compiled else 'not compiled'}: {why}"
    facts["policy"] = "\n".join([policy, *map(str, kernel.measured)])
    facts["reference"] = getattr(kernel.reference, "__name__", "none")
    source = re.search(
        r"\b(?:Source|Reference)s?:\s+(.+?)(?:\n\s*\n|$)", inspect.getdoc(kernel) or "", re.DOTALL
    )
    if source:
        facts["source"] = textwrap.fill(" ".join(source[1].split()), 80)
    return facts


def _call(contribution: Contribution) -> str:
    """How to call it: the signature, without annotations."""
    signature = inspect.signature(contribution.object)
    arguments = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    line = f"{contribution.name}{inspect.Signature(arguments)}"
    return textwrap.fill(line, 80, subsequent_indent="    ", break_on_hyphens=False)


def _summary(contribution: Contribution) -> str:
    return (inspect.getdoc(contribution.object) or "").partition("\n")[0]


def table(columns: list[str], rows: list[tuple[str, ...]]) -> None:
    """A table in a terminal; elsewhere aligned lines, which are never cut."""
    console = Console()
    if console.is_terminal:
        table = Table(*columns, box=SIMPLE_HEAD, show_edge=False)
        for column in table.columns[:-1]:
            column.no_wrap = True
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in [columns, *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
