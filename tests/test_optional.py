"""Parts of a plugin that need a package which is not installed."""

import keras
import pytest

import kerasx
from kerasx.errors import MissingPluginError

ACME = """
import keras
import kerasx

try:
    from no_such_package import Mixing
except ImportError:
    Mixing = kerasx.unavailable("Mixing", "pip install acme-layers[fft]")

class Scale(keras.layers.Layer): pass

@kerasx.hookimpl
def kerasx_layers(): return [Scale, Mixing]
"""
SENTENCE = "needs a package that is not installed: pip install acme-layers[fft]"


def test_object_says_what_to_install():
    mixing = kerasx.unavailable("Mixing", "pip install acme-layers[fft]")
    with pytest.raises(MissingPluginError) as raised:
        mixing(8)
    assert str(raised.value) == f"Mixing {SENTENCE}"


def test_names_say_what_to_install(afresh):
    plugins = {"acme-layers": ACME}
    printed = afresh(
        plugins,
        "import kerasx\nprint(kerasx.layers.Scale.__module__, 'Mixing' in dir(kerasx.layers))",
    )
    assert printed == "acme_layers False"
    has_it = f"acme-layers 1.0 has it, but it {SENTENCE}"
    for code, name in [
        ("kerasx.layers.Mixing", "kerasx.layers has no Mixing"),
        ("kerasx.layers.acme_layers.Mixing", "kerasx.layers has no acme_layers>Mixing"),
        ("kerasx.lookup('acme_layers>Mixing')", "no loaded plugin contributes acme_layers>Mixing"),
    ]:
        assert afresh(plugins, f"import kerasx; {code}") == f"MissingPluginError: {name}: {has_it}"
    assert "UnknownNameError" in afresh(plugins, "import kerasx; kerasx.metrics.Mixing")


def test_saved_model_says_what_to_install(afresh):
    layer = {"module": "acme_layers", "class_name": "Mixing", "config": {}}
    layer["registered_name"] = "acme_layers>Mixing"
    code = f"import keras, kerasx; keras.saving.deserialize_keras_object({layer!r})"
    assert SENTENCE in afresh({"acme-layers": ACME}, code)
    assert keras.saving.get_registered_object("acme_layers>Mixing") is None
