"""Selection of the installed plugins, and names that two of them contribute."""

import pytest

LAYER = """
import keras
from kerasx import hookimpl

class Scale(keras.layers.Layer):
    pass

class {0}(keras.layers.Layer):
    pass

@hookimpl
def kerasx_layers():
    return [Scale, {0}]
"""
TWO = {
    "acme-layers": LAYER.format("Acme"),
    "Zeta.Layers": ("z = zeta", {"zeta.py": LAYER.format("Zeta")}),
}
STATUS = """
import sys, kerasx
for each in kerasx.plugins():
    if each.package in ("acme_layers", "zeta"):
        imported = each.package in sys.modules
        print(each.name, each.entry_point.name, each.status, each.error, imported)
"""


@pytest.mark.parametrize("chosen", [None, "Acme_Layers,zeta-layers", " ZETA.LAYERS, acme-layers ,"])
def test_both_are_loaded(afresh, chosen):
    variables = {} if chosen is None else {"KERASX_PLUGINS": chosen}
    assert afresh(TWO, STATUS, **variables).splitlines() == [
        "Zeta.Layers z loaded None True",
        "acme-layers acme_layers loaded None True",
    ]


@pytest.mark.parametrize("chosen", ["acme-layers", "acme_layers"])
def test_one_is_chosen_and_the_other_not_even_imported(afresh, chosen):
    assert afresh(TWO, STATUS, KERASX_PLUGINS=chosen).splitlines() == [
        f"Zeta.Layers z blocked KERASX_PLUGINS='{chosen}' leaves it out False",
        "acme-layers acme_layers loaded None True",
    ]


def test_empty_value_loads_none(afresh):
    assert afresh(TWO, STATUS, KERASX_PLUGINS="").splitlines() == [
        "Zeta.Layers z blocked KERASX_PLUGINS='' leaves it out False",
        "acme-layers acme_layers blocked KERASX_PLUGINS='' leaves it out False",
    ]
    printed = afresh(
        TWO,
        "import kerasx\nprint({each.status for each in kerasx.plugins()}, dir(kerasx.layers))",
        KERASX_PLUGINS="",
    )
    assert printed == "{'blocked'} []"


def test_name_of_a_plugin_that_is_left_out(afresh):
    assert afresh(TWO, "import kerasx; kerasx.lookup('zeta>Zeta')", KERASX_PLUGINS="") == (
        "MissingPluginError: no loaded plugin contributes zeta>Zeta: plugin Zeta.Layers 1.0 is "
        "blocked: KERASX_PLUGINS='' leaves it out. `kerasx doctor` shows all plugins"
    )


def test_chosen_plugin_that_is_not_installed(afresh):
    message = "KERASX_PLUGINS names acme-layer, but no plugin of that name is installed"
    printed = afresh(TWO, STATUS, KERASX_PLUGINS="acme-layer,zeta_layers")
    assert f"PluginWarning: {message}" in printed
    assert "Zeta.Layers z loaded" in printed
    strict = afresh(TWO, "import kerasx", KERASX_PLUGINS="acme-layer", KERASX_STRICT="1")
    assert strict == f"PluginError: {message}"


def test_name_that_two_contribute_is_nobodys(afresh, planted):
    message = (
        "2 plugins contribute layers called Scale: use kerasx.layers.zeta.Scale or "
        "kerasx.layers.acme_layers.Scale, or decide once with "
        'kerasx.prefer("Zeta.Layers") or kerasx.prefer("acme-layers")'
    )
    assert afresh(TWO, "import kerasx; kerasx.layers.Scale") == f"AmbiguousNameError: {message}"
    assert afresh(TWO, "from kerasx.layers import Scale") == f"AmbiguousNameError: {message}"
    printed = afresh(
        TWO,
        "import kerasx, zeta, acme_layers\n"
        "print(kerasx.lookup('zeta>Scale') is zeta.Scale)\n"
        "print(kerasx.lookup('acme_layers>Scale') is acme_layers.Scale)\n"
        f"print({planted})\n"
        "from kerasx.layers import *\n"
        "print(Acme is acme_layers.Acme)",
    )
    assert printed == "True\nTrue\n['Acme', 'Zeta']\nTrue"


SOURCE = LAYER.format("Acme")
TWICE = {
    "two entry points of one distribution": {
        "acme-layers": ("a = acme_layers\nb = acme_layers", {"acme_layers.py": SOURCE}),
    },
    "two distributions": {
        "acme-layers": ("a = acme_layers", {"acme_layers.py": SOURCE}),
        "acme-layers-again": ("b = acme_layers", {}),
    },
    "two modules with one set of hooks": {
        "acme-layers": (
            "a = acme_layers:hooks\nb = acme_layers.plugin:hooks",
            {
                "acme_layers/__init__.py": SOURCE + "import sys; hooks = sys.modules[__name__]",
                "acme_layers/plugin.py": "from acme_layers import hooks",
            },
        ),
    },
}


@pytest.mark.parametrize("case", TWICE)
def test_plugin_that_is_registered_twice_is_loaded_once(afresh, case, planted):
    name = [*TWICE[case]][-1]
    assert afresh(TWICE[case], STATUS).splitlines() == [
        "acme-layers a loaded None True",
        f"{name} b blocked it repeats the entry point 'a' of acme-layers True",
    ]
    assert afresh(TWICE[case], f"import kerasx; print({planted})") == "['Acme', 'Scale']"
    assert afresh(TWICE[case], "import kerasx; kerasx.lookup('acme_layers>Scael')") == (
        "UnknownNameError: no loaded plugin contributes acme_layers>Scael; did you mean "
        "acme_layers>Scale?"
    )


def test_two_distributions_in_one_package(afresh):
    plugins = {
        "acme-layers": (
            "a = acme_layers.one",
            {"acme_layers/__init__.py": "", "acme_layers/one.py": LAYER.format("One")},
        ),
        "acme-more": ("b = acme_layers.two", {"acme_layers/two.py": LAYER.format("Two")}),
    }
    # Keras would take one Scale for the other in saved models.
    assert (
        "acme_layers>Scale is contributed twice: under layers by acme-layers and under layers by "
        "acme-more"
    ) in afresh(plugins, STATUS)


NAMESPACE = {
    "mycorp-one": (
        "one = mycorp.one.plugin",
        {"mycorp/one/__init__.py": "", "mycorp/one/plugin.py": LAYER.format("One")},
    ),
    "mycorp-two": ("two = mycorp.two", {"mycorp/two.py": LAYER.format("Two")}),
}


def test_two_distributions_in_one_namespace_package(afresh):
    printed = afresh(
        NAMESPACE,
        "import keras, kerasx\n"
        "two = [each for each in kerasx.plugins() if each.name.startswith('mycorp')]\n"
        "print(*[(each.package, each.status) for each in two])\n"
        "print(kerasx.layers.One.__module__, kerasx.layers.Two.__module__)\n"
        "corp = kerasx.layers.mycorp\n"
        "print(corp.one.Scale.__module__, corp.two.Scale.__module__)\n"
        "print(keras.saving.get_registered_name(kerasx.lookup('mycorp.two>Scale')))\n"
        "table = keras.saving.get_custom_objects()\n"
        "print('mycorp>Two' in table, 'mycorp>Scale' in table)",
    )
    # Earlier files have the names of the whole package; one that two have is ambiguous.
    assert printed.splitlines() == [
        "('mycorp.one', 'loaded') ('mycorp.two', 'loaded')",
        "mycorp.one.plugin mycorp.two",
        "mycorp.one.plugin mycorp.two",
        "mycorp.two>Scale",
        "True False",
    ]


OWNER = LAYER.format("Acme")
BORROWER = """
import keras
from acme_layers import Acme, Scale
from kerasx import hookimpl

class Own(keras.layers.Layer):
    pass

@hookimpl
def kerasx_layers():
    return [Acme, Scale, Own]
"""


@pytest.mark.parametrize("borrower", ["a-borrower", "z-borrower"])
def test_two_plugins_contribute_one_object(afresh, borrower):
    package = borrower.replace("-", "_")
    printed = afresh(
        {"acme-layers": OWNER, borrower: BORROWER},
        "import keras, kerasx, acme_layers\n"
        "print({each.status for each in kerasx.plugins()})\n"
        "print(kerasx.layers.Scale is acme_layers.Scale, kerasx.layers.Own.__module__)\n"
        f"print(kerasx.lookup('{package}>Acme') is kerasx.lookup('acme_layers>Acme'))\n"
        "print(keras.saving.get_registered_name(acme_layers.Acme))\n"
        f"print(keras.saving.get_registered_object('{package}>Acme') is acme_layers.Acme)",
    )
    assert printed.splitlines() == [
        "{'loaded'}",
        f"True {package}",
        "True",
        "acme_layers>Acme",
        "True",
    ]


def test_plugin_installed_later_is_there_after_a_reload(afresh, plant, planted):
    later = plant({"later": LAYER.format("Later")})
    printed = afresh(
        {"acme-layers": SOURCE},
        "import importlib, sys, kerasx\nbefore = kerasx.layers.Acme\n"
        f"sys.path.append({str(later)!r})\n"
        f"importlib.reload(kerasx)\nprint({planted}, kerasx.layers.Acme is before)",
    )
    assert printed == "['Acme', 'Later'] True"


def test_a_qualified_name_asks_its_own_plugin(afresh):
    plugins = {"acme-layers": SOURCE, "zeta": "import nowhere"}
    message = afresh(plugins, "import kerasx; kerasx.lookup('zeta>Scale')")
    assert "contributes zeta>Scale: plugin zeta 1.0 failed to load: importing zeta" in message
