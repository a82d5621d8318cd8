"""A plugin's package may be imported before kerasx, which it imports itself."""

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
# What the user imports first: kerasx, or a module of the plugin that imports kerasx.
CASES = [
    (layout, first)
    for layout, (_, files) in LAYOUTS.items()
    for first in ["kerasx", "acme", "acme.parts", "acme.plugin"]
    if first == "kerasx"
    or (first == "acme" and files.get("acme/__init__.py") != "")
    or f"{first.replace('.', '/')}.py" in files
]


@pytest.mark.parametrize(("layout", "first"), CASES)
def test_plugin_is_loaded_whatever_is_imported_first(afresh, layout, first):
    plugins = {"acme-layers": LAYOUTS[layout]}
    # Keras does not ask kerasx, so nothing may be left to load once the import is done.
    printed = afresh(
        plugins,
        f"import {first}, keras, sys\n"
        "known = keras.saving.get_registered_object('acme>Scale')\n"
        "import kerasx\n"
        "plugin, = [each for each in kerasx.plugins() if each.name == 'acme-layers']\n"
        "print(plugin.status, plugin.error, known is kerasx.layers.Scale)",
    )
    assert printed == "loaded None True"


def test_half_a_module_is_not_taken_for_the_whole(afresh, planted):
    marker = "import pluggy; hookimpl = pluggy.HookimplMarker('kerasx')"
    source = (
        PARTS
        + HOOK.replace("from kerasx import hookimpl", marker)
        + "import kerasx\ndef soft(x): return x\n"
        + "@hookimpl\ndef kerasx_activations(): return [soft]\n"
    )
    plugins = {"acme-layers": ("acme = acme", {"acme.py": source})}
    code = f"import acme, kerasx; print({planted}, dir(kerasx.activations))"
    assert afresh(plugins, code) == "['Scale'] ['soft']"


def test_name_asked_for_too_early_says_so(afresh):
    init = (
        INIT + "try:\n    kerasx.layers.Scale\nexcept AttributeError as error:\n    print(error)\n"
    )
    files = {"acme/__init__.py": init + HOOK, "acme/parts.py": PARTS}
    assert afresh({"acme-layers": ("acme = acme", files)}, "import acme") == (
        "kerasx.layers has no Scale; plugin acme-layers 1.0 is still being imported"
    )


def test_package_that_fails_after_it_imported_kerasx(afresh):
    files = {"acme/__init__.py": INIT + "raise OSError('disk')\n", "acme/parts.py": PARTS}
    plugins = {"acme-layers": ("acme = acme", files)}
    failed = "plugin acme-layers 1.0 failed to load: importing acme raised OSError: disk"
    for first in ["import acme", "import kerasx; import acme"]:
        printed = afresh(plugins, first)
        assert printed.count(failed) == 1
        assert printed.endswith("OSError: disk")


def test_plugin_may_use_what_another_contributes(afresh):
    late = "import kerasx\nclass Twice(kerasx.layers.Scale): pass\n" + HOOK.replace(
        "Scale", "Twice"
    )
    plugins = {"a-late": late, "acme-layers": LAYOUTS["one module"]}
    assert afresh(plugins, "import kerasx; print(kerasx.layers.Twice.__bases__)") == (
        "(<class 'acme.Scale'>,)"
    )
