"""Namespaces: what ``kerasx.layers``, ``kerasx.metrics`` and the others serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasx.errors import AmbiguousNameError
from kerasx.names import missing
from kerasx.registry import contributions


def namespace(kind: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of the module that serves one kind.

    A name whose plugin is not installed, or that several plugins have, raises an `ImportError`:
    ``from kerasx.layers import CRF`` passes on its message, and replaces that of an
    `AttributeError`, which any other unknown name raises.
    """

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return __dir__()
        if name.startswith("_"):
            raise AttributeError(f"module 'kerasx.{kind}' has no attribute {name!r}")
        matches = [each for each in contributions(kind) if each.name == name]
        if not matches:
            raise missing(name, kind)
        if len(matches) > 1:
            choices = " or ".join(f'kerasx.lookup("{each.qualified}")' for each in matches)
            raise AmbiguousNameError(
                f"{len(matches)} plugins contribute {kind} called {name}: use {choices}"
            )
        return matches[0].object

    def __dir__() -> list[str]:
        names = [each.name for each in contributions(kind)]
        return sorted(name for name in names if names.count(name) == 1)

    return __getattr__, __dir__
