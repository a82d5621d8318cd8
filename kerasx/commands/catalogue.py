"""``kerasx catalogue``: write the file that ``kerasx list`` and ``kerasx info`` read."""

from collections.abc import Iterable

import click

from kerasx.catalogue import as_text
from kerasx.registry import Plugin, find_plugin, plugins
from kerasx_launcher.catalogue import path_of


def write_catalogues(names: Iterable[str]) -> None:
    """Write the catalogues of installed plugins into their import packages.

    Args:
        names: the names of their distributions.

    Raises:
        click.ClickException: a plugin is not loaded, is a single module, or cannot be written to.
    """
    for plugin in [_find(name) for name in names]:
        path = path_of(plugin.package)
        if path is None:
            raise click.ClickException(
                f"{plugin.name} must be a package to hold a catalogue; {plugin.package} is a "
                "single module"
            )
        try:
            path.write_text(as_text(plugin.contributions), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"Wrote {path}")


def _find(name: str) -> Plugin:
    plugin = find_plugin(name)
    if plugin is not None:
        if plugin.status != "loaded":
            raise click.ClickException(plugin.why())
        return plugin
    installed = ", ".join(plugin.name for plugin in plugins()) or "none"
    raise click.ClickException(f"no plugin is called {name}; installed are: {installed}")
