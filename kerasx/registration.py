"""Registration at run time: code that nobody installs takes part as a plugin does.

A notebook, a research repository or a single file calls `register` for what it defines.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, overload

import keras

from kerasx import registry, serialization
from kerasx.errors import PluginError
from kerasx.hookspecs import hookimpl
from kerasx.kinds import KINDS, describe, fits, kind_of
from kerasx.plugin import Contribution, Plugin

T = TypeVar("T")

# The directories of packages that somebody installed, as against one's own code.
INSTALLED = {"site-packages", "dist-packages"}


class Package:
    """The hooks of a package that is registered at run time: the contract asks for its cases."""

    def __init__(self) -> None:
        self.cases: dict[str, Iterable[Any] | Callable[[], Iterable[Any]]] = {}

    @hookimpl
    def kerasx_cases(self) -> list[Any]:
        """Return the cases of all that is registered."""
        listed = [cases() if callable(cases) else cases for cases in self.cases.values()]
        return [case for cases in listed for case in cases]


@overload
def register(
    obj: T,
    *,
    kind: str | None = None,
    package: str | None = None,
    cases: Iterable[Any] | Callable[[], Iterable[Any]] = (),
) -> T: ...


@overload
def register(
    obj: None = None,
    *,
    kind: str | None = None,
    package: str | None = None,
    cases: Iterable[Any] | Callable[[], Iterable[Any]] = (),
) -> Callable[[T], T]: ...


def register(
    obj: Any = None,
    *,
    kind: str | None = None,
    package: str | None = None,
    cases: Iterable[Any] | Callable[[], Iterable[Any]] = (),
) -> Any:
    """Register a layer, loss, metric, kernel or other contribution of code that is not installed.

    It appears in its namespace, such as ``kerasx.layers``, and is saved as ``package>Name``. It
    reloads wherever its module is imported before the model is loaded. Use it as a function or a
    decorator. Registering it again, as a cell of a notebook that runs twice does, replaces it.

    Args:
        obj: the class, function or kernel; without it, a decorator is returned.
        kind: its kind, such as ``"losses"``. It must be given for a function.
        package: the first half of its qualified name, on which saved models depend. By default it
            is the top-level package of the module that defines it: of a script its file name, and
            ``"notebook"`` in a notebook.
        cases: how the contract exercises it: a list of `kerasx.testing.Case`, or a function that
            returns one.

    Returns:
        The object, or a decorator.

    Raises:
        TypeError: the object is not of that kind, or `kind` is needed.
        ValueError: there is no such kind.
        PluginError: the name is taken by something else.

    Example:
    >>> import keras, kerasx
    >>> @kerasx.register(package="optics")
    ... class Squared(keras.layers.Layer):
    ...     def call(self, inputs):
    ...         return inputs**2
    >>> kerasx.layers.Squared is Squared, keras.saving.get_registered_name(Squared)
    (True, 'optics>Squared')
    """
    if obj is None:
        return lambda obj: register(obj, kind=kind, package=package, cases=cases)
    kind = kind or kind_of(obj)
    _check(obj, kind)
    assert kind is not None
    plugin = _plugin_of(package or _default_package(obj.__module__))
    contribution = Contribution(kind, obj.__name__, obj, plugin)
    kept = [each for each in plugin.contributions if not _replaces(contribution, each)]
    others = [each for each in kept if not serialization.same_definition(each.source, obj)]
    registry.check_distinct(contribution, others)
    plugin.contributions[:] = [*kept, contribution]
    plugin.object.cases[contribution.name] = cases
    if not _belongs_to_others(obj, contribution.qualified):
        serialization.register(obj, plugin.package, contribution.name)
    serialization.add_aliases(obj, contribution.qualified, [contribution.name])
    return obj


def _check(obj: Any, kind: str | None) -> None:
    if kind is None:
        raise TypeError(
            f"kerasx.register: kind must be given for {describe(obj)}, such as kind='losses'; one "
            f"of {', '.join(KINDS)}"
        )
    if kind not in KINDS:
        raise ValueError(
            f"kerasx.register: kind must be one of {', '.join(KINDS)}; received {kind!r}"
        )
    if not fits(kind, obj):
        raise TypeError(
            f"kerasx.register: obj must be a {KINDS[kind].singular}; received {describe(obj)}"
        )
    if not obj.__name__.isidentifier() or obj.__name__.startswith("_"):
        raise ValueError(f"kerasx.register: obj must have a public name; received {obj.__name__!r}")


def _default_package(module: str) -> str:
    """Return the top-level package of a module; that of a script as if it were imported."""
    if module != "__main__":
        return module.partition(".")[0]
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:  # python -m package.module
        return spec.name.partition(".")[0]
    file = getattr(main, "__file__", None)
    return Path(file).stem.replace("-", "_") if file else "notebook"


def _plugin_of(package: str) -> Plugin:
    """Return the record of a package that is registered at run time; make it the first time."""
    plugin = registry.find_plugin(package)
    if plugin is None:
        plugin = Plugin(package, "", None, "loaded", object=Package())
        registry.add(plugin)
    if plugin.entry_point is not None:
        raise PluginError(
            f"kerasx.register: package must not be that of an installed plugin, which contributes "
            f"by its hooks; received {package!r}, which is of {plugin.name}"
        )
    return plugin


def _replaces(new: Contribution, old: Contribution) -> bool:
    """Return whether a contribution is an earlier run of the same definition."""
    same_name = (new.kind, new.name) == (old.kind, old.name)
    return same_name and serialization.same_definition(new.source, old.source)


def _belongs_to_others(obj: Any, qualified: str) -> bool:
    """Return whether another package decides under which name Keras saves an object."""
    if serialization.is_registered(obj):
        return keras.saving.get_registered_name(obj) != qualified
    if obj.__module__ == "__main__":
        return False
    file = getattr(sys.modules.get(obj.__module__), "__file__", None)
    return file is not None and not INSTALLED.isdisjoint(Path(file).parts)
