"""The record of plugins in a saved model: who provided a name, and in which version."""

import zipfile

import keras
import pytest

import kerasx
from kerasx.errors import SavedModelError
from kerasx.saving import inspect_model

pytestmark = pytest.mark.xdist_group("saved")


def model():
    return keras.Sequential([keras.Input((3,)), kerasx.lookup("acme_layers>Scale")(name="scale")])


def test_record_says_what_provided_a_name(installed, acme, tmp_path):
    installed({"acme-layers": ("1.5", acme), "other": ("1.0", acme.replace("Scale", "Other"))})
    path = tmp_path / "model.keras"
    kerasx.save_model(model(), path)
    assert inspect_model(path).recorded == {
        "kerasx": ("kerasx", kerasx.__version__),
        "acme_layers": ("acme-layers", "1.5"),
    }
    assert len(zipfile.ZipFile(path).namelist()) == 3
    assert keras.models.load_model(path).get_layer("scale").name == "scale"
    installed({})
    with pytest.raises(SavedModelError, match=r"the file was saved with acme-layers 1\.5$"):
        kerasx.load_model(path)


@pytest.mark.parametrize(
    ("version", "newer"), [("1.10", False), ("1.9", True), ("1.10rc1", True), ("2.0", False)]
)
def test_newer_file_warns(installed, acme, tmp_path, version, newer, recwarn):
    installed({"acme-layers": ("1.10", acme)})
    path = tmp_path / "model.keras"
    kerasx.save_model(model(), path)
    installed({"acme-layers": (version, acme)})
    kerasx.load_model(path)
    warned = [str(each.message) for each in recwarn if "newer" in str(each.message)]
    assert warned == newer * [
        f"{str(path)!r}: it was saved with acme-layers 1.10, which is newer than the installed "
        f"{version}; install a newer version of acme-layers"
    ]


def test_comments_of_others_are_no_record(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(path)
    with zipfile.ZipFile(path, "a") as file:
        file.comment = b"made by hand \xff"
    assert inspect_model(path).recorded == {}


@pytest.mark.parametrize(
    "record", ["", "[]", "{", '{"a": 1}', '{"a": ["a", "new"]}', '{"a": ["a", 1]}', "[" * 60_000]
)
def test_malformed_record_is_refused(tmp_path, record):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(path)
    with zipfile.ZipFile(path, "a") as file:
        file.comment = f"kerasx plugins: {record}".encode()
    with pytest.raises(SavedModelError, match="its record of plugins is malformed"):
        inspect_model(path)
