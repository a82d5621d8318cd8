"""The registry: discover plugins, check what they contribute, register it with Keras.

Entry point in the group ``kerasx`` -> hooks -> each contribution checked -> registered with Keras
as ``package>Name`` -> served as ``kerasx.<kind>.Name``. No other module reads that entry point.

A plugin is registered whole or not at all. A broken one does not stop the others: it is kept with
its error, which anyone who asks for one of its names gets to see.
"""

from __future__ import annotations

import difflib
import inspect
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

import keras
import pluggy
from packaging.utils import canonicalize_name

from kerasx import hookspecs
from kerasx.compiler import Kernel
from kerasx.errors import PluginError, PluginWarning


class Kind(NamedTuple):
    """A kind of contribution.

    Attributes:
        name: the name of its namespace, such as ``"losses"``.
        singular: the word for one of them, such as ``"loss"``.
        base: the class that contributed classes derive from, if classes may be contributed.
        functions: whether functions may be contributed.
    """

    name: str
    singular: str
    base: type | None
    functions: bool


KINDS = {
    kind.name: kind
    for kind in (
        Kind("layers", "layer", keras.Layer, False),
        Kind("losses", "loss", keras.Loss, True),
        Kind("metrics", "metric", keras.Metric, True),
        Kind("kernels", "kernel", None, False),
        Kind("activations", "activation", None, True),
        Kind("optimizers", "optimizer", keras.Optimizer, False),
        Kind("schedules", "schedule", keras.optimizers.schedules.LearningRateSchedule, False),
        Kind("callbacks", "callback", keras.callbacks.Callback, False),
        Kind("initializers", "initializer", keras.Initializer, True),
        Kind("constraints", "constraint", keras.constraints.Constraint, True),
        Kind("regularizers", "regularizer", keras.Regularizer, True),
    )
}


@dataclass(eq=False)
class Plugin:
    """One entry point and the outcome of loading it.

    Attributes:
        name: name of the distribution that it belongs to.
        version: version of that distribution.
        entry_point: the entry point, which names a module (or an object in one).
        status: ``"loaded"``, ``"failed"``, ``"blocked"``, ``"loading"`` while that happens, or
            ``"waiting"`` for its package, whose import began before kerasx's.
        error: why it is not loaded.
        traceback: the formatted traceback of a failure.
        contributions: its contributions; of a failed plugin, those found before it failed.
    """

    name: str
    version: str
    entry_point: EntryPoint
    status: str = "waiting"
    error: str | None = None
    traceback: str | None = None
    contributions: list[Contribution] = field(default_factory=list)
    object: Any = field(default=None, repr=False)

    @property
    def module(self) -> str:
        """The name of the module that holds the hooks."""
        return self.entry_point.value.partition(":")[0].strip()

    @property
    def package(self) -> str:
        """The import package, the first half of all qualified names."""
        return self.module.partition(".")[0]

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
    """One class, function or kernel of a plugin."""

    kind: str
    name: str
    object: Any
    plugin: Plugin = field(repr=False)

    @property
    def qualified(self) -> str:
        """The name that always works, and that saved models hold."""
        return f"{self.plugin.package}>{self.name}"


_plugins: list[Plugin] = []


# Discover, validate, register


def load() -> None:
    """Discover the installed plugins and load them."""
    _plugins[:] = _discover()
    _load_waiting()


def _discover() -> list[Plugin]:
    """Return one record per entry point; ``KERASX_PLUGINS`` blocks those that it does not name."""
    entries = [(entry, entry.dist.metadata) for entry in entry_points(group="kerasx") if entry.dist]
    plugins = [Plugin(metadata["Name"], metadata["Version"], entry) for entry, metadata in entries]
    plugins.sort(key=lambda plugin: (plugin.name, plugin.entry_point.name))
    setting = os.environ.get("KERASX_PLUGINS")
    if setting is None:
        return plugins
    wanted = {canonicalize_name(name): name for name in re.findall(r"[^\s,]+", setting)}
    for plugin in plugins:
        if canonicalize_name(plugin.name) not in wanted:
            plugin.status = "blocked"
            plugin.error = f"KERASX_PLUGINS={setting!r} leaves it out"
    for name in wanted.keys() - {canonicalize_name(plugin.name) for plugin in plugins}:
        _report(f"KERASX_PLUGINS names {wanted[name]}, but no plugin of that name is installed")
    return plugins


def _load_waiting() -> None:
    """Load every plugin that waits.

    Loading one may ask the registry for a name of another, which leads here again: the status says
    which are being taken care of.
    """
    for plugin in _plugins:
        if plugin.status != "waiting":
            continue
        plugin.status = "loading"
        # A package that is imported before kerasx and imports kerasx itself is incomplete now:
        # whatever is missing may be there at the next lookup.
        imported_before = plugin.package in sys.modules
        try:
            _load(plugin)
        except (Exception, SystemExit) as error:
            plugin.error = str(error) if isinstance(error, PluginError) else _quote(error)
            plugin.traceback = "".join(traceback.format_exception(error))
            plugin.status = "waiting" if imported_before else "failed"
            if not imported_before:
                _report(plugin.why(), error)


def _load(plugin: Plugin) -> None:
    """Import a plugin, call its hooks, check what they return, and register all of it."""
    plugin.contributions = []
    plugin.object = _attempt(f"importing {plugin.entry_point.value}", plugin.entry_point.load)
    for other in _plugins:
        if other is not plugin and other.object is plugin.object:
            plugin.status = "blocked"
            plugin.error = f"it repeats the entry point {other.entry_point.name!r} of {other.name}"
            return
    for hook in hooks(plugin):
        if hook.name == "kerasx_cases":  # called by kerasx.testing only
            continue
        returned = _attempt(f"hook {hook.name}", hook)
        for values in returned or [None]:
            _collect(plugin, hook.name.removeprefix("kerasx_"), values)
    for contribution in plugin.contributions:
        value = contribution.object
        # Keras refuses a class that has no get_config, as callbacks have none.
        if not inspect.isclass(value) or hasattr(value, "get_config"):
            keras.saving.register_keras_serializable(plugin.package, contribution.name)(value)
    plugin.status, plugin.error, plugin.traceback = "loaded", None, None


def hooks(plugin: Plugin) -> list[pluggy.HookCaller]:
    """Return the hooks that a plugin implements, from a plugin manager of its own."""
    manager = pluggy.PluginManager("kerasx")
    manager.add_hookspecs(hookspecs)
    for name in filter(re.compile("kerasx_").match, dir(plugin.object)):
        is_function = inspect.isfunction(inspect.getattr_static(plugin.object, name))
        if is_function and not manager.parse_hookimpl_opts(plugin.object, name):
            raise PluginError(
                f"function {name} is not marked with @kerasx.hookimpl{_not_a_hook(name)}"
            )
    try:
        manager.register(plugin.object)
    except pluggy.PluginValidationError as error:
        raise PluginError(" ".join(str(error).split())) from error
    callers = manager.get_hookcallers(plugin.object) or []
    for hook in callers:
        if not hook.has_spec():
            raise PluginError(
                f"{hook.name} is marked with @kerasx.hookimpl{_not_a_hook(hook.name)}"
            )
    if not callers:
        raise PluginError(f"{plugin.entry_point.value} has no function marked @kerasx.hookimpl")
    return callers


def _not_a_hook(name: str) -> str:
    known = [name for name in vars(hookspecs) if name.startswith("kerasx_")]
    if name in known:
        return ""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return f", but there is no such hook; did you mean {close[0]}?"


def _collect(plugin: Plugin, kind: str, values: Any) -> None:
    """Check what a hook returned, and add it to the contributions of the plugin."""
    hook = getattr(hookspecs, f"kerasx_{kind}")
    asked = (hook.__doc__ or "Return what it asks for").rstrip(".").replace("`", "")
    wanted = f"hook {hook.__name__} must {asked.replace('Return', 'return', 1)}"
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise PluginError(f"{wanted}; it returned {_describe(values)}")
    for value in _attempt(f"hook {hook.__name__}", lambda: list(values)):
        if not _fits(kind, value):
            raise PluginError(f"{wanted}; its list has {_describe(value)}")
        name = value.__name__
        if not name.isidentifier() or name.startswith("_"):
            raise PluginError(f"{wanted}, with public names; its list has {name!r}")
        if (getattr(value, "__module__", None) or "").partition(".")[0] == "keras":
            raise PluginError(f"{wanted} of its own; its list has {name} of Keras itself")
        new = Contribution(kind, name, value, plugin)
        for other in [*plugin.contributions, *_loaded()]:
            if other.name == name or other.object is value:
                _check_distinct(new, other)
        plugin.contributions.append(new)


def _fits(kind: str, value: Any) -> bool:
    _, _, base, functions = KINDS[kind]
    if inspect.isclass(value):
        return base is not None and issubclass(value, base)
    if isinstance(value, Kernel):
        return functions or kind == "kernels"
    return functions and callable(value) and hasattr(value, "__name__")


def _check_distinct(new: Contribution, other: Contribution) -> None:
    """Raise if Keras would get two objects of one name, or two names of one object.

    Saved models depend on both being unique.
    """
    same = new.object is other.object
    if new.qualified == other.qualified and (new.kind == other.kind or not same):
        raise PluginError(
            f"{new.qualified} is contributed twice: under {other.kind} by {other.plugin.name} and "
            f"under {new.kind} by {new.plugin.name}"
        )
    if same and new.plugin is not other.plugin:
        raise PluginError(f"{new.name} is already contributed by {other.plugin.name}")


def _attempt(what: str, function: Callable[[], Any]) -> Any:
    """Call a function of the plugin; turn what it raises into a `PluginError`."""
    try:
        return function()
    except (Exception, SystemExit) as error:
        reason = f"{what} raised {_quote(error)}"
        if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "kerasx":
            # Python calls any name that is missing during an import a circular import.
            reason = re.sub(r"partially initialized module ('\S+') \(.*?\)", r"\1", reason)
            reason += "; if it is written for a newer kerasx, install that"
        raise PluginError(reason) from error


def _quote(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _describe(value: Any) -> str:
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__)
        return f"the class {value.__name__}({bases})"
    if value is None or isinstance(value, str):
        return repr(value)
    return f"an object of type {type(value).__name__}"


def _report(message: str, cause: BaseException | None = None) -> None:
    if os.environ.get("KERASX_STRICT") == "1":
        raise PluginError(message) from cause
    warnings.warn(f"{message} (KERASX_STRICT=1 raises this)", PluginWarning, stacklevel=2)


# Look up


def plugins() -> list[Plugin]:
    """Return every installed plugin, including those that failed to load or are blocked."""
    _load_waiting()
    return list(_plugins)


def find_plugin(name: str) -> Plugin | None:
    """Return the installed plugin with this distribution or import package, or `None`."""
    wanted = canonicalize_name(name)
    for plugin in plugins():
        if wanted in (canonicalize_name(plugin.name), canonicalize_name(plugin.package)):
            return plugin
    return None


def contributions(kind: str | None = None) -> list[Contribution]:
    """Return what the loaded plugins contribute, of one kind or of all."""
    _load_waiting()
    return [each for each in _loaded() if kind in (None, each.kind)]


def _loaded() -> list[Contribution]:
    return [
        each for plugin in _plugins if plugin.status == "loaded" for each in plugin.contributions
    ]
