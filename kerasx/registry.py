"""The registry: discover plugins, check what they contribute, register it with Keras.

Entry point in the group ``kerasx`` -> hooks -> each contribution checked -> registered with Keras
as ``package>Name`` -> served as ``kerasx.<kind>.Name``. No other module knows about entry points.

A plugin is registered whole or not at all, and a broken one does not stop the others: it is kept
with its error, and whoever asks for one of its names is told.
"""

import difflib
import inspect
import itertools
import opcode
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

import keras
import pluggy

from kerasx import hookspecs
from kerasx.kernel import Kernel


class PluginError(Exception):
    """A plugin breaks the contract; the message says how."""


class PluginWarning(RuntimeWarning):
    """A plugin is not loaded; the others are."""


class UnknownNameError(AttributeError, LookupError):
    """No loaded plugin contributes the name, or several do; the message says what to do."""


@dataclass(eq=False)
class Plugin:
    """What is known of one entry point.

    Attributes:
        name: name of the distribution that it belongs to.
        version: version of that distribution.
        entry_point: the entry point, which names a module (or an object in one).
        status: ``"loaded"``, ``"failed"`` or ``"blocked"``; ``"waiting"`` while its own package is
            still being imported.
        error: why it failed or is blocked.
        traceback: the formatted traceback of a failure.
        contributions: what it contributes; of a failed plugin, what was found before it failed.
        contract: version of the contract that it was written for, once that is known.
    """

    name: str
    version: str
    entry_point: EntryPoint
    status: str = "waiting"
    error: str | None = None
    traceback: str | None = None
    contributions: list["Contribution"] = field(default_factory=list)
    contract: int | None = None
    object: Any = field(default=None, repr=False)

    @property
    def module(self) -> str:
        """Name of the module that holds the hooks."""
        return self.entry_point.value.partition(":")[0].strip()

    @property
    def package(self) -> str:
        """The import package, the first half of all qualified names."""
        return self.module.partition(".")[0]

    def why(self) -> str:
        """Why it is not loaded, as a sentence."""
        state = {"failed": "failed to load", "blocked": "is blocked"}.get(self.status)
        reason = f"{state}: {self.error}" if state else "is still being imported"
        return f"plugin {self.name} {self.version} {reason}"


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


# Kind -> the class that contributed classes derive from, and whether functions will do.
KINDS: dict[str, tuple[type | None, bool]] = {
    "layers": (keras.Layer, False),
    "losses": (keras.Loss, True),
    "metrics": (keras.Metric, True),
    "kernels": (None, False),
    "activations": (None, True),
    "optimizers": (keras.Optimizer, False),
    "callbacks": (keras.callbacks.Callback, False),
    "initializers": (keras.Initializer, True),
    "constraints": (keras.constraints.Constraint, True),
    "regularizers": (keras.Regularizer, True),
}

_plugins: list[Plugin] = []


# Discover, validate, register


def load() -> None:
    """Discover the installed plugins and load them; the last step of ``import kerasx``."""
    _plugins[:] = _discover()
    _settle()
    _hold_places()


def _discover() -> list[Plugin]:
    """One record per entry point; ``KERASX_PLUGINS`` blocks those that it does not name."""
    entries = [(entry, entry.dist.metadata) for entry in entry_points(group="kerasx")]
    found = [Plugin(metadata["Name"], metadata["Version"], entry) for entry, metadata in entries]
    found.sort(key=lambda plugin: (plugin.name, plugin.entry_point.name))
    chosen = os.environ.get("KERASX_PLUGINS")
    if chosen is None:
        return found
    wanted = {_normal(name): name for name in re.findall(r"[^\s,]+", chosen)}
    for plugin in found:
        if _normal(plugin.name) not in wanted:
            plugin.status = "blocked"
            plugin.error = f"KERASX_PLUGINS={chosen!r} leaves it out"
    for name in wanted.keys() - {_normal(plugin.name) for plugin in found}:
        _report(f"KERASX_PLUGINS names {wanted[name]}, but no installed plugin is called so")
    return found


def _settle() -> None:
    """Load every plugin that waits.

    Loading one may ask the registry for the name of another, which leads here again: the status
    says which are taken care of.
    """
    for plugin in _plugins:
        if plugin.status != "waiting":
            continue
        plugin.status = "loading"
        unfinished = _unfinished(plugin.package)
        try:
            if plugin.module in unfinished:
                raise PluginError(f"{plugin.module} is still being imported")
            _load(plugin)
        except (Exception, SystemExit) as error:
            if unfinished:
                # The package was imported before kerasx and imports kerasx itself: what is
                # missing now may be there when that import ends.
                plugin.status = "waiting"
                for spec in unfinished.values():
                    if type(spec) is ModuleSpec:
                        spec.__class__ = _WatchedSpec
                continue
            plugin.status = "failed"
            plugin.error = str(error) if isinstance(error, PluginError) else _quote(error)
            plugin.traceback = "".join(traceback.format_exception(error))
            _report(plugin.why(), error)


def _unfinished(package: str) -> dict[str, ModuleSpec]:
    """The modules of a package that are being imported at this moment."""
    if package not in sys.modules:
        return {}
    return {
        name: module.__spec__
        for name, module in list(sys.modules.items())
        if f"{name}.".startswith(f"{package}.")
        and getattr(getattr(module, "__spec__", None), "_initializing", False)
    }


class _WatchedSpec(ModuleSpec):
    """Spec of a module whose import, when it ends, lets waiting plugins load.

    Python has no event for that, but it resets this attribute then. Without it,
    ``import acme; keras.models.load_model(...)`` would miss what acme contributes.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "_initializing" and not value:
            self.__class__ = ModuleSpec
            _settle()


def _load(plugin: Plugin) -> None:
    """Import a plugin, ask its hooks, check what they return, and register all of it."""
    plugin.contributions = []
    plugin.object = _attempt(f"importing {plugin.entry_point.value}", plugin.entry_point.load)
    for other in _plugins:
        if other is not plugin and other.object is plugin.object:
            plugin.status = "blocked"
            plugin.error = f"it repeats the entry point {other.entry_point.name!r} of {other.name}"
            return
    plugin.contract = getattr(sys.modules[plugin.module], "kerasx_contract", 1)
    if plugin.contract > hookspecs.CONTRACT:
        raise PluginError(
            f"it was written for version {plugin.contract} of the plugin contract, and this kerasx "
            f"has version {hookspecs.CONTRACT}: pip install --upgrade kerasx"
        )
    for hook in hooks(plugin):
        if hook.name == "kerasx_cases":  # asked by kerasx.testing only
            continue
        returned = _attempt(f"hook {hook.name}", hook)
        for values in returned or [None]:
            _collect(plugin, hook.name.removeprefix("kerasx_"), values)
    for contribution in plugin.contributions:
        value = contribution.object
        # Keras refuses a class that has no get_config, as callbacks have none.
        if not inspect.isclass(value) or hasattr(value, "get_config"):
            keras.saving.register_keras_serializable(plugin.package, contribution.name)(value)
    plugin.status = "loaded"


class Placeholder:
    """Stands in Keras's table for what a plugin that is not loaded contributes.

    Whoever loads a model with it is told what to install, not that a class is unknown.
    """

    qualified: str

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnknownNameError(explain(cls.qualified))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> NoReturn:
        return cls()

    def get_config(self) -> NoReturn:  # Keras registers no class without it
        raise NotImplementedError


def _hold_places() -> None:
    """Register placeholders; a plugin that is loaded later replaces them by what it contributes."""
    from kerasx.first_party import TABLE

    names = {
        f"{distribution.replace('-', '_')}>{name}"
        for distribution, kinds in TABLE.items()
        for name in itertools.chain(*kinds.values())
    }
    names |= {each.qualified for plugin in _plugins for each in plugin.contributions}
    for qualified in names:
        if keras.saving.get_registered_object(qualified) is None:
            package, _, name = qualified.partition(">")
            placeholder = type(name, (Placeholder,), {"qualified": qualified})
            keras.saving.register_keras_serializable(package, name)(placeholder)


def hooks(plugin: Plugin) -> list[pluggy.HookCaller]:
    """The hooks that a plugin implements; a manager of its own keeps other plugins out of it."""
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
    found = manager.get_hookcallers(plugin.object)
    for hook in found:
        if not hook.has_spec():
            raise PluginError(
                f"{hook.name} is marked with @kerasx.hookimpl{_not_a_hook(hook.name)}"
            )
    if not found:
        raise PluginError(f"{plugin.entry_point.value} has no function marked @kerasx.hookimpl")
    return found


def _not_a_hook(name: str) -> str:
    known = [name for name in vars(hookspecs) if name.startswith("kerasx_")]
    if name in known:
        return ""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return f", but no hook is called so; the closest is {close[0]}"


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
    base, functions = KINDS[kind]
    if inspect.isclass(value):
        return base is not None and issubclass(value, base)
    if isinstance(value, Kernel):
        return functions or kind == "kernels"
    return functions and callable(value) and hasattr(value, "__name__")


def _check_distinct(new: Contribution, other: Contribution) -> None:
    """Keras knows one name per object and one object per name; a saved model depends on both."""
    same = new.object is other.object
    if new.qualified == other.qualified and (new.kind == other.kind or not same):
        raise PluginError(
            f"{new.qualified} is contributed twice: under {other.kind} by {other.plugin.name} and "
            f"under {new.kind} by {new.plugin.name}"
        )
    if same and new.plugin is not other.plugin:
        raise PluginError(f"{new.name} is already contributed by {other.plugin.name}")


def _attempt(what: str, function: Callable[[], Any]) -> Any:
    """Call a function of the plugin; what it raises becomes a `PluginError`."""
    try:
        return function()
    except (Exception, SystemExit) as error:
        reason = f"{what} raised {_quote(error)}"
        if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "kerasx":
            # Python takes any name that is missing during an import for a circular import.
            reason = re.sub(r"partially initialized module ('\S+') \(.*?\)", r"\1", reason)
            reason += "; if it is written for a newer kerasx: pip install --upgrade kerasx"
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
    # The line that imports kerasx: callers are load() and one step below it.
    warnings.warn(f"{message} (KERASX_STRICT=1 raises this)", PluginWarning, stacklevel=5)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# Look up


def plugins() -> list[Plugin]:
    """Every installed plugin, also those that failed to load or are blocked."""
    _settle()
    return list(_plugins)


def contributions(kind: str | None = None) -> list[Contribution]:
    """What the loaded plugins contribute, of one kind or of all."""
    _settle()
    return [each for each in _loaded() if kind in (None, each.kind)]


def _loaded() -> list[Contribution]:
    return [
        each for plugin in _plugins if plugin.status == "loaded" for each in plugin.contributions
    ]


def lookup(qualified: str) -> Any:
    """Return the contribution with a qualified name, which never is ambiguous.

    Args:
        qualified: ``"package>Name"``, with the import package of the plugin.

    Raises:
        UnknownNameError: no loaded plugin contributes it; the message says what comes closest.
    """
    for each in contributions():
        if each.qualified == qualified:
            return each.object
    raise UnknownNameError(explain(qualified))


def namespace(kind: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of the module that serves one kind."""

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return __dir__()
        if name.startswith("_"):
            raise AttributeError(f"module 'kerasx.{kind}' has no attribute {name!r}")
        found = [each for each in contributions(kind) if each.name == name]
        if len(found) == 1:
            return found[0].object
        if found:
            choices = " or ".join(f'kerasx.lookup("{each.qualified}")' for each in found)
            message = f"{len(found)} plugins contribute {kind} called {name}: use {choices}"
        else:
            message = explain(name, kind)
        # `from kerasx.metrics import Typo` would replace the message of an AttributeError.
        frame = sys._getframe(1)
        if frame.f_code.co_code[frame.f_lasti] == opcode.opmap["IMPORT_FROM"]:
            raise ImportError(message, name=f"kerasx.{kind}")
        raise UnknownNameError(message)

    def __dir__() -> list[str]:
        names = [each.name for each in contributions(kind)]
        return sorted(name for name in names if names.count(name) == 1)

    return __getattr__, __dir__


def explain(name: str, kind: str | None = None) -> str:
    """Why no loaded plugin contributes a name, plain or qualified, and what to do about it."""
    from kerasx.first_party import TABLE

    package, _, plain = name.rpartition(">")
    start = f"kerasx.{kind} has no {name}" if kind else f"no loaded plugin contributes {name}"

    def listed(distribution: str) -> set[str]:
        kinds = TABLE.get(distribution, {})
        return {each for key in kinds if kind in (None, key) for each in kinds[key]}

    loaded = {plugin.package for plugin in _plugins if plugin.status == "loaded"}
    for plugin in _plugins:
        if package not in ("", plugin.package):
            continue
        if plugin.status == "loaded":
            if plain in listed(_normal(plugin.name)):
                old = f"{plugin.name} {plugin.version} does not have it yet"
                return f"{start}: {old}: pip install --upgrade {plugin.name}"
            continue
        found = {each.name for each in plugin.contributions if kind in (None, each.kind)}
        found |= listed(_normal(plugin.name))
        if plain in found or (package and package not in loaded):
            return f"{start}: {plugin.why()}. `kerasx list` shows all plugins"
    missing = TABLE.keys() - {_normal(plugin.name) for plugin in _plugins}
    for distribution in sorted(missing):
        if plain in listed(distribution) and package in ("", distribution.replace("-", "_")):
            extra = distribution.removeprefix("kerasx-")
            return f'{start}: {distribution} has it, install that: pip install "kerasx[{extra}]"'

    hints = [f"kerasx.{each.kind} has {each.qualified}" for each in _loaded() if each.name == plain]
    core = {None: "", "kernels": "ops"}.get(kind, kind)
    if hasattr(getattr(keras, core, None), plain):
        hints.append(f"Keras core has keras.{core}.{plain}")
    if not hints:
        full = {each.name: each.qualified if package else each.name for each in contributions(kind)}
        if not package:
            full |= {each: each for distribution in missing for each in listed(distribution)}
        close = [each for each in full if each.lower() == plain.lower()]
        close = close or difflib.get_close_matches(plain, full)
        if close:
            hints.append(f"did you mean {' or '.join(full[each] for each in close)}?")
    known = {plugin.package for plugin in _plugins} | {each.replace("-", "_") for each in TABLE}
    if package and package not in known:
        hints.append(f"install the package {package}, or import it if it is your own code")
    hints += [each.why() for each in _plugins if each.status not in ("loaded", "blocked")]
    return "; ".join([start, *hints])
