"""Plugins and what they contribute, as the registry records them."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

from kerasx import serialization
from kerasx.compiler import Kernel
from kerasx.errors import MissingPluginError, PluginError
from kerasx.kinds import KINDS, describe, fits
from kerasx.lazy import Lazy
from kerasx_launcher.packages import package_of


@dataclass(eq=False)
class Plugin:
    """One entry point and the outcome of loading it, or a package registered at run time.

    Attributes:
        name: name of the distribution that it belongs to; of a package registered at run time, the
            name of the package.
        version: version of that distribution, or ``""``.
        entry_point: the entry point, which names a module (or an object in one), or `None` if its
            contributions were registered with `kerasx.register`.
        status: ``"loaded"``, ``"failed"``, ``"blocked"``, ``"loading"`` while that happens, or
            ``"waiting"`` for its package, whose import began before kerasx's.
        error: why it is not loaded.
        traceback: the formatted traceback of a failure.
        contributions: its contributions; of a failed plugin, those found before it failed.
        unavailable: what it would contribute if a package were installed.
    """

    name: str
    version: str
    entry_point: EntryPoint | None
    status: str = "waiting"
    error: str | None = None
    traceback: str | None = None
    contributions: list[Contribution] = field(default_factory=list)
    unavailable: list[Contribution] = field(default_factory=list)
    object: Any = field(default=None, repr=False)

    @property
    def module(self) -> str:
        """The name of the module that holds the hooks."""
        return self.entry_point.value.partition(":")[0].strip() if self.entry_point else self.name

    @property
    def package(self) -> str:
        """The import package, the first half of all qualified names."""
        return package_of(self.module)

    def owns(self, value: Any) -> bool:
        """Return whether an object is defined in the plugin's own package."""
        return f"{getattr(value, '__module__', '')}.".startswith(f"{self.package}.")

    def why(self) -> str:
        """Return a sentence that says why it is not loaded."""
        states = {
            "failed": "failed to load",
            "blocked": "is blocked",
            "waiting": f"waits for {self.package}, whose import began before kerasx's",
        }
        state = states.get(self.status, "is being loaded")
        reason = f": {self.error}" if self.error else ""
        return f"plugin {self.name} {self.version} {state}{reason}"


@dataclass(frozen=True, eq=False)
class Contribution:
    """One class, function or kernel of a plugin.

    Attributes:
        kind: its kind, such as ``"layers"``.
        name: its public name.
        source: the object, or a `Lazy` reference to it.
        plugin: the plugin that contributes it.
    """

    kind: str
    name: str
    source: Any
    plugin: Plugin = field(repr=False)

    @property
    def qualified(self) -> str:
        """The name that always works: ``package>Name``."""
        return f"{self.plugin.package}>{self.name}"

    @functools.cached_property
    def object(self) -> Any:
        """The class, function or kernel. A lazy reference is imported now.

        Raises:
            MissingPluginError: it cannot be imported.
            PluginError: it is not what the hook asks for.
        """
        if not isinstance(self.source, Lazy):
            return self.source
        owner = f"{self.qualified} of plugin {self.plugin.name} is {self.source.target}"
        try:
            value = self.source.load()
        except (Exception, SystemExit) as error:
            reason = f"{owner}, which cannot be imported: {quote(error)}"
            raise MissingPluginError(reason) from error
        if not fits(self.kind, value):
            singular = KINDS[self.kind].singular
            raise PluginError(f"{owner}, which is {describe(value)} and no {singular}")
        serialization.replace(self.stand_in, value)
        self._enter_object(value)
        return value

    @functools.cached_property
    def stand_in(self) -> Any:
        """The stand-in of a lazy reference in Keras's table, until it is imported."""
        return serialization.stand_in(self.name, self.source.module, lambda: self.object)

    def is_of(self, value: Any) -> bool:
        """Return whether this is the contribution of an object, without importing anything."""
        if isinstance(self.source, Lazy):
            return value is not None and (value is self.source.loaded() or value is self.stand_in)
        return value is self.source

    def is_same(self, other: Contribution) -> bool:
        """Return whether two contributions are one object, without importing anything."""
        if isinstance(self.source, Lazy) and isinstance(other.source, Lazy):
            return self.source.target == other.source.target
        return self.is_of(other.source) or other.is_of(self.source)

    def enter(self) -> None:
        """Tell Keras about the object; a lazy one has a stand-in there until it is used."""
        if isinstance(self.source, Lazy) and self.source.loaded() is None:
            names = self.source.names_in_files()
            serialization.add_aliases(self.stand_in, self.qualified, names)
        else:
            self._enter_object(self.object)

    def _enter_object(self, value: Any) -> None:
        """Register what is the plugin's own; what belongs to another package gets aliases only."""
        # A kernel is an object of ours, even if it is made of another package's function.
        is_own = isinstance(value, Kernel) and not serialization.is_registered(value)
        if is_own or self.plugin.owns(value):
            serialization.register(value, self.plugin.package, self.name)
            # Models saved earlier hold the name of the namespace package, such as `mycorp>Scale`.
            others = [f"{self.plugin.module.partition('.')[0]}>{self.name}"]
        else:
            others = [value.__name__]
        serialization.add_aliases(value, self.qualified, others)


def quote(error: BaseException) -> str:
    """Return an error as text."""
    return f"{type(error).__name__}: {error}"
