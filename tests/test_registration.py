"""Registration at run time: notebooks, research repositories and single files take part."""

import keras
import numpy as np
import pytest

import kerasx
from kerasx import registry
from kerasx.errors import PluginError, UnknownNameError
from kerasx.testing import Case, subjects, tensors


@pytest.fixture(autouse=True)
def forgotten():
    """Forget what a test registers."""
    plugins, table = list(registry._plugins), dict(keras.saving.get_custom_objects())
    yield
    registry._plugins[:] = plugins
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(table)


def define():
    """Define a layer, a loss, a metric and a kernel, as a cell of a notebook does."""

    class Halve(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    class Gap(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.mean(keras.ops.abs(y_true - y_pred), -1)

    def gap(y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred), -1)

    class Largest(keras.metrics.MeanAbsoluteError):
        pass

    @kerasx.kernel
    def softclip(x):
        return keras.ops.tanh(x)

    return {each.__name__: each for each in (Halve, Gap, gap, Largest, softclip)}


@pytest.fixture
def cell():
    return define()


def test_appears_in_its_namespace(cell):
    kinds = {"Halve": "layers", "Gap": "losses", "Largest": "metrics", "softclip": "kernels"}
    for name, kind in kinds.items():
        assert kerasx.register(cell[name], package="my_lab") is cell[name]
        assert getattr(getattr(kerasx, kind), name) is cell[name]
        assert getattr(getattr(kerasx, kind).my_lab, name) is cell[name]
        assert kerasx.lookup(f"my_lab>{name}") is cell[name]
        assert keras.saving.get_registered_name(cell[name]) == f"my_lab>{name}"
    kerasx.register(cell["gap"], kind="losses", package="my_lab")
    kerasx.register(cell["gap"], kind="metrics", package="my_lab")
    assert kerasx.losses.gap is kerasx.metrics.gap is cell["gap"]
    assert [each.name for each in kerasx.plugins()].count("my_lab") == 1


def test_decorator():
    @kerasx.register
    class Bare(keras.layers.Layer):
        pass

    @kerasx.register(kind="activations", package="my_lab")
    def bent(x):
        return x

    package = __name__.partition(".")[0]
    assert keras.saving.get_registered_name(Bare) == f"{package}>Bare"
    assert keras.saving.get_registered_name(bent) == "my_lab>bent"


def test_running_a_cell_again_replaces_what_it_defines(cell):
    for objects in (cell, define()):
        for name in ("Halve", "softclip"):
            kerasx.register(objects[name], package="my_lab")
        for kind in ("losses", "metrics"):
            kerasx.register(objects["gap"], kind=kind, package="my_lab")
    assert kerasx.layers.Halve is objects["Halve"] is not cell["Halve"]
    assert kerasx.losses.gap is kerasx.metrics.gap is objects["gap"]
    assert keras.saving.get_registered_object("my_lab>softclip") is objects["softclip"]
    assert keras.saving.get_registered_object("softclip") is objects["softclip"]
    (plugin,) = [each for each in kerasx.plugins() if each.name == "my_lab"]
    assert len(plugin.contributions) == 4


def test_other_clashes_are_refused(cell):
    kerasx.register(cell["Halve"], package="my_lab")

    class Halve(keras.layers.Layer):
        pass

    message = "my_lab>Halve is contributed twice: under layers by my_lab and under layers by my_lab"
    with pytest.raises(PluginError, match=message):
        kerasx.register(Halve, package="my_lab")
    assert kerasx.layers.Halve is cell["Halve"]
    with pytest.raises(PluginError, match="under metrics by my_lab"):
        kerasx.register(type("Halve", (keras.metrics.Mean,), {}), package="my_lab")
    for package in ("kerasx_metrics", "kerasx-metrics"):
        with pytest.raises(PluginError, match="package must not be that of an installed plugin"):
            kerasx.register(cell["Halve"], package=package)
    # Another package may have the name, and then the plain one is ambiguous.
    kerasx.register(Halve, package="other")
    with pytest.raises(kerasx.errors.AmbiguousNameError, match=r"kerasx\.layers\.other\.Halve"):
        assert kerasx.layers.Halve
    kerasx.prefer("other")
    assert kerasx.layers.Halve is Halve
    kerasx.prefer()


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (TypeError, {"obj": np.sum}, "kind must be given for an object of type "),
        (ValueError, {"obj": np.sum, "kind": "loss"}, "kind must be one of layers, .*'loss'"),
        (TypeError, {"obj": np.sum, "kind": "layers"}, "obj must be a layer; received an object"),
        (TypeError, {"obj": str, "kind": None}, r"kind must be given for the class str\(object\)"),
        (
            ValueError,
            {"obj": lambda x: x, "kind": "losses"},
            "obj must have a public name; received '<lambda>'",
        ),
    ],
)
def test_wrong_arguments(error, arguments, message):
    with pytest.raises(error, match=f"^kerasx.register: {message}"):
        kerasx.register(**arguments, package="my_lab")


def test_what_another_package_defines_keeps_its_name():
    @keras.saving.register_keras_serializable("before")
    class Registered(keras.layers.Layer):
        pass

    kerasx.register(Registered, package="my_lab")
    assert keras.saving.get_registered_name(Registered) == "before>Registered"
    assert keras.saving.get_registered_object("my_lab>Registered") is Registered
    kerasx.register(kerasx.layers.CRF, package="my_lab")
    assert keras.saving.get_registered_name(kerasx.layers.CRF) == "kerasx_sequence>CRF"

    class Installed(keras.layers.Layer):
        pass

    Installed.__module__ = "pytest"
    kerasx.register(Installed)
    assert keras.saving.get_registered_name(Installed) == "Installed"
    assert keras.saving.get_registered_object("pytest>Installed") is Installed
    assert kerasx.layers.Installed is Installed


def test_model_that_was_saved_before_loads_after(cell, tmp_path):
    path, inputs = tmp_path / "model.keras", keras.Input((3,))
    keras.Model(inputs, cell["softclip"](inputs)).save(path)
    line = r"kerasx\.register\(softclip\)"
    with pytest.raises(UnknownNameError, match=line):
        keras.models.load_model(path)
    with pytest.raises(kerasx.errors.SavedModelError, match=line):
        kerasx.load_model(path)
    kerasx.register(cell["softclip"])
    for load in (keras.models.load_model, kerasx.load_model):
        assert load(path).output_shape == (None, 3)


def test_model_reloads(cell, tmp_path):
    for name in ("Halve", "Gap", "Largest", "softclip"):
        kerasx.register(cell[name], package="my_lab")
    path, inputs = tmp_path / "model.keras", keras.Input((3,))
    hidden = keras.layers.Dense(2, activation=cell["softclip"])(cell["Halve"]()(inputs))
    model = keras.Model(inputs, cell["softclip"](hidden))
    model.compile("sgd", cell["Gap"](), metrics=[cell["Largest"]()])
    x = np.ones((2, 3), "float32")
    model.fit(x, x[:, :2], verbose=0)
    kerasx.save_model(model, path)
    np.testing.assert_allclose(
        kerasx.load_model(path).predict(x, verbose=0), model.predict(x, verbose=0)
    )
    saved = kerasx.saving.inspect_model(path)
    assert ("my_lab>Halve", "my_lab") in [(each.type, each.provider) for each in saved.objects]
    assert "my_lab" not in saved.recorded


def test_cases_are_for_the_contract(cell):
    halve = cell["Halve"]
    case = Case(halve, lambda batch, units: tensors((batch, units)))
    kerasx.register(halve, package="my_lab", cases=[case])
    (subject,) = subjects("my_lab")
    assert (subject.object, subject.qualified, subject.cases) == (halve, "my_lab>Halve", (case,))
    kerasx.register(halve, package="my_lab", cases=lambda: [case, case])
    (subject,) = subjects("my_lab")
    assert subject.cases == (case, case)


SCRIPT = """
import sys, keras, kerasx

@kerasx.register
@kerasx.kernel
def softclip(x): return keras.ops.tanh(x)

@kerasx.register
class Halve(keras.layers.Layer):
    def call(self, x): return x / 2

if __name__ == "__main__":
    inputs = keras.Input((3,))
    keras.Model(inputs, softclip(Halve()(inputs))).save(sys.argv[1])
"""


@pytest.mark.thorough
def test_script_saves_what_its_import_loads(run, tmp_path):
    script, model = tmp_path / "my-train.py", tmp_path / "model.keras"
    script.write_text(SCRIPT)
    assert run({}, script, model).returncode == 0
    (tmp_path / "my_train.py").write_text(SCRIPT)
    load = f"import sys; sys.path.append({str(tmp_path)!r}); import my_train, keras\n"
    load += "model = keras.models.load_model(sys.argv[1]); print('loaded', model.output_shape)"
    done = run({}, "-c", load, model)
    assert done.stdout.endswith("loaded (None, 3)\n"), done.stdout


def test_notebook(afresh):
    printed = afresh(
        {},
        "import sys, types\n"
        "before, sys.modules['__main__'] = sys.modules['__main__'], types.ModuleType('__main__')\n"
        "import keras, kerasx\n"
        "class Halve(keras.layers.Layer): pass\n"
        "Halve.__module__ = '__main__'\n"
        "kerasx.register(Halve)\n"
        "print(keras.saving.get_registered_name(Halve))\n"
        "sys.modules['__main__'] = before",
    )
    assert printed == "notebook>Halve"


def test_a_reload_of_kerasx_keeps_it(afresh):
    printed = afresh(
        {},
        "import importlib, keras, kerasx\n"
        "class Halve(keras.layers.Layer): pass\n"
        "kerasx.register(Halve, package='my_lab')\n"
        "importlib.reload(kerasx)\n"
        "print(kerasx.layers.Halve is Halve)",
    )
    assert printed == "True"
