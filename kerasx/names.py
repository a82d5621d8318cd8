"""Names: find a contribution by its name, or say why it is not there and what to do about it."""

from __future__ import annotations

import difflib
import itertools
from typing import Any, NoReturn

import keras
from packaging.utils import canonicalize_name

from kerasx import registry
from kerasx.errors import MissingPluginError, UnknownNameError
from kerasx_launcher.first_party import FIRST_PARTY, how_to_install


def lookup(qualified: str) -> Any:
    """Return the contribution with a qualified name, which is never ambiguous.

    Args:
        qualified: ``"package>Name"``, with the import package of the plugin.

    Raises:
        MissingPluginError: its plugin is not installed or not loaded.
        UnknownNameError: no plugin contributes it; the message says what comes closest.
    """
    for each in registry.contributions():
        if each.qualified == qualified:
            return each.object
    raise missing(qualified)


class Placeholder:
    """Takes the place of a class in Keras's table while its plugin is not loaded.

    Loading a model that needs it then says what to install, not that a class is unknown.
    """

    qualified: str

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise missing(cls.qualified)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> NoReturn:
        raise missing(cls.qualified)

    def get_config(self) -> NoReturn:  # Keras registers no class without it
        raise NotImplementedError


def hold_places() -> None:
    """Register placeholders; a plugin that is loaded later replaces them by its contributions."""
    names = {
        f"{distribution.replace('-', '_')}>{name}"
        for distribution, kinds in FIRST_PARTY.items()
        for name in itertools.chain(*kinds.values())
    }
    for plugin in registry.plugins():
        names |= {each.qualified for each in plugin.contributions + plugin.unavailable}
    for qualified in names:
        if keras.saving.get_registered_object(qualified) is None:
            package, _, name = qualified.partition(">")
            placeholder = type(name, (Placeholder,), {"qualified": qualified})
            keras.saving.register_keras_serializable(package, name)(placeholder)


def missing(name: str, kind: str | None = None) -> MissingPluginError | UnknownNameError:
    """Return the error that says why a name, plain or qualified, is not there.

    Args:
        name: the name.
        kind: the kind that it is asked for, such as ``"layers"``; any if `None`.
    """
    package, _, plain = name.rpartition(">")
    start = f"kerasx.{kind} has no {name}" if kind else f"no loaded plugin contributes {name}"
    reason = missing_plugin(plain, package, kind)
    if reason:
        return MissingPluginError(f"{start}: {reason}", name=f"kerasx.{kind}" if kind else None)
    return UnknownNameError("; ".join([start, *_hints(plain, package, kind)]))


def missing_plugin(plain: str, package: str, kind: str | None = None) -> str | None:
    """Say which plugin would contribute a name, and why it does not; `None` if no plugin would."""
    plugins = registry.plugins()
    loaded = {plugin.package for plugin in plugins if plugin.status == "loaded"}
    for plugin in plugins:
        if package not in ("", plugin.package):
            continue
        listed = _first_party_names(canonicalize_name(plugin.name), kind)
        if plugin.status == "loaded":
            for each in plugin.unavailable:
                if each.name == plain and kind in (None, each.kind):
                    return f"{plugin.name} {plugin.version} has it, but it {each.source.reason()}"
            if plain in listed:
                return (
                    f"{plugin.name} {plugin.version} does not have it yet; install a newer version"
                )
            continue
        known = {each.name for each in plugin.contributions if kind in (None, each.kind)}
        if plain in known | listed or (package and package not in loaded):
            return f"{plugin.why()}. `kerasx doctor` shows all plugins"
    for distribution in _not_installed():
        names = _first_party_names(distribution, kind)
        if plain in names and package in ("", distribution.replace("-", "_")):
            return f"{distribution} has it, install that: {how_to_install(distribution)}"
    return None


def _hints(plain: str, package: str, kind: str | None) -> list[str]:
    """List the places where the user may find what they meant."""
    contributions, plugins = registry.contributions(), registry.plugins()
    hints = [
        f"kerasx.{each.kind} has {each.qualified}" for each in contributions if each.name == plain
    ]
    core = "ops" if kind == "kernels" else kind or ""
    if hasattr(getattr(keras, core, None), plain):
        hints.append(f"Keras core has keras.{core}.{plain}")
    if not hints:
        shown = {
            each.name: each.qualified if package else each.name
            for each in contributions
            if kind in (None, each.kind) and package in ("", each.plugin.package)
        }
        if not package:
            for distribution in _not_installed():
                shown |= {each: each for each in _first_party_names(distribution, kind)}
        close = [each for each in shown if each.lower() == plain.lower()]
        close = close or difflib.get_close_matches(plain, shown)
        if close:
            hints.append(f"did you mean {' or '.join(shown[each] for each in close)}?")
    packages = {plugin.package for plugin in plugins}
    packages |= {each.replace("-", "_") for each in FIRST_PARTY}
    if package and package not in packages:
        hints.append(f"install the package {package}, or import it if it is your own code")
    return hints + [each.why() for each in plugins if each.status not in ("loaded", "blocked")]


def _first_party_names(distribution: str, kind: str | None) -> set[str]:
    kinds = FIRST_PARTY.get(distribution, {})
    return {name for key, names in kinds.items() if kind in (None, key) for name in names}


def _not_installed() -> list[str]:
    installed = {canonicalize_name(plugin.name) for plugin in registry.plugins()}
    return sorted(FIRST_PARTY.keys() - installed)
