"""Hook of MkDocs: what the code itself says best, in place of a line `{{ name }}`."""

import os
import re
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import click
import griffe

from kerasx import hookspecs
from kerasx.commands import main
from kerasx.registry import contributions
from kerasx.testing.contract import CHECKS

ROOT = Path(__file__).parents[1]


def source(path: str) -> str:
    """A file."""
    return f"```{path.rpartition('.')[2]}\n{(ROOT / path).read_text()}```"


def program(_: str) -> str:
    """The first program of the README."""
    return re.search(r"```python\n.*?```", (ROOT / "README.md").read_text(), re.DOTALL)[0]


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
    found = sorted(contributions(kind), key=lambda each: (each.name.islower(), each.name.lower()))
    return "\n\n".join(f"::: {each.object.__module__}.{each.name}" for each in found)


def hooks(_: str) -> str:
    """The docstring of each hook of the contract between kerasx and its plugins."""
    names = [name for name in vars(hookspecs) if name.startswith("kerasx_")]
    return "\n\n".join(f"::: kerasx.hookspecs.{name}" for name in names)


def commands(_: str) -> str:
    """What `kerasx COMMAND --help` prints, for each command."""
    context = click.Context(main, info_name="kerasx")
    parts = []
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        with click.Context(command, info_name=name, parent=context) as inner:
            parts.append(f"## kerasx {name}\n\n```text\n{command.get_help(inner)}\n```")
    return "\n\n".join(parts)


class Examples(griffe.Extension):
    """What a docstring shows as a Python session is code; the arguments of a call are a list."""

    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        """Put a fence around each session, and a dash before each argument."""
        if obj.docstring:
            session, call = r"^>>> .*(?:\n(?!\s*$).*)*", r"^Call arguments:\n(?: {4}.*\n?)+"
            text = re.sub(session, r"```pycon\n\g<0>\n```", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(call, self.listed, text, flags=re.MULTILINE)

    @staticmethod
    def listed(section: re.Match) -> str:
        """Each line `name: ...` of a section as an item."""
        return re.sub(r"^ {4}(\w+): ", r"    - `\1`: ", section[0], flags=re.MULTILINE)


GENERATORS = {each.__name__: each for each in (checks, commands, hooks, program, reference, source)}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace each `{{ generator argument }}`."""
    return re.sub(
        r"^\{\{ (\w+) ?(\S*) \}\}$",
        lambda match: GENERATORS[match[1]](match[2]),
        markdown,
        flags=re.MULTILINE,
    )
