"""Catalogues: descriptions of what plugins contribute, read without importing the plugins.

A plugin ships its catalogue as the file ``kerasx_catalogue.json`` in its import package.
``kerasx catalogue`` writes it.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

from kerasx_launcher.packages import package_of

FILE = "kerasx_catalogue.json"
KINDS = (
    "layers",
    "losses",
    "metrics",
    "kernels",
    "activations",
    "optimizers",
    "schedules",
    "callbacks",
    "initializers",
    "constraints",
    "regularizers",
)


@dataclass(frozen=True)
class Entry:
    """One contribution, as a catalogue describes it.

    Attributes:
        kind: its kind, such as ``"layers"``.
        name: its public name.
        summary: the first line of its docstring.
        call: its signature, such as ``"CRF(units, **kwargs)"``.
        papers: the sources that its docstring names, as text; empty if it names none.
        facts: further lines by name, such as the shapes of a kernel.
        doc: its docstring.
    """

    kind: str
    name: str
    summary: str
    call: str
    papers: str
    facts: dict[str, str]
    doc: str


@dataclass(frozen=True)
class Plugin:
    """An installed plugin.

    Attributes:
        name: the name of its distribution.
        version: the version of that distribution.
        package: its import package.
        entries: its catalogue, or `None` if it has none that can be read.
    """

    name: str
    version: str
    package: str
    entries: list[Entry] | None = field(repr=False)


def path_of(package: str) -> Path | None:
    """Return where the catalogue of an import package is, or `None` for a single module."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)), FILE)


def read(package: str) -> list[Entry] | None:
    """Return the catalogue of an import package, or `None` if it has none that can be read."""
    path = path_of(package)
    if path is None:
        return None
    try:
        return [Entry(**entry) for entry in json.loads(path.read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return None


def plugins() -> list[Plugin]:
    """Return the installed plugins in the order of their names."""
    installed = {}
    for entry_point in entry_points(group="kerasx"):
        if entry_point.dist:
            package = package_of(entry_point.module)
            metadata = entry_point.dist.metadata
            installed[metadata["Name"], package] = metadata["Version"]
    return [
        Plugin(name, version, package, read(package))
        for (name, package), version in sorted(installed.items())
    ]
