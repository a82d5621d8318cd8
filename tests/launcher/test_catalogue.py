"""Catalogues are read without importing the plugin, and a missing or broken one is no error."""

import json
import sys

import pytest

from kerasx.registry import KINDS
from kerasx_launcher import catalogue

ENTRY = {
    "kind": "layers",
    "name": "Scale",
    "summary": "Multiply.",
    "call": "Scale(factor)",
    "papers": "",
    "facts": {},
    "doc": "Multiply.",
}
RAISES = {"acme/__init__.py": "raise RuntimeError('imported')"}


def with_catalogue(text):
    return {"acme-layers": ("a = acme.plugin", {**RAISES, "acme/kerasx_catalogue.json": text})}


@pytest.fixture
def acme(plant, monkeypatch):
    """Install a plugin; return how it is listed."""

    def acme(plugins):
        monkeypatch.syspath_prepend(plant(plugins))
        (plugin,) = (each for each in catalogue.plugins() if each.name == "acme-layers")
        assert "acme" not in sys.modules
        return plugin

    return acme


def test_kinds_are_those_of_the_registry():
    assert list(catalogue.KINDS) == list(KINDS)


def test_a_plugin_is_read_without_importing_it(acme):
    plugin = acme(with_catalogue(json.dumps([ENTRY])))
    assert (plugin.name, plugin.version, plugin.package) == ("acme-layers", "1.0", "acme")
    assert plugin.entries == [catalogue.Entry(**ENTRY)]


@pytest.mark.parametrize(
    "plugins",
    [
        {"acme-layers": ("a = acme.plugin", RAISES)},
        {"acme-layers": ("a = acme", {"acme.py": "raise RuntimeError('imported')"})},
        {"acme-layers": ("a = acme", {})},
        with_catalogue("no JSON"),
        with_catalogue('[{"name": "of another format"}]'),
        with_catalogue("[1]"),
    ],
    ids=["no file", "single module", "no module", "no JSON", "another format", "no entries"],
)
def test_what_cannot_be_read_is_no_catalogue(acme, plugins):
    assert acme(plugins).entries is None


def test_two_entry_points_of_one_package_are_one_plugin(acme):
    name, (entry, files) = next(iter(with_catalogue(json.dumps([ENTRY])).items()))
    assert acme({name: (f"{entry}\nb = acme.other", files)}).entries == [catalogue.Entry(**ENTRY)]


def test_first_party_plugins_ship_one():
    plugins = [each for each in catalogue.plugins() if each.name.startswith("kerasx-")]
    assert plugins
    assert all(each.entries for each in plugins)
