"""Arguments declared as fields: constructor, signature, configuration, overridden `__init__`."""

import copy
import inspect
import pickle
from typing import Any, ClassVar, NamedTuple

import keras
import numpy as np
import pytest

from kerasx.authoring import Configurable, MeanMetric, argument, snake_case


class Pair(NamedTuple):
    first: int
    second: int


class Scale(Configurable, keras.Metric):
    name: str | None = argument(default=None)
    dtype: Any = argument(default=None)


class Power(Scale):
    base: float = argument(default=10.0, kw_only=False)
    exponent: float = argument(default=2.0)
    plain: int = 3
    registry: ClassVar[dict] = {"shared": 1}
    quoted: "ClassVar[int]" = 7
    _private: int = 5
    unannotated = 9

    def validate(self):
        if self.base <= 0:
            raise ValueError(f"{self.name}: base must be positive; received {self.base!r}")


def shown(cls):
    return [
        (field.name, field.kind is field.KEYWORD_ONLY)
        for field in inspect.signature(cls).parameters.values()
    ]


def test_signature():
    assert shown(Power) == [
        ("base", False),
        ("exponent", True),
        ("plain", True),
        ("name", True),
        ("dtype", True),
    ]
    assert inspect.signature(Power).parameters["exponent"].default == 2.0
    assert inspect.signature(Power).parameters["base"].annotation is float


def test_class_variables_private_and_unannotated_names_are_no_fields():
    assert (Power.registry, Power.quoted, Power._private, Power.unannotated) == (
        {"shared": 1},
        7,
        5,
        9,
    )
    assert not {"registry", "quoted", "_private", "unannotated"} & {
        name for name, _ in shown(Power)
    }


def test_a_required_field_after_an_optional_one_is_refused():
    with pytest.raises(ValueError, match="non-default"):
        type("Wrong", (Power,), {"__annotations__": {"root": int}, "root": argument(kw_only=False)})


class Root(Scale):
    root: int = argument(kw_only=False)


class ScaledRoot(Root):
    scale: float = argument(default=1.0, kw_only=False)
    root: int = argument(default=4, kw_only=False)


def test_positional_arguments_of_a_base_come_first():
    assert [name for name, _ in shown(ScaledRoot)] == ["root", "scale", "name", "dtype"]
    metric = ScaledRoot(5, 2.0)
    assert (metric.root, metric.scale) == (5, 2.0)
    assert ScaledRoot().root == 4


def test_required():
    assert Root(3).root == 3
    with pytest.raises(TypeError, match="Root: missing a required argument: 'root'"):
        Root()


def test_unknown_and_repeated_arguments():
    with pytest.raises(TypeError, match="Power: got an unexpected keyword argument 'basis'"):
        Power(basis=2.0)
    with pytest.raises(TypeError, match="Power: multiple values for argument 'base'"):
        Power(2.0, base=3.0)
    with pytest.raises(TypeError, match="Power: too many positional arguments"):
        Power(2.0, 3.0)


def test_validation_sees_the_name_and_the_values():
    with pytest.raises(ValueError, match="mine: base must be positive; received -1"):
        Power(-1, name="mine")


def test_name_and_dtype():
    assert Power().name == "power"
    assert (Power(name="mine").name, Power(dtype="float16").dtype) == ("mine", "float16")
    assert snake_case("F1Score") == "f1_score"
    assert snake_case("NegativePredictiveValue") == "negative_predictive_value"
    assert snake_case("AUROC") == "auroc"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.arange(3), (0, 1, 2)),
        ([1.0, 2.0], (1.0, 2.0)),
        ([np.int64(1), (np.float32(0.5), [2])], (1, (0.5, (2,)))),
        (np.array([[1, 2]]), ((1, 2),)),
        (Pair(1, 2), Pair(1, 2)),
        (np.bool_(True), True),
        ("text", "text"),
        (None, None),
    ],
)
def test_numpy_values_and_lists_become_plain(value, expected):
    metric = Power(exponent=value)
    assert repr(metric.exponent) == repr(expected)
    assert type(metric.exponent) is type(expected)


def test_config():
    metric = Power(2.0, exponent=5, name="mine")
    config = {"base": 2.0, "exponent": 5, "plain": 3, "name": "mine", "dtype": "float32"}
    assert metric.get_config() == config
    assert Power.from_config(config).get_config() == config


# Constructors that third parties override.


class Fixed(Power):
    def __init__(self, **kwargs):
        super().__init__(base=2.0, **kwargs)


class Renamed(Power):
    def __init__(self, strength: float = 1.0, name: str | None = None):
        super().__init__(base=2 * strength, name=name)
        self.strength = strength

    def get_config(self):
        return {**super().get_config(), "strength": self.strength}


class Narrow(Power):
    def __init__(self, exponent: float = 4.0):
        super().__init__(exponent=exponent)


class BelowFixed(Fixed):
    offset: float = argument(default=0.0)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Fixed(exponent=7), {"exponent": 7}),
        (Fixed(), {}),
        (Renamed(3.0, name="mine"), {"name": "mine", "strength": 3.0}),
        (Narrow(), {"exponent": 4.0}),
        (BelowFixed(offset=1.0), {"offset": 1.0}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_config_keeps_what_an_overridden_constructor_accepts(metric, expected):
    assert metric.get_config() == expected
    again = type(metric).from_config(metric.get_config())
    for name in ("base", "exponent", "plain", "name", "dtype"):
        assert getattr(again, name) == getattr(metric, name)
    assert again.get_config() == expected


def test_signature_of_an_overridden_constructor():
    assert list(inspect.signature(Renamed).parameters) == ["strength", "name"]
    assert list(inspect.signature(BelowFixed).parameters) == ["kwargs"]


def test_copies():
    keras.saving.register_keras_serializable("test_fields")(Fixed)
    assert copy.deepcopy(Fixed(exponent=7)).get_config() == {"exponent": 7}


def test_constructors_are_not_made_at_run_time():
    assert Power.__init__ is Configurable.__init__
    assert "__init__" not in vars(MeanMetric)


def test_signatures_can_be_pickled():
    assert pickle.loads(pickle.dumps(inspect.signature(Power))) == inspect.signature(Power)
