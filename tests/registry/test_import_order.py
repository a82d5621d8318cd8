"""The order of imports: a plugin's package may be imported before kerasx, or after it."""

import pytest

PARTS = """
import keras

class Scale(keras.layers.Layer):
    def call(self, x):
        return 3 * x
"""
HOOK = """
from kerasx import hookimpl

@hookimpl
def kerasx_layers():
    return [Scale]
"""
INIT = "import kerasx\nfrom acme.parts import Scale\n"
IMPORT_SCALE = "from acme.parts import Scale\n"

# Where the hooks are -> the entry point and the files.
LAYOUTS = {
    "package": ("acme = acme", {"acme/__init__.py": INIT + HOOK, "acme/parts.py": PARTS}),
    "submodule": (
        "acme = acme.plugin",
        {
            "acme/__init__.py": INIT,
            "acme/parts.py": PARTS,
            "acme/plugin.py": IMPORT_SCALE + HOOK,
        },
    ),
    "submodule that needs the whole package": (
        "acme = acme.plugin",
        {
            "acme/__init__.py": INIT,
            "acme/parts.py": PARTS,
            "acme/plugin.py": "from acme import Scale\n" + HOOK,
        },
    ),
    "submodule whose hook needs the whole package": (
        "acme = acme.plugin",
        {
            "acme/__init__.py": INIT,
            "acme/parts.py": PARTS,
            "acme/plugin.py": "import acme\n" + HOOK.replace("Scale", "acme.Scale"),
        },
    ),
    "submodule that needs a module that imports kerasx": (
        "acme = acme.plugin",
        {
            "acme/__init__.py": "",
            "acme/parts.py": "import kerasx\n" + PARTS,
            "acme/plugin.py": IMPORT_SCALE + HOOK,
        },
    ),
    "one module": ("acme = acme", {"acme.py": "import kerasx\n" + PARTS + HOOK}),
    "object": (
        "acme = acme.plugin:hooks",
        {
            "acme/__init__.py": INIT,
            "acme/parts.py": PARTS,
            "acme/plugin.py": IMPORT_SCALE
            + "from kerasx import hookimpl\nclass Hooks:\n"
            + "    @hookimpl\n    def kerasx_layers(self):\n        return [Scale]\n"
            + "hooks = Hooks()\n",
        },
    ),
}
# Layouts that load while kerasx is being imported: the hooks are in a module of their own.
DOCUMENTED = ["submodule", "object"]
# The user imports either kerasx first, or a module of the plugin that imports kerasx.
CASES = [
    (layout, first)
    for layout, (_, files) in LAYOUTS.items()
    for first in ["kerasx", "acme", "acme.parts", "acme.plugin"]
    if first == "kerasx"
    or (first == "acme" and files.get("acme/__init__.py") != "")
    or f"{first.replace('.', '/')}.py" in files
]


@pytest.mark.parametrize(("layout", "first"), CASES)
def test_plugin_is_loaded_at_the_latest_when_a_name_is_looked_up(afresh, layout, first):
    printed = afresh(
        {"acme-layers": LAYOUTS[layout]},
        f"import {first}, kerasx\n"
        "plugin, = [each for each in kerasx.plugins() if each.name == 'acme-layers']\n"
        "print(plugin.status, plugin.error, kerasx.layers.Scale.__module__)",
    )
    assert printed.startswith("loaded None acme")


@pytest.mark.parametrize(
    ("layout", "first"), [case for case in CASES if case[0] in DOCUMENTED or case[1] == "kerasx"]
)
def test_documented_layouts_load_with_the_first_import(afresh, layout, first):
    # Keras does not ask kerasx, so nothing may be left to load once the import is done.
    printed = afresh(
        {"acme-layers": LAYOUTS[layout]},
        f"import {first}, keras\n"
        "registered = keras.saving.get_registered_object('acme>Scale')\n"
        "import kerasx\n"
        "print(registered is kerasx.layers.Scale)",
    )
    assert printed == "True"


def test_name_asked_for_too_early_says_so(afresh):
    init = (
        INIT + "try:\n    kerasx.layers.Scale\nexcept AttributeError as error:\n    print(error)\n"
    )
    files = {"acme/__init__.py": init + HOOK, "acme/parts.py": PARTS}
    printed = afresh({"acme-layers": ("acme = acme", files)}, "import acme")
    assert printed.startswith(
        "kerasx.layers has no Scale; plugin acme-layers 1.0 waits for acme, whose import began "
        "before kerasx's: acme has no function marked @kerasx.hookimpl"
    )


def test_package_that_fails_after_it_imported_kerasx(afresh):
    files = {"acme/__init__.py": INIT + "raise OSError('disk')\n", "acme/parts.py": PARTS}
    plugins = {"acme-layers": ("acme = acme", files)}
    failed = "plugin acme-layers 1.0 failed to load: importing acme raised OSError: disk"
    printed = afresh(plugins, "import kerasx; import acme")
    assert printed.count(failed) == 1
    assert printed.endswith("OSError: disk")
    assert afresh(plugins, "import acme").endswith("OSError: disk")


def test_plugin_may_use_what_another_contributes(afresh):
    late = "import kerasx\nclass Twice(kerasx.layers.Scale): pass\n" + HOOK.replace(
        "Scale", "Twice"
    )
    plugins = {"a-late": late, "acme-layers": LAYOUTS["one module"]}
    assert afresh(plugins, "import kerasx; print(kerasx.layers.Twice.__bases__)") == (
        "(<class 'acme.Scale'>,)"
    )
