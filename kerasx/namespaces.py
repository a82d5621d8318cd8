"""Namespaces: what ``kerasx.layers``, ``kerasx.metrics`` and the others serve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasx.errors import AmbiguousNameError
from kerasx.names import missing
from kerasx.plugin import Contribution
from kerasx.preference import choose, decided
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
        named = [each for each in contributions(kind) if each.name == name]
        if not named:
            if _is_package(kind, name):
                return Names(kind, name)
            raise missing(name, kind)
        chosen = choose(named)
        if len(chosen) > 1:
            raise _ambiguous(kind, name, chosen)
        return chosen[0].object

    def __dir__() -> list[str]:
        return sorted(decided(contributions(kind)))

    return __getattr__, __dir__


class Names:
    """The names of one plugin in a namespace, as in ``kerasx.layers.acme_layers.Scale``."""

    def __init__(self, kind: str, package: str):
        self._kind, self._package = kind, package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{self} has no attribute {name!r}")
        qualified = f"{self._package}>{name}"
        for each in contributions(self._kind):
            if each.qualified == qualified:
                return each.object
        if _is_package(self._kind, f"{self._package}.{name}"):
            return Names(self._kind, f"{self._package}.{name}")
        raise missing(qualified, self._kind)

    def __dir__(self) -> list[str]:
        listed = contributions(self._kind)
        return sorted(each.name for each in listed if each.plugin.package == self._package)

    def __repr__(self) -> str:
        return f"<{self._kind} of {self._package}>"


def _is_package(kind: str, name: str) -> bool:
    """Return whether plugins that contribute to a namespace are in a package of this name."""
    packages = {each.plugin.package for each in contributions(kind)}
    return any(f"{package}.".startswith(f"{name}.") for package in packages)


def _ambiguous(kind: str, name: str, candidates: Sequence[Contribution]) -> AmbiguousNameError:
    places = [f"kerasx.{kind}.{each.plugin.package}.{name}" for each in candidates]
    plugins = " or ".join(f'kerasx.prefer("{each.plugin.name}")' for each in candidates)
    return AmbiguousNameError(
        f"{len(candidates)} plugins contribute {kind} called {name}: use {' or '.join(places)}, or "
        f"decide once with {plugins}"
    )
