"""The table of first-party names, and how to install what has them."""

import pytest

from kerasx_launcher.first_party import FIRST_PARTY, how_to_install


def test_each_plugin_has_names_by_kind():
    assert "top_class" in FIRST_PARTY["kerasx-metrics"]["kernels"]
    assert all(name.startswith("kerasx-") for name in FIRST_PARTY)


@pytest.mark.parametrize(("plugin", "extra"), [("kerasx-metrics", "metrics"), ("all", "all")])
def test_how_to_install(plugin, extra):
    assert how_to_install(plugin) == f'pip install ".[{extra}]" in a clone of kerasx'
