"""The registry: discover plugins, check what they contribute, tell Keras about it.

Entry point in the group ``kerasx`` -> hooks -> each contribution checked -> known to Keras as
``package>Name`` -> served as ``kerasx.<kind>.Name``. No other module reads that entry point.

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
from importlib.metadata import entry_points
from typing import Any

import pluggy
from packaging.utils import canonicalize_name

from kerasx import hookspecs
from kerasx.errors import PluginError, PluginWarning
from kerasx.kinds import KINDS as KINDS
from kerasx.kinds import describe, fits
from kerasx.lazy import Lazy
from kerasx.optional import Unavailable
from kerasx.plugin import Contribution, Plugin, quote
from kerasx_launcher.packages import SETTING, chosen_plugins

_plugins: list[Plugin] = []


# Discover, validate, register


def load() -> None:
    """Discover the installed plugins and load them."""
    _plugins[:] = [*_discover(), *(each for each in _plugins if each.entry_point is None)]
    _load_waiting()


def _discover() -> list[Plugin]:
    """Return one record per entry point; ``KERASX_PLUGINS`` blocks those that it does not name."""
    entries = [(entry, entry.dist.metadata) for entry in entry_points(group="kerasx") if entry.dist]
    entries.sort(key=lambda pair: (pair[1]["Name"], pair[0].name))
    plugins = [Plugin(metadata["Name"], metadata["Version"], entry) for entry, metadata in entries]
    wanted = chosen_plugins()
    if wanted is None:
        return plugins
    for plugin in plugins:
        if canonicalize_name(plugin.name) not in wanted:
            plugin.status = "blocked"
            plugin.error = f"KERASX_PLUGINS={os.environ[SETTING]!r} leaves it out"
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
            plugin.error = str(error) if isinstance(error, PluginError) else quote(error)
            plugin.traceback = "".join(traceback.format_exception(error))
            plugin.status = "waiting" if imported_before else "failed"
            if not imported_before:
                _report(plugin.why(), error)


def _load(plugin: Plugin) -> None:
    """Import a plugin, call its hooks, check what they return, and register all of it."""
    entry_point = plugin.entry_point
    assert entry_point is not None
    plugin.contributions, plugin.unavailable = [], []
    plugin.object = _attempt(f"importing {entry_point.value}", entry_point.load)
    for other in _plugins:
        if other is not plugin and other.entry_point and other.object is plugin.object:
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
        contribution.enter()
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
        raise PluginError(f"{plugin.module} has no function marked @kerasx.hookimpl")
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
        raise PluginError(f"{wanted}; it returned {describe(values)}")
    for value in _attempt(f"hook {hook.__name__}", lambda: list(values)):
        is_lazy = isinstance(value, str) and kind != "kernels" and Lazy.PATTERN.fullmatch(value)
        source = Lazy(value) if is_lazy else value
        if not isinstance(source, Lazy | Unavailable) and not fits(kind, value):
            raise PluginError(f"{wanted}; its list has {describe(value)}")
        name = source.__name__
        if not name.isidentifier() or name.startswith("_"):
            raise PluginError(f"{wanted}, with public names; its list has {name!r}")
        if (getattr(value, "__module__", None) or "").partition(".")[0] == "keras":
            raise PluginError(f"{wanted} of its own; its list has {name} of Keras itself")
        contribution = Contribution(kind, name, source, plugin)
        if isinstance(source, Unavailable):
            plugin.unavailable.append(contribution)
        else:
            check_distinct(contribution, plugin.contributions + _loaded())
            plugin.contributions.append(contribution)


def check_distinct(new: Contribution, others: Iterable[Contribution]) -> None:
    """Raise if two objects would have one qualified name, on which saved models depend.

    Raises:
        PluginError: another contribution has the name.
    """
    for other in others:
        same_kind = new.kind == other.kind
        if new.qualified == other.qualified and (same_kind or not new.is_same(other)):
            raise PluginError(
                f"{new.qualified} is contributed twice: under {other.kind} by {other.plugin.name} "
                f"and under {new.kind} by {new.plugin.name}"
            )


def _attempt(what: str, function: Callable[[], Any]) -> Any:
    """Call a function of the plugin; turn what it raises into a `PluginError`."""
    try:
        return function()
    except (Exception, SystemExit) as error:
        reason = f"{what} raised {quote(error)}"
        if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "kerasx":
            # Python calls any name that is missing during an import a circular import.
            reason = re.sub(r"partially initialized module ('\S+') \(.*?\)", r"\1", reason)
            reason += "; if it is written for a newer kerasx, install that"
        raise PluginError(reason) from error


def _report(message: str, cause: BaseException | None = None) -> None:
    if os.environ.get("KERASX_STRICT") == "1":
        raise PluginError(message) from cause
    warnings.warn(f"{message} (KERASX_STRICT=1 raises this)", PluginWarning, stacklevel=2)


# Look up


def plugins() -> list[Plugin]:
    """Return every installed plugin, including those that failed to load or are blocked.

    Packages that were registered at run time follow.
    """
    _load_waiting()
    return list(_plugins)


def add(plugin: Plugin) -> None:
    """Add a package that is registered at run time."""
    _plugins.append(plugin)


def find_plugin(name: str) -> Plugin | None:
    """Return the plugin with this distribution or import package, or `None`."""
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
