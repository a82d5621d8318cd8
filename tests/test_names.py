"""Names that are not there: the error says which plugin has them, or what comes close."""

import keras
import pytest

import kerasx
from kerasx import names
from kerasx.errors import MissingPluginError, UnknownNameError


@pytest.fixture
def absent(monkeypatch):
    """Add a first-party plugin to the table, which is not installed."""
    table = {**names.FIRST_PARTY, "kerasx-absent": {"layers": ["Nowhere"]}}
    monkeypatch.setattr(names, "FIRST_PARTY", table)
    yield "kerasx_absent>Nowhere"
    keras.saving.get_custom_objects().pop("kerasx_absent>Nowhere", None)


def test_qualified_names_are_found():
    assert names.lookup("kerasx_metrics>F1Score") is kerasx.metrics.F1Score


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("F1Scor", "metrics", "kerasx.metrics has no F1Scor; did you mean F1Score"),
        ("f1score", "metrics", "kerasx.metrics has no f1score; did you mean F1Score?"),
        ("F1Score", "layers", "kerasx.layers has no F1Score; kerasx.metrics has kerasx_metrics>F1"),
        ("Dense", "layers", "kerasx.layers has no Dense; Keras core has keras.layers.Dense"),
        ("relu", "kernels", "kerasx.kernels has no relu; Keras core has keras.ops.relu"),
        ("acme>Scale", None, "no loaded plugin contributes acme>Scale; install the package acme,"),
    ],
)
def test_unknown_names_have_hints(name, kind, message):
    error = names.missing(name, kind)
    assert isinstance(error, UnknownNameError)
    assert str(error).startswith(message)


def test_a_first_party_plugin_is_named(absent):
    for error in (names.missing("Nowhere", "layers"), names.missing(absent)):
        assert isinstance(error, MissingPluginError)
        assert 'install that: pip install ".[absent]" in a clone of kerasx' in str(error)
    assert names.missing("Nowhere", "layers").name == "kerasx.layers"


def test_a_placeholder_says_what_to_install(absent):
    names.hold_places()
    placeholder = keras.saving.get_registered_object(absent)
    for make in (placeholder, lambda: placeholder.from_config({})):
        with pytest.raises(MissingPluginError, match=r"\.\[absent\]"):
            make()
    with pytest.raises(MissingPluginError, match="no loaded plugin contributes kerasx_absent>Now"):
        names.lookup(absent)
