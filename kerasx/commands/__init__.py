"""The ``kerasx`` command: a group of commands, each an entry point in ``kerasx.commands``.

A plugin adds a command of its own with such an entry point, which names a click command. A command
is imported when it is run or listed, so one that needs no Keras runs without a backend.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points, version

import click

GROUP = "kerasx.commands"


def find_commands() -> dict[str, EntryPoint]:
    """Return the installed commands by name; kerasx's own win over a plugin's."""
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.value.startswith("kerasx."))
    return {entry.name: entry for entry in entries}


class Commands(click.Group):
    """The installed commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(find_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = find_commands().get(cmd_name)
        if entry is None:
            return None
        try:
            return entry.load()
        except Exception as error:  # whatever the import of a plugin raises
            return _broken_command(entry, error)


def _broken_command(entry: EntryPoint, error: Exception) -> click.Command:
    """Return a command that says why it cannot be loaded, so that the others still work."""
    reason = f"{entry.value} cannot be loaded: {type(error).__name__}: {error}"

    def fail() -> None:
        raise click.ClickException(reason)

    return click.Command(entry.name, callback=fail, help=f"({reason})")


@click.group(cls=Commands)
@click.version_option(version("kerasx"), prog_name="kerasx")
def main() -> None:
    """Look at what plugins add to Keras."""


__all__ = ["main"]
