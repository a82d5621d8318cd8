"""The check of configurations, for all kinds of classes that saved models hold."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Iterator
from typing import Any

import keras
from hypothesis.strategies import DataObject

from kerasx.testing.case import Case
from kerasx.testing.contract import check, not_exercised

EXPENSIVE = 1 / 30


@check(
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "schedules",
    "initializers",
    "constraints",
    "regularizers",
    share=EXPENSIVE,
    quick=True,
    when=lambda case: inspect.isclass(case.of),
)
def keeps_its_arguments(case: Case, data: DataObject) -> None:
    """`get_config` keeps every constructor argument, as JSON, and rebuilds an equal object.

    A saved model keeps nothing else: an argument that is left out silently returns to its default.
    `get_config` may leave out an argument that has its default, as some of Keras's own do.
    """
    made = case.make()
    config = made.get_config()
    left_out = [each for each in _parameters(case) if each.name not in config]
    values = {each.name: value for each in left_out for value in _another(case, each)}
    lost = _lost(case, values)
    assert not lost, f"get_config leaves out {lost}, which __init__ takes"
    with keras.saving.custom_object_scope({case.of.__name__: case.of}):
        kept = json.dumps(keras.saving.serialize_keras_object(made))
        again = keras.saving.deserialize_keras_object(json.loads(kept))
        assert type(again) is type(made), f"its configuration gives an object of {type(again)}"
        after = json.dumps(keras.saving.serialize_keras_object(again))
    before, after = (json.loads(each)["config"] for each in (kept, after))
    changes = list(differences(before, after))
    assert not changes, f"rebuilt from its configuration it differs: {'; '.join(changes[:5])}"
    unknown = [each.name for each in left_out if each.name not in values]
    if unknown:
        not_exercised(f"get_config leaves out {unknown}; give each a value in Case.arguments")


def _parameters(case: Case) -> list[inspect.Parameter]:
    without = {"self", "weights"}  # a model saves its weights itself
    if issubclass(case.of, keras.Loss):
        without.add("dtype")  # Keras's own losses leave it out
    return [
        each
        for each in inspect.signature(case.of.__init__).parameters.values()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) and each.name not in without
    ]


def _another(case: Case, parameter: inspect.Parameter) -> list[Any]:
    """Return a value of an argument that is not its default, in a list; empty if none is known."""
    name, default = parameter.name, parameter.default
    if name in case.given():
        values = [case.given()[name]]
    elif isinstance(default, bool):
        values = [not default]
    elif isinstance(default, int | float):
        values = [default + 1, default / 2]
    else:
        values = [2, 0.5, [0.5], True, "l2"] if default is None else []
    for value in values:
        if value is default or (type(value) is type(default) and value == default):
            continue
        with contextlib.suppress(Exception):  # raised if the argument takes no such value
            case.make(**{name: value})
            return [value]
    return []


def _lost(case: Case, values: dict[str, Any]) -> list[str]:
    """Return the arguments that `get_config` leaves out when they have these values.

    An argument may matter only together with another, such as `lora_alpha` with `lora_rank`.
    """
    kept = {
        name for name, value in values.items() if name in case.make(**{name: value}).get_config()
    }
    with contextlib.suppress(Exception):  # raised if the values do not go together
        kept |= case.make(**values).get_config().keys()
    return sorted(values.keys() - kept)


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield a phrase for each value of a configuration that has changed.

    Names inside nested configurations do not count, since Keras makes them up.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if not (path and key == "name"):
                ours, theirs = (each.get(key, "missing") for each in (before, after))
                yield from differences(ours, theirs, f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (ours, theirs) in enumerate(zip(before, after, strict=True)):
            yield from differences(ours, theirs, f"{path}[{place}]")
    elif before != after:
        yield f"{path} is {_short(after)} instead of {_short(before)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
