"""Hook of MkDocs: what the code itself says best, in place of a line `{{ name }}`."""

import os
import re

os.environ.setdefault("KERAS_BACKEND", "jax")

import click

from kerasx.cli import main
from kerasx.registry import contributions
from kerasx.testing.contract import CHECKS


def checks(kind: str) -> str:
    """Each check of a kind, with its reason; those of every kind under `all`."""
    found = [
        each
        for each in CHECKS
        if (each.needs_case and kind in each.kinds) or (kind == "all" and not each.needs_case)
    ]
    return "\n\n".join(f"### {each.name}\n\n{each.reason}" for each in found)


def reference(kind: str) -> str:
    """The docstring of each contribution of a kind, classes before functions."""
    found = sorted(contributions(kind), key=lambda each: each.name.swapcase())
    return "\n\n".join(
        f"::: {each.object.__module__}.{each.name}\n    options:\n      toc_label: {each.name}"
        for each in found
    )


def commands(_: str) -> str:
    """What `kerasx COMMAND --help` prints, for each command."""
    context = click.Context(main, info_name="kerasx")
    parts = []
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        with click.Context(command, info_name=name, parent=context) as inner:
            parts.append(f"## kerasx {name}\n\n```text\n{command.get_help(inner)}\n```")
    return "\n\n".join(parts)


GENERATORS = {"checks": checks, "reference": reference, "commands": commands}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace each `{{ generator argument }}`."""
    return re.sub(
        r"^\{\{ (\w+) ?(\w*) \}\}$",
        lambda match: GENERATORS[match[1]](match[2]),
        markdown,
        flags=re.MULTILINE,
    )
