"""Real models: what is said of them, before and instead of loading them."""

import importlib
import sys
import zipfile

import keras
import pytest
from click.testing import CliRunner

import kerasx
from kerasx import names, registry
from kerasx.errors import MissingPluginError, SavedModelError
from kerasx.saving import inspect as inspecting
from kerasx.saving import inspect_model
from kerasx_launcher.commands import commands

pytestmark = pytest.mark.xdist_group("saved")


def plain_loss(labels, predictions):
    return keras.ops.mean(labels - predictions)


def model_of_acme():
    inputs = keras.Input((3,))
    acme = kerasx.lookup("acme_layers>Scale"), kerasx.lookup("acme_layers>twice")
    hidden = keras.layers.Dense(2, activation=acme[1], name="first")(acme[0](name="scale")(inputs))
    hidden = kerasx.lookup("acme_layers>raised")(keras.ops.relu(hidden + 1)[:, :2], power=3)
    return keras.Model(inputs, keras.layers.Dense(4, activation="softmax", name="last")(hidden))


def model_of_metrics():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    f1 = kerasx.metrics.F1Score(average="macro")
    model.compile("adam", loss="mse", metrics=[f1, "accuracy"], weighted_metrics=["mae"])
    return model


def described(saved):
    return [
        (each.kind, each.name, each.type, f"{each.provider} {each.version}".rstrip())
        for each in saved.objects
        if each.kind in ("model", "layer", "loss", "metric") or each.provider != "keras"
    ]


def test_says_who_provides_each_object(installed, acme, tmp_path):
    installed({"acme-layers": ("1.5", acme)})
    model = model_of_acme()
    f1 = kerasx.metrics.F1Score(average="macro")
    model.compile("adam", loss={"last": "mse"}, metrics=[f1, "accuracy"])
    model.save(tmp_path / "model.keras")
    saved = inspect_model(tmp_path / "model.keras")
    of_keras = f"keras {keras.__version__}"
    assert saved.keras_version == keras.__version__
    assert [each.problem for each in saved.objects if each.problem] == []
    assert (saved.recorded, saved.newer) == ({}, [])
    rows = described(saved)
    assert rows[0][0] == "model"
    assert rows[1:] == [
        ("layer", rows[1][1], "keras.layers.InputLayer", of_keras),
        ("layer", "scale", "acme_layers>Scale", "acme-layers 1.5"),
        ("layer", "first", "keras.layers.Dense", of_keras),
        ("activation", "", "acme_layers>twice", "acme-layers 1.5"),
        ("kernel", rows[5][1], "acme_layers>raised", "acme-layers 1.5"),
        ("layer", "last", "keras.layers.Dense", of_keras),
        ("loss", "", "mse", of_keras),
        ("metric", "f1_score", "kerasx_metrics>F1Score", rows[8][3]),
        ("metric", "", "accuracy", of_keras),
    ]
    assert rows[8][3].startswith("kerasx-metrics ")
    assert {each.kind for each in saved.objects} >= {"operation", "initializer", "optimizer"}
    assert [each.where for each in saved.objects if each.type == "acme_layers>twice"] == [
        "config.layers[2].config.activation"
    ]


def test_every_layer_of_keras_is_known(tmp_path):
    layers = [
        keras.layers.Embedding(8, 4, embeddings_constraint="unit_norm"),
        keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True)),
        keras.layers.MultiHeadAttention(2, 2),
        keras.layers.RNN([keras.layers.GRUCell(2, kernel_regularizer="l2")]),
        keras.Sequential([keras.layers.Dense(2, dtype="mixed_bfloat16", activation="gelu")]),
        keras.layers.Dense(2, activation=keras.ops.tanh),
        keras.layers.LeakyReLU(),
    ]
    value = inputs = keras.Input((5,), dtype="int32")
    for layer in layers:
        value = layer(value, value) if "MultiHead" in type(layer).__name__ else layer(value)
    model = keras.Model(inputs, keras.ops.concatenate([value, keras.ops.exp(value)]))
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    model.compile(keras.optimizers.Adam(schedule), loss, [keras.metrics.mean_squared_error])
    model.save(tmp_path / "model.keras")
    assert {each.provider for each in inspect_model(tmp_path / "model.keras").objects} == {"keras"}


def test_missing_third_party(installed, acme, tmp_path):
    installed({"acme-layers": ("1.5", acme)})
    path = tmp_path / "model.keras"
    model_of_acme().save(path)
    assert kerasx.load_model(path).get_layer("scale").name == "scale"
    installed({})
    missing = {each.type: each.problem for each in inspect_model(path).objects if each.problem}
    assert missing.keys() == {"acme_layers>Scale", "acme_layers>twice", "acme_layers>raised"}
    for name, sentence in missing.items():
        assert sentence == (
            f"no loaded plugin contributes {name}; install the package acme_layers, or import it "
            "if it is your own code"
        )
    with pytest.raises(SavedModelError) as refused:
        kerasx.load_model(path)
    for sentence in missing.values():
        assert sentence in str(refused.value)


# Another package, which knows nothing of kerasx; its layer has data that look like an object.
OTHERS = """
import keras

class Wiring:
    def __init__(self, units): self.units = units
    def get_config(self): return {"units": self.units}

@keras.saving.register_keras_serializable()
class Wired(keras.layers.Layer):
    def __init__(self, wiring, **kwargs):
        super().__init__(**kwargs)
        self.wiring = wiring
    def call(self, x): return x * self.wiring.units
    def get_config(self): return {**super().get_config(), "wiring": self.wiring}
    @classmethod
    def from_config(cls, config):
        return cls(Wiring(config.pop("wiring")["config"]["units"]), **config)
"""
WRAPPER = """
import kerasx, others
@kerasx.hookimpl
def kerasx_layers(): return [others.Wired]
"""


def model_of_others():
    others = sys.modules["others"]
    inputs = keras.Input((3,))
    return keras.Model(inputs, others.Wired(others.Wiring(2))(inputs))


@pytest.fixture
def others(tmp_path):
    """A package without kerasx, and its distribution. Ask for it before `installed`."""
    site = tmp_path / "others"
    (site / "keras_others-2.5.dist-info").mkdir(parents=True)
    (site / "others.py").write_text(OTHERS)
    (site / "keras_others-2.5.dist-info/METADATA").write_text("Name: keras-others\nVersion: 2.5\n")
    (site / "keras_others-2.5.dist-info/top_level.txt").write_text("others\n")
    sys.path.append(str(site))
    inspecting._distributions.cache_clear()
    yield site
    sys.path.remove(str(site))
    sys.modules.pop("others", None)
    inspecting._distributions.cache_clear()
    table = keras.saving.get_custom_objects()
    for name in [name for name in table if name.endswith("Wired")]:
        del table[name]


def test_data_of_another_package_that_look_like_an_object(others, installed, tmp_path):
    installed({"wrapper": ("1.0", WRAPPER)})
    path = tmp_path / "model.keras"
    kerasx.save_model(model_of_others(), path)
    assert kerasx.load_model(path).layers[1].wiring.units == 2
    saved = inspect_model(path)
    (wired,) = [each for each in saved.objects if each.type == "Custom>Wired"]
    assert (wired.provider, wired.version, wired.problem) == ("keras-others", "2.5", "")
    (wiring,) = [each for each in saved.objects if each.type == "others.Wiring"]
    assert (wiring.inside, wiring.provider, wiring.is_refused) == ("Custom>Wired", "", False)
    assert wiring.problem.startswith("others.Wiring is not registered with Keras")
    status, output = command(path)
    assert status == 0
    rows = [line.split("  ")[-1].strip() for line in output.splitlines() if "Wir" in line]
    assert rows == ["keras-others 2.5", "read by Custom>Wired"]
    assert saved.recorded["others"] == ("keras-others", "2.5")


def test_data_that_the_other_package_cannot_read(others, installed, tmp_path):
    installed({"wrapper": ("1.0", WRAPPER)})
    path = tmp_path / "model.keras"
    model_of_others().save(path)
    sys.modules["others"].Wired.from_config = classmethod(
        lambda cls, config: keras.saving.deserialize_keras_object(config["wiring"])
    )
    with pytest.raises(SavedModelError, match=r"others\.Wiring is not registered with Keras"):
        kerasx.load_model(path)


def test_package_of_others_that_was_uninstalled(others, installed, tmp_path):
    installed({"wrapper": ("1.0", WRAPPER)})
    plain, recorded = tmp_path / "plain.keras", tmp_path / "recorded.keras"
    model = model_of_others()
    model.save(plain)
    kerasx.save_model(model, recorded)
    installed({})
    for name in ("Custom>Wired", "wrapper>Wired", "Wired"):
        keras.saving.get_custom_objects().pop(name, None)
    sentence = "no loaded plugin contributes Custom>Wired; "
    imported = "import the package others, which registers it,"
    (problem,) = [each.problem for each in inspect_model(plain).objects if each.is_refused]
    assert problem == sentence + imported + " before you load the model"
    del sys.modules["others"]
    (others / "others.py").unlink()
    importlib.invalidate_caches()
    install = "install the package others, or import it if it is your own code"
    for path, end in ((plain, ""), (recorded, "; the file was saved with keras-others 2.5")):
        (problem,) = [each.problem for each in inspect_model(path).objects if each.is_refused]
        assert problem == sentence + install + end
        assert "did you mean" not in problem


def test_function_that_keras_saved_by_its_plain_name(archive):
    node = {"class_name": "function", "module": "builtins", "config": "f1_score"}
    model = {"class_name": "Sequential", "module": "keras", "config": {"any": node}}
    (function,) = [
        each for each in inspect_model(archive(model)).objects if each.type == "f1_score"
    ]
    assert (function.provider, function.problem) == ("kerasx-metrics", "")


@pytest.mark.parametrize("is_installed", [False, True])
def test_packages_that_keras_imports(archive, tmp_path, monkeypatch, is_installed):
    if is_installed:
        (tmp_path / "keras_hub.py").write_text("raise SystemExit('imported')")
        monkeypatch.syspath_prepend(tmp_path)
    node = {"class_name": "Rotary", "module": "keras_hub.src.rotary", "config": {}}
    node["registered_name"] = "keras_hub>Rotary"
    model = {"class_name": "Sequential", "module": "keras", "config": [node]}
    rotary = inspect_model(archive(model)).objects[1]
    assert rotary.provider == ("keras_hub" if is_installed else "")
    assert ("install the package keras_hub" in rotary.problem) is not is_installed


def test_failing_third_party(installed, acme, tmp_path):
    installed({"acme-layers": ("1.5", acme)})
    path = tmp_path / "model.keras"
    model_of_acme().save(path)
    broken = acme + "@kerasx.hookimpl\ndef kerasx_metrics(): return [undefined]\n"
    with pytest.warns(registry.PluginWarning):
        installed({"acme-layers": ("1.5", broken)}, KERASX_STRICT="0")
    reason = "acme_layers>Scale: plugin acme-layers 1.5 failed to load: hook kerasx_metrics raised"
    with pytest.raises(SavedModelError, match=reason):
        kerasx.load_model(path)
    with pytest.raises(MissingPluginError, match=reason):
        keras.models.load_model(path)


@pytest.mark.parametrize("state", ["blocked", "not installed", "too old"])
def test_first_party_that_is_not_there(installed, tmp_path, monkeypatch, state):
    path = tmp_path / "model.keras"
    model_of_metrics().save(path)
    if state == "blocked":
        installed({}, KERASX_PLUGINS="")
        sentence = "plugin kerasx-metrics .* is blocked: KERASX_PLUGINS='' leaves it out"
    elif state == "not installed":
        installed({}, first_party=False)
        sentence = 'kerasx-metrics has it, install that: pip install "\\.\\[metrics\\]" in a clone'
    else:
        text = zipfile.ZipFile(path).read("config.json").decode()
        monkeypatch.setitem(names.FIRST_PARTY["kerasx-metrics"], "metrics", ["F9Score"])
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("metadata.json", "{}")
            file.writestr("config.json", text.replace("kerasx_metrics>F1", "kerasx_metrics>F9"))
        registry.load()
        names.hold_places()
        sentence = "does not have it yet; install a newer version"
    sentence = rf"no loaded plugin contributes kerasx_metrics>F\dScore: .*{sentence}"
    with pytest.raises(MissingPluginError, match=f"^{sentence}"):
        keras.models.load_model(path)
    with pytest.raises(SavedModelError, match=sentence):
        kerasx.load_model(path)
    assert [(each.kind, each.provider) for each in inspect_model(path).objects if each.problem] == [
        ("metric", "")
    ]


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
def test_functions_and_kernels_that_are_not_there(installed, monkeypatch, tmp_path):
    path, other = tmp_path / "model.keras", tmp_path / "other.keras"
    inputs = keras.Input((3,))
    keras.Model(inputs, kerasx.kernels.top_class(inputs)).save(path)
    dense = keras.layers.Dense(4, activation=kerasx.kernels.top_class)
    keras.Sequential([dense]).save(other)
    installed({}, KERASX_PLUGINS="")
    sentence = "kerasx_metrics>top_class: plugin kerasx-metrics .* is blocked"
    with pytest.raises(MissingPluginError, match=sentence):
        keras.models.load_model(path)
    assert [each.kind for each in inspect_model(path).objects if each.problem] == ["kernel"]
    with pytest.raises(SavedModelError, match=sentence):
        kerasx.load_model(other)
    assert [each.kind for each in inspect_model(other).objects if each.problem] == ["kernel"]
    function = keras.saving.get_registered_object("kerasx_metrics>f1_score")
    with pytest.raises(MissingPluginError, match="kerasx_metrics>f1_score: plugin"):
        function([0, 1], [0, 1])


def test_placeholders_are_no_contributions_and_give_way(installed):
    installed({}, KERASX_PLUGINS="")
    assert "F1Score" not in dir(kerasx.metrics)
    assert registry.contributions() == []
    held = keras.saving.get_registered_object("kerasx_metrics>F1Score")
    assert issubclass(held, names.Placeholder)
    installed({})
    real = keras.saving.get_registered_object("kerasx_metrics>F1Score")
    assert real is kerasx.metrics.F1Score
    assert keras.saving.get_registered_name(real) == "kerasx_metrics>F1Score"


def test_uncompiled_needs_no_metrics(installed, tmp_path):
    path = tmp_path / "model.keras"
    model_of_metrics().save(path)
    installed({}, KERASX_PLUGINS="")
    assert not kerasx.load_model(path, compile=False).compiled


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_own_code_is_asked_for(tmp_path):
    class Own(keras.layers.Dense):
        pass

    path = tmp_path / "model.keras"
    model = keras.Sequential([keras.Input((3,)), Own(2)])
    model.compile(loss=plain_loss)
    model.save(path)
    with pytest.raises(SavedModelError) as refused:
        kerasx.load_model(path)
    for name in [f"{__name__}.Own", "plain_loss"]:
        assert f"{name} is not registered with Keras" in str(refused.value)
    objects = {"Own": Own, "plain_loss": plain_loss}
    assert type(kerasx.load_model(path, objects).layers[0]) is Own
    with keras.saving.custom_object_scope(objects):
        assert type(kerasx.load_model(path).layers[0]) is Own


def test_lambda_loads_only_on_request(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: 2 * x)]).save(path)
    with pytest.raises(SavedModelError, match=r"function is a lambda and holds code.*safe_mode=Fa"):
        kerasx.load_model(path)
    loaded = kerasx.load_model(path, safe_mode=False)
    assert float(keras.ops.sum(loaded(keras.ops.ones((1, 3))))) == 6


def test_saves_only_what_can_be_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"must end in .keras; received 'model.h5'"):
        kerasx.save_model(model_of_metrics(), "model.h5")


# The command


def command(*arguments):
    result = CliRunner().invoke(commands, ["inspect", *map(str, arguments)])
    return result.exit_code, result.output


def test_command(installed, acme, tmp_path):
    installed({"acme-layers": ("1.5", acme)})
    path = tmp_path / "model.keras"
    kerasx.save_model(model_of_acme(), path)
    status, output = command(path)
    lines = output.splitlines()
    assert status == 0
    assert lines[:2] == [f"saved with Keras {keras.__version__}", ""]
    assert lines[2].split("  ")[0] == "kind"
    rows = [line.split() for line in lines[3:]]
    assert ["layer", "scale", "acme_layers>Scale", "acme-layers", "1.5"] in rows
    assert ["activation", "acme_layers>twice", "acme-layers", "1.5"] in rows
    assert not any("GlorotUniform" in line for line in lines)

    installed({"acme-layers": ("1.4", acme)})
    status, output = command(path)
    assert status == 0
    assert output.endswith("installed 1.4; install a newer version of acme-layers\n")

    installed({})
    status, output = command(path)
    assert status == 1
    assert ["layer", "scale", "acme_layers>Scale", "missing"] in [
        line.split() for line in output.splitlines()
    ]
    assert "no loaded plugin contributes acme_layers>Scale; install the package acme_" in output


def test_command_on_what_is_no_model(archive, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"x")
    assert command(path) == (
        1,
        f"Error: {str(path)!r} is refused: it is malformed, or no .keras file (BadZipFile: File is "
        "not a zip file)\n",
    )
    assert command(tmp_path / "none.keras")[0] == 2
    status, output = command(archive({"class_name": "__lambda__", "config": {}}))
    assert status == 1
    assert output.splitlines()[3].split() == ["object", "__lambda__", "code"]
