"""The names under ``kerasx.<kind>``, and the errors for names that are not there."""

import importlib

import pytest

import kerasx
from kerasx.registry import contributions

# One contribution of each kind, with the hooks in a submodule.
ACME = (
    "acme = acme.plugin",
    {
        "acme/__init__.py": "from acme.parts import Scale\n",
        "acme/parts.py": """
import keras
import kerasx

class Scale(keras.layers.Layer):
    '''Multiply by a factor.'''
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
    def call(self, x):
        return x * self.factor
    def get_config(self):
        return {**super().get_config(), "factor": self.factor}

class Gap(keras.losses.Loss):
    '''Mean absolute difference.'''
    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred), -1)

def gap(y_true, y_pred):
    '''The largest absolute difference.'''
    return keras.ops.max(keras.ops.abs(y_true - y_pred), -1)

@keras.saving.register_keras_serializable("before")
class Hits(keras.metrics.Mean):
    '''Share of hits.'''

@kerasx.kernel(static=("power",))
def raised(x, power=2):
    '''A power of x.'''
    return x**power

def leaky(x):
    '''A leaky activation.'''
    return keras.ops.maximum(x, 0.1 * x)

class Slow(keras.optimizers.SGD):
    '''Slow descent.'''

class Halving(keras.optimizers.schedules.ExponentialDecay):
    '''Halve the rate.'''

class Watch(keras.callbacks.Callback):
    '''Watch a training run.'''

class Ones(keras.initializers.Ones):
    '''All ones.'''

def flat(shape, dtype=None):
    '''All the same.'''
    return keras.ops.ones(shape, dtype)

class Box(keras.constraints.Constraint):
    '''Keep weights in a box.'''

def clipped(weights):
    '''Weights in a box.'''
    return keras.ops.clip(weights, -1, 1)

def sparse(weights):
    '''A penalty.'''
    return keras.ops.sum(keras.ops.abs(weights))
""",
        "acme/plugin.py": """
from kerasx import hookimpl
from acme import parts

@hookimpl
def kerasx_layers(): return [parts.Scale]
@hookimpl
def kerasx_losses(): return [parts.Gap, parts.gap]
@hookimpl
def kerasx_metrics(): return (each for each in [parts.Hits, parts.gap])
@hookimpl
def kerasx_kernels(): return (parts.raised,)
@hookimpl
def kerasx_activations(): return {parts.leaky, parts.raised}
@hookimpl
def kerasx_optimizers(): return [parts.Slow]
@hookimpl
def kerasx_schedules(): return [parts.Halving]
@hookimpl
def kerasx_callbacks(): return [parts.Watch]
@hookimpl
def kerasx_initializers(): return [parts.Ones, parts.flat]
@hookimpl
def kerasx_constraints(): return [parts.Box, parts.clipped]
@hookimpl
def kerasx_regularizers(): return [parts.sparse]
""",
    },
)
NAMES = {
    "layers": ["Scale"],
    "losses": ["Gap", "gap"],
    "metrics": ["Hits", "gap"],
    "kernels": ["raised"],
    "activations": ["leaky", "raised"],
    "optimizers": ["Slow"],
    "schedules": ["Halving"],
    "callbacks": ["Watch"],
    "initializers": ["Ones", "flat"],
    "constraints": ["Box", "clipped"],
    "regularizers": ["sparse"],
}


@pytest.fixture(scope="module")
def acme(interpreter):
    """An interpreter with the plugin acme and no other."""
    return interpreter({"acme-layers": ACME}, KERASX_PLUGINS="Acme_Layers")


@pytest.mark.parametrize("kind", NAMES)
def test_names_of_every_kind(acme, kind):
    names = NAMES[kind]
    assert acme(f"import kerasx; print(dir(kerasx.{kind}))") == str(names)
    for name in names:
        same = f"from acme import parts; from kerasx.{kind} import {name}; "
        assert acme(f"{same} print({name} is parts.{name})") == "True"


def test_record(acme):
    printed = acme(
        "import kerasx\n"
        "plugin, = [each for each in kerasx.plugins() if each.name == 'acme-layers']\n"
        "print(plugin.version, plugin.package, plugin.status, plugin.error)\n"
        "print([each.qualified for each in plugin.contributions if each.kind == 'losses'])\n"
        "print(plugin)"
    )
    assert printed.startswith("1.0 acme loaded None\n['acme>Gap', 'acme>gap']\nPlugin(name='acme-")


def test_lookup(acme):
    assert acme("import acme, kerasx; print(kerasx.lookup('acme>Scale') is acme.Scale)") == "True"


@pytest.mark.parametrize(
    "package",
    [
        "kerasx",
        "kerasx.authoring",
        "kerasx.compiler",
        "kerasx.errors",
        "kerasx.saving",
        "kerasx.testing",
        "kerasx_losses",
        "kerasx_sequence",
        "kerasx_transformer",
    ],
)
def test_completion_shows_the_public_names(package):
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in dir(module))


def test_completion_of_kerasx():
    names = dir(kerasx)
    assert {"load_model", "save_model", "metrics", "lookup", "errors"} <= set(names)
    assert not {"Any", "TYPE_CHECKING", "names", "namespaces", "registry", "error"} & set(names)


@pytest.mark.parametrize("kind", NAMES)
def test_completion_of_a_namespace(kind):
    module = getattr(kerasx, kind)
    assert dir(module) == sorted({each.name for each in contributions(kind)})


def test_star_import(acme):
    printed = acme("from kerasx.losses import *; print(sorted(each for each in globals()))")
    assert printed == str(["Gap", "__builtins__", "__name__", "gap"])


def test_tab_completion(acme):
    printed = acme(
        "import kerasx, rlcompleter\n"
        "complete = rlcompleter.Completer({'kerasx': kerasx}).complete\n"
        "print([complete('kerasx.losses.', each).rstrip('(') for each in range(2)])\n"
        "print(complete('kerasx.layers.Sc', 0), complete('kerasx.layers.Sc', 1))"
    )
    assert printed == "['kerasx.losses.Gap', 'kerasx.losses.gap']\nkerasx.layers.Scale( None"


def test_help(acme):
    printed = acme("import kerasx; help(kerasx.losses)")
    assert "Losses that the installed plugins contribute" in printed
    assert "class Gap(" in printed
    assert "Mean absolute difference." in printed
    assert "gap(y_true, y_pred)\n        The largest absolute difference." in printed


def test_missing_name_is_an_attribute_error(acme):
    printed = acme(
        "from kerasx import layers\n"
        "print(hasattr(layers, 'Scale'), hasattr(layers, 'Nope'), getattr(layers, 'Nope', 7))"
    )
    assert printed == "True False 7"


def test_private_names_are_plainly_missing(acme):
    for name in ["__path__", "_repr_html_"]:
        assert acme(f"import kerasx; kerasx.layers.{name}") == (
            f"AttributeError: module 'kerasx.layers' has no attribute '{name}'"
        )


MISSING = {
    "closest": ("layers", "Scael", "kerasx.layers has no Scael; did you mean Scale?"),
    "closest whatever the case": ("callbacks", "WATCH", "no WATCH; did you mean Watch?"),
    "closest, not its lower case": ("losses", "Gapp", "no Gapp; did you mean Gap?"),
    "nothing close": ("layers", "Xyzzy", "kerasx.layers has no Xyzzy"),
    "in Keras": ("layers", "Dense", "has no Dense; Keras core has keras.layers.Dense"),
    "a Keras operation": ("kernels", "einsum", "no einsum; Keras core has keras.ops.einsum"),
    "of another kind": ("metrics", "Scale", "no Scale; kerasx.layers has acme>Scale"),
}


@pytest.mark.parametrize("case", MISSING)
def test_missing_name_says_what_to_do(acme, case):
    kind, name, message = MISSING[case]
    attribute = acme(f"import kerasx; kerasx.{kind}.{name}")
    assert attribute.startswith("UnknownNameError: kerasx.")
    assert attribute.endswith(message)
    imported = acme(f"from kerasx.{kind} import {name}")
    assert imported.startswith(f"ImportError: cannot import name '{name}' from 'kerasx.{kind}'")


def test_first_party_that_is_not_installed(acme):
    acme("from kerasx import names; names.FIRST_PARTY['kerasx-new'] = {'layers': ['Shine']}")
    install = 'kerasx-new has it, install that: pip install ".[new]" in a clone of kerasx'
    assert acme("import kerasx; kerasx.layers.Shine").endswith(f"no Shine: {install}")
    imported = acme("from kerasx.layers import Shine")
    assert imported == f"MissingPluginError: kerasx.layers has no Shine: {install}"
    assert acme("import kerasx; kerasx.lookup('kerasx_new>Shine')").endswith(f"Shine: {install}")
    assert acme("import kerasx; kerasx.layers.Shiny").endswith("no Shiny; did you mean Shine?")
    assert "kerasx-new" not in acme("import kerasx; kerasx.metrics.Shine")


def test_plugin_that_is_left_out(acme):
    acme("from kerasx import names; names.FIRST_PARTY['left-out'] = {'layers': ['Left']}")
    printed = acme(
        "import kerasx, importlib.metadata\n"
        "from kerasx import registry\n"
        "entry = importlib.metadata.EntryPoint('left', 'left_out.plugin', 'kerasx')\n"
        "plugin = registry.Plugin('left-out', '2.0', entry, 'blocked', 'KERASX_PLUGINS says so')\n"
        "registry._plugins.append(plugin)\n"
        "kerasx.layers.Left"
    )
    assert printed == (
        "MissingPluginError: kerasx.layers has no Left: plugin left-out 2.0 is blocked: "
        "KERASX_PLUGINS says so. `kerasx doctor` shows all plugins"
    )


def test_lookup_of_an_unknown_name(acme):
    assert acme("import kerasx; kerasx.lookup('acme>Scael')") == (
        "UnknownNameError: no loaded plugin contributes acme>Scael; did you mean acme>Scale?"
    )
    assert "kerasx.layers has acme>Scale" in acme("import kerasx; kerasx.lookup('amce>Scale')")
    assert "kerasx.layers has acme>Scale" in acme("import kerasx; kerasx.lookup('Scale')")


def test_registered_with_keras(acme):
    registered = "import kerasx, keras; from acme import parts; print(keras.saving."
    for kind, names in NAMES.items():
        for name in names:
            expected = name if kind == "callbacks" else f"acme>{name}"
            assert acme(f"{registered}get_registered_name(parts.{name}))") == expected


def test_name_that_it_was_registered_under_before_still_loads(acme):
    assert acme(
        "import acme.parts, keras, kerasx\n"
        "saved = {'class_name': 'Hits', 'config': {'name': 'hits'}, 'module': 'acme.parts',\n"
        "         'registered_name': 'before>Hits'}\n"
        "metric = keras.saving.deserialize_keras_object(saved)\n"
        "print(type(metric) is acme.parts.Hits, keras.saving.get_registered_name(type(metric)))"
    ) == ("True acme>Hits")


def test_import_needs_neither_the_command_line_nor_charts(run):
    done = run(
        {"acme-layers": ACME},
        "-c",
        "import sys, keras\n"
        "for name in ['click', 'rich', 'sklearn', 'matplotlib']:\n"
        "    sys.modules[name] = None  # from here on, importing it is an error\n"
        "import kerasx\n"
        "print([each.name for each in kerasx.plugins() if each.status != 'loaded'])",
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.thorough
def test_plugins_load_where_python_drops_docstrings(run):
    code = "import kerasx; print(kerasx.layers.Scale.__doc__)"
    done = run({"acme-layers": ACME}, "-OO", "-c", code)
    assert done.stdout.splitlines()[-1] == "None"


SAVE = """
import sys, keras, kerasx, numpy as np
inputs = keras.Input((3,))
x = keras.layers.Dense(2, activation=kerasx.activations.leaky)(inputs)
x = kerasx.layers.Scale(3.0)(x)
model = keras.Model(inputs, kerasx.kernels.raised(x, power=3))
model.compile(loss=kerasx.losses.gap)
model.save(sys.argv[1])
print(model.predict(np.ones((1, 3)), verbose=0).tolist())
"""
LOAD = """
import sys, keras, kerasx, numpy as np
model = keras.models.load_model(sys.argv[1])
print(model.predict(np.ones((1, 3)), verbose=0).tolist())
"""


@pytest.mark.thorough
def test_model_reloads_in_another_process(run, tmp_path):
    def last_line(code):
        return run({"acme-layers": ACME}, "-c", code, tmp_path / "model.keras").stdout.split("\n")[
            -2
        ]

    saved = last_line(SAVE)
    assert saved.startswith("[[")
    assert last_line(LOAD) == saved
    # Keras alone does not find the classes, so it is the import that makes the difference.
    assert "Could not locate" in last_line(LOAD.replace("kerasx, ", ""))
