"""Serialization: the names under which Keras saves contributions, and finds them when it loads.

Keras saves a plugin's own classes as ``package>Name``. What belongs to another package keeps the
name that its owner gave it, so files do not depend on the plugin. It only gets aliases: entries in
Keras's table, where Keras finds it when it loads a model.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import keras

# Where Keras looks up names that are not registered.
_MODULES = (
    keras,
    keras.activations,
    keras.constraints,
    keras.initializers,
    keras.layers,
    keras.losses,
    keras.metrics,
    keras.ops,
    keras.optimizers,
    keras.optimizers.schedules,
    keras.regularizers,
)
# Names of Keras that none of these modules has: short forms for `compile`, and a class of models.
_NAMES = {"acc", "ce", "crossentropy", "functional"}

_aliases: dict[str, Any] = {}
"""The names that were added to Keras's table here, and what they stand for."""
_contested: set[str] = set()
"""The names that two objects claim, so that neither has them."""


def register(value: Any, package: str, name: str) -> None:
    """Let Keras save an object as ``package>name``."""
    # Keras refuses a class that has no get_config, as callbacks have none.
    if not inspect.isclass(value) or hasattr(value, "get_config"):
        keras.saving.register_keras_serializable(package, name)(value)


def is_registered(value: Any) -> bool:
    """Return whether Keras saves an object under a registered name."""
    return ">" in keras.saving.get_registered_name(value)


def add_aliases(value: Any, qualified: str, others: Iterable[str]) -> None:
    """Let Keras find an object when it loads a model; what it saves does not change.

    Args:
        value: the object.
        qualified: its qualified name, which nothing else has.
        others: further names, taken only where they are free.
    """
    if not inspect.isclass(value) or hasattr(value, "from_config"):
        keras.saving.get_custom_objects()[qualified] = _aliases[qualified] = value
        for name in others:
            _add_if_free(value, name)


def _add_if_free(value: Any, name: str) -> None:
    """Add an alias, unless the name has a meaning; a name that two objects claim is nobody's."""
    table = keras.saving.get_custom_objects()
    holder = table.get(name)
    if holder is None:
        if name not in _contested and not _is_of_keras(name):
            table[name] = _aliases[name] = value
    elif holder is _aliases.get(name) and holder is not value:
        if same_definition(holder, value):
            table[name] = _aliases[name] = value
        else:
            del table[name]
            _contested.add(name)


def replace(old: Any, new: Any) -> None:
    """Replace an object by another wherever it has an alias."""
    table = keras.saving.get_custom_objects()
    for name, value in _aliases.items():
        if value is old and table.get(name) is old:
            table[name] = _aliases[name] = new


def same_definition(value: Any, other: Any) -> bool:
    """Return whether two objects are one definition, run twice, as a cell of a notebook may be."""

    def place(each: Any) -> tuple[Any, Any]:
        return getattr(each, "__module__", None), getattr(each, "__qualname__", each)

    return place(value) == place(other)


def _is_of_keras(name: str) -> bool:
    """Return whether Keras itself knows a name, in any spelling."""
    return _plain(name) in _names_of_keras() or any(_finds(each, name) for each in _MODULES)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


@functools.cache
def _names_of_keras() -> set[str]:
    return _NAMES | {_plain(name) for module in _MODULES for name in dir(module)}


def _finds(module: Any, name: str) -> bool:
    """Return whether a module finds a name that is no attribute of it, such as ``mse``."""
    try:
        module.get(name)
    except Exception:  # each module raises an error of its own, and some have no `get`
        return False
    return True


class StandIn:
    """Takes the place of a class that is imported on first use, in Keras's table."""

    load: Callable[[], Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.load()(*args, **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls.load().from_config(config)


def stand_in(name: str, module: str, load: Callable[[], Any]) -> Any:
    """Return what takes the place of a class or function until it is imported."""
    where = {"__module__": module, "__qualname__": name}
    if name[0].isupper():
        return type(name, (StandIn,), {**where, "load": staticmethod(load)})

    def call(*args: Any, **kwargs: Any) -> Any:
        return load()(*args, **kwargs)

    call.__name__ = name
    for key, value in where.items():
        setattr(call, key, value)
    return call
