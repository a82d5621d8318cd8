"""Configurations: the keys that differ are named, and nothing else."""

import pytest
from contract_examples import Scale, features

from kerasx.testing import Case
from kerasx.testing.configuration import differences
from kerasx.testing.contract import Subject, plan


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"a": 1}, ['b is "missing" instead of 2']),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["a.b[1] is 3 instead of 2"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a is [1, 2] instead of [1]"]),
        ({"name": "a"}, {"name": "b"}, ['name is "b" instead of "a"']),
        ({"layer": {"name": "dense"}}, {"layer": {"name": "dense_1"}}, []),
    ],
)
def test_differences(before, after, expected):
    assert list(differences(before, after)) == expected


class Doubles(Scale):
    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "factor": 2 * config["factor"]})


def test_only_what_differs_is_shown():
    case = Case(Doubles, features, {"factor": 3.0})
    (item,) = [
        item
        for item in plan([Subject("layers", Doubles, None, (case,))])
        if item.check.name == "keeps_its_arguments"
    ]
    with pytest.raises(AssertionError, match=r"it differs: factor is 6\.0 instead of 3\.0\n"):
        item.run()
