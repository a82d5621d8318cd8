"""The commands: their names, arguments and help, and the function that each runs.

They are declared here, so that help needs no Keras. A plugin adds one with an entry point in the
group ``kerasx.commands``, which names a click command.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Any

import click

from kerasx_launcher.backends import BACKENDS
from kerasx_launcher.catalogue import KINDS

GROUP = "kerasx.commands"
# What TensorFlow's libraries write while they are loaded, whatever TF_CPP_MIN_LOG_LEVEL says.
NATIVE = re.compile(
    r"[IWE]\d{4} \d|\d{4}-\d\d-\d\d .*: [IWE] |WARNING: All log messages before absl"
    r"|To enable the following instructions"
)


class Commands(click.Group):
    """Our commands and those of plugins, whose modules are imported when one is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *_entries_of_plugins()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        entry = _entries_of_plugins().get(cmd_name)
        return None if entry is None else _loaded(entry)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, with help for our own only: that of a plugin would need its import."""
        entries = _entries_of_plugins()
        limit = formatter.width - 6 - max(map(len, [*self.commands, *entries]))
        rows = {name: each.get_short_help_str(limit) for name, each in self.commands.items()}
        for name, entry in entries.items():
            rows.setdefault(name, f"A command of {entry.dist.name if entry.dist else entry.value}.")
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows.items()))


def _entries_of_plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _loaded(entry: EntryPoint) -> click.Command:
    """Import a plugin's command, or return one that says why that is not possible."""
    try:
        return entry.load()
    except Exception as error:  # whatever the import of a plugin raises
        reason = f"{entry.value} cannot be loaded: {type(error).__name__}: {error}"

        def fail() -> None:
            raise click.ClickException(reason)

        return click.Command(entry.name, callback=fail, help=f"({reason})")


def _with_keras() -> Any:
    """Import `kerasx.commands`, and with it Keras, without the lines that TensorFlow writes."""
    # TensorFlow reads this only once, while it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    descriptor = os.dup(2)
    try:
        with tempfile.TemporaryFile("w+", errors="replace") as caught:
            os.dup2(caught.fileno(), 2)
            try:
                return import_module("kerasx.commands")
            finally:
                sys.stderr.flush()
                os.dup2(descriptor, 2)
                caught.seek(0)
                sys.stderr.writelines(line for line in caught if not NATIVE.match(line))
    except ModuleNotFoundError as error:
        if error.name not in BACKENDS:
            raise
        raise click.ClickException(str(error)) from error
    finally:
        os.close(descriptor)


@click.group(cls=Commands)
@click.version_option(version("kerasx"), prog_name="kerasx")
def commands() -> None:
    """Look at what plugins add to Keras."""


@commands.command("list")
@click.argument("words", nargs=-1)
@click.option("--kind", type=click.Choice(KINDS), help="List this kind only.")
def list_contributions(words: tuple[str, ...], kind: str | None) -> None:
    """List the plugins and what they contribute; WORDS select by description."""
    from kerasx_launcher.show import show_list

    show_list(words, kind)


@commands.command()
@click.argument("name")
def info(name: str) -> None:
    """Describe NAME, such as F1Score or, in full and in quotes, "kerasx_metrics>F1Score"."""
    from kerasx_launcher.show import show_info

    show_info(name)


@commands.command()
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to create the package's directory. [default: here]",
)
@click.option(
    "--with",
    "parts",
    default="",
    metavar="KINDS",
    help="Further kinds, separated by commas: optimizer, callback.",
)
def new(name: str, directory: Path, parts: str) -> None:
    """Write a plugin package NAME: a layer, a loss, a metric, a kernel, and their tests."""
    from kerasx_launcher.new import write_plugin

    write_plugin(name, directory, [part.strip() for part in parts.split(",") if part])


@commands.command()
@click.argument("targets", nargs=-1, required=True)
@click.option("--examples", default=30, show_default=True, help="Inputs per cheap check.")
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Processes that check contributions at the same time.",
)
def check(targets: tuple[str, ...], examples: int, jobs: int) -> None:
    """Run the contract on plugins (acme-layers) or objects (my_package:MyLayer, file.py:MyLayer).

    Exits with 1 if a promise is broken. The same checks as tests: kerasx.testing.contract_tests.
    """
    _with_keras().run_contract(targets, examples, jobs)


@commands.command()
@click.argument("plugins", nargs=-1, required=True)
def catalogue(plugins: tuple[str, ...]) -> None:
    """Write the catalogues of PLUGINS (acme-layers), which `kerasx list` and `info` read.

    A catalogue is a file in the plugin's import package. Write it again after each change, and ship
    it; the contract checks that it is up to date.
    """
    _with_keras().write_catalogues(plugins)


@commands.command()
def doctor() -> None:
    """Report which plugins load and why others do not, with facts for a bug report.

    Exits with 1 if something is broken.
    """
    _with_keras().diagnose()


@commands.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
def inspect(path: str) -> None:
    """Show the objects of the saved model PATH, who provides them, and what is missing.

    Nothing in the file is run or imported. The exit status is 1 if something is missing or the
    model holds code.
    """
    _with_keras().show_saved_model(path)


@commands.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for stubs, such as a project's typings; without it, the environment's own.",
)
def stubs(output: Path | None) -> None:
    """Tell editors and type checkers what the installed plugins contribute."""
    _with_keras().write_stubs(output)
