"""The record of plugins in a saved model: their versions, in the comment of the zip archive.

Keras loads the file as any other. `load_model` and ``kerasx inspect`` read from the record what
provided a missing name, and whether it was newer.
"""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from zipfile import ZipFile

from packaging.version import Version

from kerasx import registry
from kerasx.errors import SavedModelError

PREFIX = "kerasx plugins: "

Versions = dict[str, tuple[str, str]]
"""Import package -> distribution and version."""


def installed_versions() -> Versions:
    """Return the versions of kerasx and of each loaded plugin."""
    return {"kerasx": ("kerasx", version("kerasx"))} | {
        each.package: (each.name, each.version)
        for each in registry.plugins()
        if each.status == "loaded" and each.version
    }


def write_record(path: str | os.PathLike[str], used: Versions) -> None:
    """Write the versions of kerasx and of these distributions into a saved model."""
    record = {"kerasx": ("kerasx", version("kerasx"))} | used
    with ZipFile(path, "a") as file:
        file.comment = (PREFIX + json.dumps(record)).encode()


def read_record(comment: str) -> Versions:
    """Return the record that `write_record` wrote; other programs write comments of their own.

    Raises:
        SavedModelError: the record is malformed.
    """
    if not comment.startswith(PREFIX):
        return {}
    try:
        record = json.loads(comment.removeprefix(PREFIX)).items()
        return {key: (name, str(Version(version))) for key, (name, version) in record}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise SavedModelError(f"its record of plugins is malformed ({error})") from error


def newer_plugins(recorded: Versions) -> list[str]:
    """Return a sentence for each recorded plugin that is newer than the installed one."""
    return [
        f"it was saved with {name} {recorded[package][1]}, which is newer than the installed "
        f"{version}; install a newer version of {name}"
        for package, (name, version) in installed_versions().items()
        if package in recorded and Version(recorded[package][1]) > Version(version)
    ]
