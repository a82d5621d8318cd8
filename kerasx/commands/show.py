"""``kerasx list``, ``kerasx info`` and ``kerasx inspect``: show what is installed or saved."""

import inspect
import re
import textwrap

import click
from rich.console import Console
from rich.text import Text

from kerasx.commands.table import print_table
from kerasx.compiler import Kernel
from kerasx.errors import SavedModelError
from kerasx.names import missing
from kerasx.registry import KINDS, Contribution, contributions, plugins
from kerasx.saving import inspect_model


@click.command("list")
@click.option("--kind", type=click.Choice(list(KINDS)), help="List this kind only.")
def list_contributions(kind: str | None) -> None:
    """List the plugins and what they contribute."""
    installed = plugins()
    if not installed:
        click.echo('No plugin is installed. To install all of kerasx: pip install "kerasx[all]"')
    elif kind is None:
        rows = [(each.name, each.version, each.status) for each in installed]
        print_table(["plugin", "version", "status"], rows)
        for plugin in installed:
            if plugin.error:
                click.echo(plugin.why())
        click.echo()
    listed = sorted(contributions(kind), key=lambda each: (each.kind, each.qualified))
    if listed:
        print_table(
            ["kind", "name", "plugin", "summary"],
            [(each.kind, each.name, each.plugin.name, _summary(each)) for each in listed],
        )


@click.command()
@click.argument("name")
def info(name: str) -> None:
    """Describe NAME, such as F1Score or, in full and in quotes, "kerasx_metrics>F1Score"."""
    matches = [each for each in contributions() if name in (each.name, each.qualified)]
    if not matches:
        raise click.ClickException(str(missing(name)))
    for each in matches:
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


@click.command("inspect")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
def inspect_file(path: str) -> None:
    """Show the objects of the saved model PATH, who provides them, and what is missing.

    Nothing in the file is run or imported. The exit status is 1 if something is missing or the
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
    print_table(["kind", "name", "class", "provided by"], rows)
    problems = dict.fromkeys(each.problem for each in saved.objects if each.problem)
    for sentence in [*problems, *saved.newer]:
        click.echo(f"\n{sentence}")
    if problems:
        raise SystemExit(1)


def _facts(kernel: Kernel) -> dict[str, str]:
    """Return the arguments, buckets and backends of a kernel, by name."""
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
    facts["reference"] = getattr(kernel.reference, "__name__", "none")
    source = re.search(
        r"\b(?:Source|Reference)s?:\s+(.+?)(?:\n\s*\n|$)", inspect.getdoc(kernel) or "", re.DOTALL
    )
    if source:
        facts["source"] = textwrap.fill(" ".join(source[1].split()), 80)
    return facts


def _call(contribution: Contribution) -> str:
    """Format the call of a contribution: its signature without annotations."""
    signature = inspect.signature(contribution.object)
    arguments = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    line = f"{contribution.name}{inspect.Signature(arguments)}"
    return textwrap.fill(line, 80, subsequent_indent="    ", break_on_hyphens=False)


def _summary(contribution: Contribution) -> str:
    return (inspect.getdoc(contribution.object) or "").partition("\n")[0]
