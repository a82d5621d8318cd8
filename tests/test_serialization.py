"""Classes of other packages: Keras saves them under the same names, and every file loads."""

import zipfile

import keras
import pytest

from kerasx import serialization

# A package that knows nothing of kerasx: classes that it registers, and some that it does not.
OTHERS = """
import keras

@keras.saving.register_keras_serializable()
class Registered(keras.layers.Layer):
    def call(self, x): return 2 * x

class Bare(keras.layers.Layer):
    def call(self, x): return 3 * x

class Attention(keras.layers.Layer):
    def call(self, x): return 5 * x

def bent(x): return keras.ops.maximum(x, 7 * x)

def mse(y_true, y_pred): return keras.ops.sum(y_true - y_pred)
"""
HOOKS = """
import keras
import kerasx
{import_others}

class Own(keras.layers.Layer):
    def call(self, x): return x

@kerasx.hookimpl
def kerasx_layers(): return [Own, {layers}]
@kerasx.hookimpl
def kerasx_activations(): return [{activations}]
@kerasx.hookimpl
def kerasx_losses(): return [{losses}]
"""
NAMES = {"layers": ["Registered", "Bare", "Attention"], "activations": ["bent"], "losses": ["mse"]}


def hooks(form):
    import_others = "" if form == "lazy" else "import others"
    lists = {
        kind: ", ".join(
            repr(f"others:{each}") if form == "lazy" else f"others.{each}" for each in names
        )
        for kind, names in NAMES.items()
    }
    return HOOKS.format(import_others=import_others, **lists)


@pytest.fixture(params=["eager", "lazy"])
def plugins(request):
    files = {"wrapper.py": hooks(request.param), "others.py": OTHERS}
    return {"wrapper": ("wrapper = wrapper", files)}


SAVE = """
import sys, keras, numpy as np
{imports}
from others import Attention, Bare, Registered, bent, mse
inputs = keras.Input((3,))
x = Bare(name="bare")(Registered(name="registered")(inputs))
outputs = keras.layers.Dense(2, activation=bent, kernel_initializer="ones", name="dense")(x)
model = keras.Model(inputs, [outputs, keras.layers.ReLU()(outputs)])
model.compile(loss=["mse", mse])
model.save(sys.argv[1])
"""
LOAD = """
import sys, keras, numpy as np
{imports}
objects = {objects}
model = keras.models.load_model(sys.argv[1], custom_objects=objects)
assert float(keras.ops.sum(model(np.ones((1, 3)))[0])) == 252
import others
assert type(model.get_layer("bare")) is others.Bare
assert type(model.get_layer("registered")) is others.Registered
print("loaded")
"""
OBJECTS = "{'Bare': others.Bare, 'bent': others.bent, 'mse': others.mse}"
WITHOUT = "import others"
WITH = "import kerasx"


@pytest.mark.thorough
@pytest.mark.parametrize("saved_after", [WITH, WITHOUT])
def test_files_load_with_and_without_kerasx(run, plugins, tmp_path, saved_after):
    path = tmp_path / "model.keras"
    done = run(plugins, "-c", SAVE.format(imports=saved_after), path)
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    assert '"registered_name": "Custom>Registered"' in config
    assert '"registered_name": "Bare"' in config
    assert '"config": "bent"' in config
    assert "wrapper" not in config
    without = run(plugins, "-c", LOAD.format(imports=WITHOUT, objects=OBJECTS), path)
    assert without.stdout.endswith("loaded\n"), without.stdout
    with_kerasx = run(plugins, "-c", LOAD.format(imports=WITH, objects={}), path)
    assert with_kerasx.stdout.endswith("loaded\n"), with_kerasx.stdout


def test_names_of_others_are_not_changed(afresh, plugins):
    printed = afresh(
        plugins,
        "import kerasx, keras, others\n"
        "for each in [others.Registered, others.Bare, others.bent, kerasx.layers.Own]:\n"
        "    print(keras.saving.get_registered_name(each))",
    )
    assert printed.splitlines() == ["Custom>Registered", "Bare", "bent", "wrapper>Own"]


def test_aliases(afresh, plugins):
    printed = afresh(
        plugins,
        "import kerasx, keras, others\n"
        "table = keras.saving.get_custom_objects()\n"
        "for kind in (kerasx.layers, kerasx.activations, kerasx.losses):\n"
        "    for name in dir(kind): getattr(kind, name)\n"
        "for name in ['wrapper>Bare', 'Bare', 'bent', 'wrapper>Attention', 'wrapper>mse']:\n"
        "    print(name, table[name] is getattr(others, name.rpartition('>')[2]))\n"
        "print([name for name in ['Attention', 'mse', 'Own'] if name in table])",
    )
    # Keras has an Attention and a mse of its own, so these have no alias of their plain name.
    assert printed.splitlines() == [
        *["wrapper>Bare True", "Bare True", "bent True"],
        *["wrapper>Attention True", "wrapper>mse True", "[]"],
    ]


def test_earlier_files_hold_the_qualified_name(afresh, plugins):
    saved = {"module": "others", "class_name": "Bare", "config": {"name": "a"}}
    saved["registered_name"] = "wrapper>Bare"
    printed = afresh(
        plugins,
        f"import keras, kerasx\nlayer = keras.saving.deserialize_keras_object({saved!r})\n"
        "print(type(layer).__module__, type(layer).__name__, layer.name)",
    )
    assert printed == "others Bare a"


def test_plain_name_that_two_claim_is_nobodys(afresh):
    source = "import keras\nclass Bare(keras.layers.Layer): pass\n"
    wrapper = "import kerasx, {0}\n@kerasx.hookimpl\ndef kerasx_layers(): return [{0}.Bare]\n"
    plugins = {
        f"wrapper-{other}": (
            f"w = wrapper_{other}",
            {f"wrapper_{other}.py": wrapper.format(other), f"{other}.py": source},
        )
        for other in ("first", "second", "third")
    }
    printed = afresh(
        plugins,
        "import keras, kerasx\n"
        "table = keras.saving.get_custom_objects()\n"
        "print([name for name in table if name.endswith('Bare')])",
    )
    assert printed == "['wrapper_first>Bare', 'wrapper_second>Bare', 'wrapper_third>Bare']"


def test_users_own_entry_stays(afresh, plugins):
    printed = afresh(
        plugins,
        "import keras\nclass Bare(keras.layers.Layer): pass\n"
        "keras.saving.get_custom_objects()['Bare'] = Bare\n"
        "import kerasx\nkerasx.layers.Bare\n"
        "print(keras.saving.get_custom_objects()['Bare'] is Bare)",
    )
    assert printed == "True"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "mse",
            "MSE",
            "kld",
            "accuracy",
            "acc",
            "ce",
            "crossentropy",
            "adam",
            "Adam",
            "relu",
            "l2",
        ),
        *(
            "Functional",
            "Sequential",
            "Model",
            "LogSoftmax",
            "GetItem",
            "glorot_uniform",
            "non_neg",
        ),
        *("he_normal", "Dense", "InputLayer", "mean_squared_error", "CosineDecay", "Variable"),
    ],
)
def test_names_that_keras_reads_are_not_free(name):
    try:
        serialization.add_aliases(test_aliases, "test>alias", [name])
        assert name not in keras.saving.get_custom_objects()
    finally:
        keras.saving.get_custom_objects().pop("test>alias")
        keras.saving.get_custom_objects().pop(name, None)
