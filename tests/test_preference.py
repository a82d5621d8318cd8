"""Plain names that several plugins contribute: the preference that decides between them."""

import pytest

import kerasx
from kerasx import preference

LAYERS = """
import keras
import kerasx

class RotaryEmbedding(keras.layers.Layer): pass
class Scale(keras.layers.Layer): pass

@kerasx.hookimpl
def kerasx_layers(): return [RotaryEmbedding, Scale]
"""
TWO = {"acme-layers": LAYERS, "zeta": LAYERS}


def test_a_plugin_of_this_project_keeps_its_names(afresh):
    printed = afresh(
        TWO,
        "import kerasx\n"
        "from kerasx.layers import RotaryEmbedding\n"
        "print(RotaryEmbedding.__module__.partition('.')[0])\n"
        "print('RotaryEmbedding' in dir(kerasx.layers))\n"
        "kerasx.prefer('zeta')\n"
        "print(kerasx.layers.RotaryEmbedding is RotaryEmbedding)\n"
        "print(kerasx.layers.acme_layers.RotaryEmbedding.__module__)\n",
        KERASX_PREFER="acme-layers",
    )
    assert printed.splitlines() == ["kerasx_transformer", "True", "True", "acme_layers"]


def test_without_it_the_name_is_theirs(afresh):
    one = {"acme-layers": LAYERS}
    printed = afresh(
        one,
        "import kerasx; print(kerasx.layers.RotaryEmbedding.__module__)",
        KERASX_PLUGINS="acme-layers",
    )
    assert printed == "acme_layers"


@pytest.mark.parametrize(
    ("call", "setting", "module"),
    [
        ("", "zeta", "zeta"),
        ("", "nowhere, Acme_Layers zeta", "acme_layers"),
        ("kerasx.prefer('acme_layers')", "zeta", "acme_layers"),
        ("kerasx.prefer('kerasx-metrics', 'zeta')", "", "zeta"),
        ("kerasx.prefer('acme-layers'); kerasx.prefer()", "zeta", "zeta"),
    ],
)
def test_preference_decides_between_others(afresh, call, setting, module):
    printed = afresh(
        TWO,
        f"import kerasx\n{call}\n"
        "print(kerasx.layers.Scale.__module__, 'Scale' in dir(kerasx.layers))",
        KERASX_PREFER=setting,
    )
    assert printed == f"{module} True"


def test_a_package_has_its_own_namespace(afresh):
    printed = afresh(
        TWO,
        "import kerasx\n"
        "print(kerasx.layers.zeta, dir(kerasx.layers.zeta), kerasx.layers.zeta.Scale.__module__)\n"
        "print(hasattr(kerasx.metrics, 'zeta'), hasattr(kerasx.layers.zeta, '_private'))\n"
        "kerasx.layers.zeta.Scael",
    )
    assert printed.splitlines() == [
        "<layers of zeta> ['RotaryEmbedding', 'Scale'] zeta",
        "False False",
        "UnknownNameError: kerasx.layers has no zeta>Scael; did you mean zeta>Scale?",
    ]


def test_unknown_plugin_is_an_error():
    with pytest.raises(
        ValueError, match=r"kerasx\.prefer: plugins must be installed; received 'ac'"
    ):
        kerasx.prefer("kerasx-metrics", "ac")
    assert preference._preferred == []
