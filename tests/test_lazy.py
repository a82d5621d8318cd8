"""Lazy references: a heavy package is imported on first use."""

import pytest

from kerasx.lazy import Lazy

HEAVY = """
import keras

print("heavy is imported")

class Rotary(keras.layers.Layer):
    def call(self, x): return 2 * x

class Other: pass

def bent(x): return 3 * x
"""
WRAPPER = """
import kerasx

@kerasx.hookimpl
def kerasx_layers(): return ["heavy.layers:Rotary", "heavy.layers:Other", "heavy.layers:Missing"]
@kerasx.hookimpl
def kerasx_metrics(): return ["absent.metrics:Score"]
@kerasx.hookimpl
def kerasx_activations(): return ["heavy.layers:bent"]
"""
FILES = {"wrapper.py": WRAPPER, "heavy/__init__.py": "", "heavy/layers.py": HEAVY}
PLUGINS = {"wrapper": ("wrapper = wrapper", FILES)}


def saved(name, registered):
    return {
        "module": "heavy.layers",
        "class_name": name,
        "config": {"name": "a"},
        "registered_name": registered,
    }


def test_reference():
    for target in ("heavy:Rotary", "heavy.layers:Rotary", "a_1.b:c"):
        assert Lazy.PATTERN.fullmatch(target)
    for target in ("Rotary", "heavy.layers", ":Rotary", "heavy:", "heavy:a.b", "a/b:C", "C:\\x"):
        assert not Lazy.PATTERN.fullmatch(target)
    path = Lazy("os.path:join")
    assert path.loaded() is path.load() is __import__("os").path.join
    assert Lazy("no_such_package:Name").loaded() is None


@pytest.mark.parametrize(
    "use",
    [
        "kerasx.layers.Rotary",
        "kerasx.layers.wrapper.Rotary",
        "kerasx.lookup('wrapper>Rotary')",
        "__import__('heavy.layers')",
        "keras.saving.deserialize_keras_object(saved)",
    ],
)
def test_import_waits_for_the_first_use(afresh, use):
    printed = afresh(
        PLUGINS,
        "import keras, kerasx, sys\n"
        f"saved = {saved('Rotary', 'wrapper>Rotary')!r}\n"
        "print([name for name in dir(kerasx.layers) if name in ('Rotary', 'Other')])\n"
        "print([each.status for each in kerasx.plugins() if each.name == 'wrapper'])\n"
        "print('heavy' in sys.modules)\n"
        f"{use}\nprint(kerasx.layers.Rotary.__module__)",
    )
    assert printed.splitlines() == [
        *["['Other', 'Rotary']", "['loaded']", "False", "heavy is imported", "heavy.layers"]
    ]


@pytest.mark.parametrize("registered", ["Rotary", "Custom>Rotary", "heavy>Rotary"])
def test_files_load_before_the_first_use(afresh, registered):
    printed = afresh(
        PLUGINS,
        "import keras, kerasx\n"
        f"layer = keras.saving.deserialize_keras_object({saved('Rotary', registered)!r})\n"
        "print(type(layer) is kerasx.layers.Rotary, keras.saving.get_registered_name(type(layer)))",
    )
    assert printed == "heavy is imported\nTrue Rotary"


def test_function_loads_before_the_first_use(afresh):
    function = {"class_name": "function", "module": "builtins", "config": "bent"}
    printed = afresh(
        PLUGINS,
        "import keras, kerasx\n"
        f"dense = keras.layers.Dense(1, activation={function!r}, kernel_initializer='ones')\n"
        "print(keras.ops.convert_to_numpy(dense(keras.ops.ones((1, 2)))).item())\n"
        "print(dense.get_config()['activation']['config'])",
    )
    assert printed == "heavy is imported\n6.0\nbent"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "layers.Missing",
            "heavy.layers:Missing, which cannot be imported: AttributeError: module",
        ),
        ("layers.Other", "heavy.layers:Other, which is the class Other(object) and no layer"),
        ("metrics.Score", "absent.metrics:Score, which cannot be imported: ModuleNotFoundError"),
    ],
)
def test_reference_that_leads_nowhere(afresh, name, message):
    printed = afresh(PLUGINS, f"import kerasx; kerasx.{name}")
    error = "PluginError" if "and no" in message else "MissingPluginError"
    plain = name.partition(".")[2]
    assert f"{error}: wrapper>{plain} of plugin wrapper is {message}" in printed


def test_package_that_fails_to_import_fails_each_time(afresh):
    files = {**FILES, "heavy/__init__.py": "import heavy.layers, no_such_package\n"}
    printed = afresh(
        {"wrapper": ("wrapper = wrapper", files)},
        "import kerasx\n"
        "for _ in range(2):\n"
        "    try: kerasx.layers.Rotary\n"
        "    except ImportError as error: print(type(error).__name__, 'no_such' in str(error))",
    )
    lines = printed.splitlines()
    assert [line for line in lines if "heavy" not in line] == ["MissingPluginError True"] * 2


def test_inspection_imports_nothing(afresh, tmp_path):
    path = tmp_path / "model.keras"
    printed = afresh(
        PLUGINS,
        "import json, keras, kerasx.saving, zipfile\n"
        f"layers = {{'layers': [{saved('Rotary', 'wrapper>Rotary')!r}]}}\n"
        "config = {'class_name': 'Sequential', 'module': 'keras', 'config': layers}\n"
        f"with zipfile.ZipFile({str(path)!r}, 'w') as file:\n"
        "    file.writestr('config.json', json.dumps(config))\n"
        "    file.writestr('metadata.json', '{}')\n"
        f"rotary = kerasx.saving.inspect_model({str(path)!r}).objects[1]\n"
        "print(rotary.kind, rotary.provider, rotary.problem)",
    )
    assert printed == "layer heavy"


def test_two_plugins_may_name_one_class(afresh):
    other = WRAPPER.replace("wrapper", "another")
    plugins = {**PLUGINS, "another": other}
    printed = afresh(
        plugins, "import kerasx; print('Rotary' in dir(kerasx.layers), kerasx.layers.Rotary)"
    )
    assert printed == "heavy is imported\nTrue <class 'heavy.layers.Rotary'>"
