"""The check that an object can be made again from its configuration."""

from __future__ import annotations

import inspect
import json
import math
from typing import Any

import keras
from hypothesis.strategies import DataObject

from kerasx.testing.case import Case
from kerasx.testing.contract import check


def rebuilt(case: Case, made: Any) -> Any:
    """Return the object that a saved model makes from the configuration of this one."""
    kept = json.loads(json.dumps(keras.saving.serialize_keras_object(made)))
    with keras.saving.custom_object_scope({case.of.__name__: case.of}):
        return keras.saving.deserialize_keras_object(kept)


@check(
    "optimizers",
    "schedules",
    "initializers",
    "constraints",
    "regularizers",
    share=1 / 30,
    quick=True,
    when=lambda case: inspect.isclass(case.of),
)
def keeps_its_configuration(case: Case, data: DataObject) -> None:
    """`get_config` keeps every constructor argument, as JSON, and rebuilds an equal object.

    A saved model keeps nothing else: an argument that is left out silently returns to its default.
    """
    made = case.make()
    config = made.get_config()
    names = [
        parameter.name
        for parameter in inspect.signature(case.of).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    missing = [name for name in names if name not in config]
    assert not missing, f"get_config leaves out {missing}, which __init__ takes"
    for name, value in case.given().items():
        if isinstance(value, int | float) and isinstance(config.get(name), int | float):
            message = f"get_config has {name}={config[name]}, __init__ received {value}"
            assert math.isclose(config[name], value, rel_tol=1e-6), message
    again = rebuilt(case, made)
    assert type(again) is type(made), f"its configuration rebuilds a {type(again).__name__}"
    before, after = (
        {name: json.dumps(value, default=repr) for name, value in each.get_config().items()}
        for each in (made, again)
    )
    changes = [
        f"{name} from {before.get(name)} to {after.get(name)}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    assert not changes, f"rebuilding it from its configuration changes {', '.join(changes)}"
