"""MkDocs hook: generates what the code itself says best.

A line `{{ name argument }}` in a page is replaced by the result of the function of that name below.
The page of benchmarks and its plots are built from the results in `benchmarks/results`.
"""

import doctest
import importlib
import inspect
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
sys.path.append(str(Path(__file__).parents[1] / "tests" / "testing"))

import click
import griffe
import keras_cases
import page
import report
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from kerasx import hookspecs
from kerasx.authoring import takes_fields
from kerasx.registry import contributions
from kerasx.testing.contract import CHECKS
from kerasx_launcher.commands import commands as command_line

ROOT = Path(__file__).parents[1]


def source(path: str) -> str:
    """Return a file as a block of code."""
    return f"```{path.rpartition('.')[2]}\n{(ROOT / path).read_text()}```"


def program(_: str) -> str:
    """Return the first program of the README."""
    return re.search(r"```python\n.*?```", (ROOT / "README.md").read_text(), re.DOTALL)[0]


def checks(kinds: str) -> str:
    """Return each check of some kinds with its reason; `all` selects those that need no case.

    A check for a part of the kinds says for which.
    """
    wanted = kinds.split(",")
    parts = []
    for check in CHECKS:
        its_kinds = [kind for kind in wanted if kind in check.kinds and check.needs_case]
        if its_kinds or (kinds == "all" and not check.needs_case):
            parts.append(f"### {check.name}\n\n{check.reason}")
            if its_kinds not in ([], wanted):
                parts.append(f"Applies to {' and '.join(its_kinds)}.")
    return "\n\n".join(parts)


def faults(_: str) -> str:
    """Return a table of the checks that Keras's own layers, losses and metrics fail."""
    rows = []
    for fault in keras_cases.FAULTS:
        names = ", ".join(f"`{name}`" for name in fault.names)
        everywhere = len(fault.backends) == 3
        where = "" if everywhere else f" ({', '.join(fault.backends)})"
        rows.append(f"| {names} | `{fault.check}`{where} | {fault.why} |")
    return "\n".join(["| | check | why |", "| --- | --- | --- |", *rows])


def reference(kind: str) -> str:
    """Return the docstring of each contribution of a kind, classes before functions."""
    ordered = sorted(contributions(kind), key=lambda item: (item.name.islower(), item.name.lower()))
    return "\n\n".join(f"::: {item.object.__module__}.{item.name}" for item in ordered)


def public(module: str) -> str:
    """Return the docstring of each public name of a module."""
    names = importlib.import_module(module).__all__
    return "\n\n".join(f"::: {module}.{name}" for name in names)


def hooks(_: str) -> str:
    """Return the docstring of each hook that a plugin may implement."""
    names = [name for name in vars(hookspecs) if name.startswith("kerasx_")]
    return "\n\n".join(f"::: kerasx.hookspecs.{name}" for name in names)


def commands(_: str) -> str:
    """Return the output of `kerasx COMMAND --help` for each command."""
    context = click.Context(command_line, info_name="kerasx")
    parts = []
    for name, command in sorted(command_line.commands.items()):
        with click.Context(command, info_name=name, parent=context) as inner:
            parts.append(f"## kerasx {name}\n\n```text\n{command.get_help(inner)}\n```")
    return "\n\n".join(parts)


GENERATORS = {
    generator.__name__: generator
    for generator in (checks, commands, faults, hooks, program, public, reference, source)
}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace each `{{ generator argument }}`."""
    return re.sub(
        r"^\{\{ (\w+) ?(\S*) \}\}$",
        lambda match: GENERATORS[match[1]](match[2]),
        markdown,
        flags=re.MULTILINE,
    )


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of benchmarks and its plots, which are not in the repository."""
    machines = report.read()
    generated = {"benchmarks.md": page.page(machines), **page.plots(machines)}
    for path, content in generated.items():
        files.append(File.generated(config, path, content=content))
    return files


class Examples(griffe.Extension):
    """Shows Python sessions as code, arguments of a call as a list, and fields as arguments."""

    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        """Put fences around each session, and a dash in front of each argument."""
        if obj.docstring:
            session, call = r"^>>> .*(?:\n(?!\s*$).*)*", r"^Call arguments:\n(?: {4}.*\n?)+"
            text = re.sub(session, self.fenced, obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(call, self.listed, text, flags=re.MULTILINE)

    def on_class_instance(self, *, node: griffe.ObjectNode, cls: griffe.Class, **_: object) -> None:
        """Give a class that declares its arguments as fields the signature of its constructor."""
        if not takes_fields(node.obj):
            return
        parameters = [
            griffe.Parameter(
                name,
                annotation=str(parameter.annotation),
                kind=griffe.ParameterKind.keyword_only
                if parameter.kind is parameter.KEYWORD_ONLY
                else griffe.ParameterKind.positional_or_keyword,
                default=None if parameter.default is parameter.empty else repr(parameter.default),
            )
            for name, parameter in inspect.signature(node.obj).parameters.items()
        ]
        own = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
        constructor = griffe.Function("__init__", parameters=griffe.Parameters(own, *parameters))
        cls.set_member("__init__", constructor)

    @staticmethod
    def fenced(session: re.Match) -> str:
        """Turn a session into blocks of code, which copy without prompts, and of output."""
        blocks, code = [], ""
        for example in doctest.DocTestParser().get_examples(session[0]):
            code += example.source
            if example.want:
                output = example.want.replace("<BLANKLINE>", "")
                blocks += [f"```python\n{code}```", f"```text\n{output}```"]
                code = ""
        if code:
            blocks.append(f"```python\n{code}```")
        return "\n\n".join(blocks)

    @staticmethod
    def listed(section: re.Match) -> str:
        """Turn each line `name: ...` of a section into an item."""
        return re.sub(r"^ {4}(\w+): ", r"    - `\1`: ", section[0], flags=re.MULTILINE)
