"""``kerasx list`` and ``kerasx info``: show the catalogues of the plugins."""

import difflib
import os
import textwrap
from collections.abc import Iterator, Sequence

import click
from packaging.utils import canonicalize_name
from rich.console import Console
from rich.text import Text

from kerasx_launcher.catalogue import Entry, Plugin, plugins
from kerasx_launcher.first_party import FIRST_PARTY, how_to_install
from kerasx_launcher.packages import SETTING, chosen_plugins
from kerasx_launcher.table import print_table


def show_list(words: Sequence[str] = (), kind: str | None = None) -> None:
    """Print the plugins and what they contribute.

    Args:
        words: list the contributions whose name or docstring has all of these.
        kind: list this kind only.
    """
    installed, left_out = _chosen(plugins())
    if not installed and not left_out:
        click.echo(f"No plugin is installed. To install all of kerasx: {how_to_install('all')}")
        return
    listed = [
        (entry, plugin)
        for plugin in installed
        for entry in plugin.entries or []
        if kind in (None, entry.kind) and _mentions(entry, words)
    ]
    if installed and kind is None and not words:
        rows = [(each.name, each.version, _count(each)) for each in installed]
        print_table(["plugin", "version", "contributions"], rows)
        click.echo()
    if listed:
        contributed = [(each.kind, each.name, plugin.name, each.summary) for each, plugin in listed]
        print_table(["kind", "name", "plugin", "summary"], sorted(contributed))
    else:
        asked = kind or "anything"
        described = f" described with {' and '.join(map(repr, words))}" if words else ""
        click.echo(f"No installed plugin with a catalogue contributes {asked}{described}.")
        for name, names in _not_installed(installed + left_out):
            if kind in names and not words:
                click.echo(f"{name}, which is not installed, has {kind}: {how_to_install(name)}")
    for sentence in _without_catalogue(installed):
        click.echo(sentence)
    if left_out:
        listing = ", ".join(each.name for each in left_out)
        click.echo(f"\n{SETTING}={os.environ[SETTING]!r} leaves out {listing}.")


def show_info(name: str) -> None:
    """Print all that is known about the contributions of a name, plain or qualified.

    Raises:
        click.ClickException: no catalogue has the name.
    """
    installed = plugins()
    matches = [
        (entry, plugin)
        for plugin in installed
        for entry in plugin.entries or []
        if name in (entry.name, _in_namespace(entry), f"{plugin.package}>{entry.name}")
    ]
    if not matches:
        raise click.ClickException(_unknown(name, installed))
    names = [(entry.kind, entry.name) for plugin in installed for entry in plugin.entries or []]
    for entry, plugin in matches:
        is_shared = names.count((entry.kind, entry.name)) > 1 and plugin.name not in FIRST_PARTY
        package = f"{plugin.package}." if is_shared else ""
        _show_entry(entry, plugin, f"kerasx.{entry.kind}.{package}{entry.name}")


def _show_entry(entry: Entry, plugin: Plugin, name: str) -> None:
    facts = {
        "kind": entry.kind,
        "name": name,
        "in full": f"{plugin.package}>{entry.name}",
        "plugin": f"{plugin.name} {plugin.version}",
        **entry.facts,
    }
    if entry.papers:
        facts["source"] = textwrap.fill(entry.papers, 80, break_on_hyphens=False)
    for key, fact in facts.items():
        first, *more = fact.splitlines()
        click.echo(click.style(f"{key:<10}", bold=True) + first)
        for line in more:
            click.echo(" " * 10 + line)
    call = textwrap.fill(entry.call, 80, subsequent_indent="    ", break_on_hyphens=False)
    click.echo(f"\n{call}\n")
    doc = Text(entry.doc or "It has no docstring.")
    doc.highlight_regex(r"(?m)^[A-Z]\w+:$", "bold")
    doc.highlight_regex(r"``?[^`\n]+``?", "cyan")
    doc.highlight_regex(r"(?m)^ *(>>>|\.\.\.) .*$", "green")
    Console(soft_wrap=True).print(doc, end="\n\n")


def _in_namespace(entry: Entry) -> str:
    return f"kerasx.{entry.kind}.{entry.name}"


def _chosen(installed: list[Plugin]) -> tuple[list[Plugin], list[Plugin]]:
    """Return the plugins that ``KERASX_PLUGINS`` lets kerasx load, and those that it leaves out."""
    wanted = chosen_plugins()
    if wanted is None:
        return installed, []
    chosen = [each for each in installed if canonicalize_name(each.name) in wanted]
    return chosen, [each for each in installed if each not in chosen]


def _mentions(entry: Entry, words: Sequence[str]) -> bool:
    text = f"{entry.name} {entry.doc}".lower()
    return all(word.lower() in text for word in words)


def _count(plugin: Plugin) -> str:
    return "no catalogue" if plugin.entries is None else str(len(plugin.entries))


def _not_installed(installed: list[Plugin]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield the first-party plugins that are not installed, with their names by kind."""
    packages = {plugin.package for plugin in installed}
    for distribution, names in FIRST_PARTY.items():
        if distribution.replace("-", "_") not in packages:
            yield distribution, names


def _without_catalogue(installed: list[Plugin]) -> list[str]:
    """Return a sentence for each plugin whose names are not known without importing it."""
    return [
        f"{plugin.name} has no catalogue of its names: `kerasx catalogue {plugin.name}` imports "
        "the plugin and writes one"
        for plugin in installed
        if plugin.entries is None
    ]


def _unknown(name: str, installed: list[Plugin]) -> str:
    """Explain that no catalogue has a name, and suggest where to find it."""
    package, _, plain = name.rpartition(">")
    plain = plain.rpartition(".")[2]
    elsewhere = {
        known: distribution
        for distribution, kinds in _not_installed(installed)
        for names in kinds.values()
        for known in names
        if package in ("", distribution.replace("-", "_"))
    }
    start = f"no installed plugin with a catalogue contributes {name}"
    if plain in elsewhere:
        return f"{start}; {elsewhere[plain]} has it: {how_to_install(elsewhere[plain])}"
    names = {entry.name for plugin in installed for entry in plugin.entries or []} | {*elsewhere}
    close = sorted(each for each in names if each.lower() == plain.lower())
    close = close or difflib.get_close_matches(plain, sorted(names))
    hints = [f"did you mean {' or '.join(close)}?"] if close else []
    return "; ".join([start, *hints, *_without_catalogue(installed)])
