"""Files made to do harm, or just broken: refused, with one kind of error, and nothing imported."""

import json
import struct
import sys
import tracemalloc
import zipfile
import zlib

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasx
from kerasx.errors import SavedModelError
from kerasx.saving import archive as limits
from kerasx.saving import inspect as inspecting
from kerasx.saving import inspect_model

pytestmark = pytest.mark.xdist_group("saved")


def config_with(**node):
    """A model whose one layer is the given node."""
    config = {"name": "sequential", "layers": [node]}
    return {"module": "keras", "class_name": "Sequential", "config": config}


KERNEL = {"kernel": "kerasx_metrics>top_class"}
LAYER = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}}


# Names


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module that must not be imported."""
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"module": "trap", "class_name": "Layer"}, "trap.Layer is not registered"),
        ({"module": "trap.inner", "class_name": "function", "config": "run"}, "run is not regis"),
        ({"module": "os", "class_name": "function", "config": "system"}, "os.system is not"),
        ({"module": "builtins", "class_name": "function", "config": "eval"}, "eval is not regist"),
        ({"module": None, "class_name": "Dense"}, "Dense is not registered"),
        ({"module": "subprocess", "class_name": "Popen"}, "subprocess.Popen is not registered"),
        ({"module": "trap", "class_name": "A", "registered_name": "trap>A"}, "package trap"),
        ({**LAYER, "registered_name": "trap>A"}, "contributes trap>A"),
        ({"module": "keras_hub.trap", "class_name": "A"}, "keras_hub.trap.A is not registered"),
        ({"module": "keras.trap", "class_name": "A"}, "has no keras.trap.A that"),
        ({"module": "keras.layers", "class_name": "Dence"}, "has no keras.layers.Dence that"),
        ({"module": "keras.callbacks", "class_name": "LambdaCallback"}, "has no keras.callbacks.L"),
        ({"module": "kerasx.kernel", "class_name": "KernelCall"}, "KernelCall is not registered"),
        ({"module": "keras.utils", "class_name": "get_file"}, "has no keras.utils.get_file that"),
        (
            {"module": "keras.utils", "class_name": "function", "config": "get_file"},
            "has no keras.utils.get_file that",
        ),
        (
            {"module": "keras.models", "class_name": "function", "config": "load_model"},
            "has no keras.models.load_model that",
        ),
        (
            {"class_name": "__typespec__", "spec_name": "S", "module": "trap", "config": []},
            "trap.S is not registered",
        ),
        ({"class_name": "__lambda__", "config": {"value": ["4wAA"]}}, "is a lambda and holds"),
        (
            {"class_name": "__lambda__", "registered_name": "kerasx>KernelCall", "config": KERNEL},
            "is a lambda and holds",
        ),
        ({"module": "keras.layers", "class_name": "TFSMLayer"}, "is a TFSMLayer and holds"),
        ({"module": "keras.layers", "class_name": "TorchModuleWrapper"}, "ModuleWrapper and hol"),
    ],
)
@pytest.mark.parametrize("depth", ["layer", "deep inside"])
@pytest.mark.usefixtures("trap")
def test_names_of_what_is_no_part_of_a_model(archive, node, sentence, depth):
    node = {"config": {}, **node}
    if depth == "deep inside":
        node = {**LAYER, "config": {"units": 2, "activation": [{"any": [node]}]}}
    path = archive(config_with(**node))
    before = {*sys.modules}
    problems = [each.problem for each in inspect_model(path).objects if each.problem]
    assert len(problems) == 1
    assert sentence in problems[0]
    with pytest.raises(SavedModelError) as refused:
        kerasx.load_model(path)
    assert problems[0] in str(refused.value)
    assert {each for each in {*sys.modules} - before if "encodings" not in each} == set()


def test_texts_inside_a_loss_are_no_losses(archive):
    loss = {"module": "keras.losses", "class_name": "Dice", "config": {"any": ["text"]}}
    path = archive({**config_with(**LAYER), "compile_config": {"loss": {"a": loss, "b": ["mse"]}}})
    assert [each.type for each in inspect_model(path).objects][2:] == ["keras.losses.Dice", "mse"]


@pytest.mark.usefixtures("trap")
def test_safe_mode_is_no_leave_for_other_names(archive):
    path = archive(config_with(module="trap", class_name="TFSMLayer", config={}))
    with pytest.raises(SavedModelError, match=r"trap\.TFSMLayer is not registered"):
        kerasx.load_model(path, safe_mode=False)


@pytest.mark.parametrize("value", [5, True, None, [], {}, ["a"], "x" * 257, 1.5])
@pytest.mark.parametrize("key", ["class_name", "module", "registered_name"])
def test_names_that_are_none(archive, key, value):
    path = archive(config_with(**{**LAYER, key: value}))
    if key != "class_name" and not value:  # as Keras itself writes null
        assert inspect_model(path).objects[1].type.endswith("Dense")
    else:
        with pytest.raises(SavedModelError, match=r"layers\[0\] names no class: ") as refused:
            inspect_model(path)
        assert len(str(refused.value)) < 1000


def test_text_is_made_printable(archive):
    hostile = "\x1b[2J\u202e\ud800>\n" + "x" * 9000
    node = {"module": "a\x1b", "class_name": hostile[:200], "config": {"name": hostile}}
    path = archive(config_with(**node, **{hostile: [node]}), json.dumps({"keras_version": hostile}))
    saved = inspect_model(path)
    assert len(saved.objects) == 3
    for text in [saved.keras_version, *(v for o in saved.objects for v in vars(o).values())]:
        assert str(text).isprintable()
        assert len(str(text)) < 3000


# Archives


@pytest.mark.parametrize(
    ("config", "metadata", "sentence"),
    [
        (None, "{}", "the archive has no config.json"),
        ("{}", None, "the archive has no metadata.json"),
        ("", "{}", "malformed.*JSONDecodeError"),
        ("[]", "{}", "config.json is not a JSON object"),
        ("{}", "1", "metadata.json is not a JSON object"),
        (b'{"\xff": 1}', "{}", "malformed.*UnicodeDecodeError"),
        ('{"a": ' + "1" * 5000 + "}", "{}", "malformed.*ValueError"),
        ("[" * 100_000, "{}", "recursion depth exceeded"),
        ('{"a":' * 100_000, "{}", "recursion depth exceeded"),
    ],
)
def test_members_that_are_no_json_of_a_model(archive, config, metadata, sentence):
    with pytest.raises(SavedModelError, match=f"is refused: .*{sentence}"):
        inspect_model(archive(config, metadata))


def test_depth_about_the_limit_of_python(archive):
    limit = sys.getrecursionlimit()
    for depth in range(limit - 200, limit + 20, 5):
        read_or_refused(archive('{"a":' * depth + "{}" + "}" * depth))


def test_depth_that_models_have_is_read(archive):
    config = LAYER
    for _ in range(40):
        config = config_with(**config)
    assert len(inspect_model(archive(config)).objects) == 41


def test_too_many_objects(archive, monkeypatch):
    monkeypatch.setattr(inspecting, "OBJECT_LIMIT", 10)
    config = {"class_name": "Sequential", "module": "keras", "config": [LAYER] * 9}
    assert len(inspect_model(archive(config)).objects) == 10
    with pytest.raises(SavedModelError, match="more than 10 objects"):
        inspect_model(archive({**config, "build_config": [LAYER]}))


def refused_in_little_memory(path, sentence):
    tracemalloc.start()
    try:
        with pytest.raises(SavedModelError, match=sentence):
            kerasx.load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def rewritten(path, name, **fields):
    """Make the table of the archive lie about a member."""
    with zipfile.ZipFile(path, "a") as file:
        for key, value in fields.items():
            setattr(file.getinfo(name), key, value)
        file.comment = b"rewritten"
    return path


NAMES_OF_MEMBERS = ["config.json", "model.weights.h5", "assets/vocabulary.txt"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", NAMES_OF_MEMBERS)
def test_zip_bomb(archive, name, method):
    path = archive(None if name == "config.json" else "{}")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, bytes(16 << 20), compress_type=method)
    assert path.stat().st_size < 100_000
    refused_in_little_memory(path, f"{name} is compressed, from 16,777,216 bytes; Keras does not")


@pytest.mark.parametrize("name", NAMES_OF_MEMBERS)
def test_zip_bomb_that_claims_to_be_small(archive, name):
    # zipfile checks only the bytes that were claimed, and by then it has expanded all.
    path = archive(None if name == "config.json" else "{}")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, bytes(16 << 20), compress_type=zipfile.ZIP_DEFLATED)
        stored = file.getinfo(name).compress_size
    for size in [2, stored]:
        rewritten(path, name, file_size=size, CRC=zlib.crc32(bytes(size)))
        refused_in_little_memory(path, f"{name} is compressed, from {size:,} bytes")


@pytest.mark.parametrize("name", NAMES_OF_MEMBERS)
def test_claim_of_10_gigabytes(archive, name):
    path = archive("{}", **{"model.weights.h5": "", "assets/vocabulary.txt": "a"})
    rewritten(path, name, file_size=10 << 30, compress_size=10 << 30)
    refused_in_little_memory(path, "its members claim 10,737,4.* bytes, and the file has ")


def test_members_that_share_their_bytes(archive):
    path = archive("{}", a="x" * 5000)
    with zipfile.ZipFile(path, "a") as file:
        for number in range(5):
            copy = zipfile.ZipInfo(f"copy{number}")
            for key in ["header_offset", "compress_size", "file_size", "CRC"]:
                setattr(copy, key, getattr(file.getinfo("a"), key))
            file.filelist.append(copy)
        file.comment = b"rewritten"
    with pytest.raises(SavedModelError, match=r"its members claim 30,\d+ bytes"):
        inspect_model(path)


@pytest.mark.parametrize("name", ["config", "metadata"])
def test_more_json_than_is_read(archive, monkeypatch, name):
    monkeypatch.setattr(limits, "JSON_LIMIT", 100)
    members = {"config": "{}", "metadata": "{}", name: json.dumps({"a": "x" * 92})}
    assert len(members[name]) == 101
    with pytest.raises(SavedModelError, match=f"{name}.json has 101 bytes; at most 100 are read"):
        inspect_model(archive(**members))
    members[name] = json.dumps({"a": "x" * 91})
    assert inspect_model(archive(**members)).objects == []


def test_two_members_of_one_name(archive):
    path = archive("{}")
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("config.json", "{}")
    with pytest.raises(SavedModelError, match="two members of the archive have one name"):
        inspect_model(path)


def test_encrypted_member(archive):
    path = rewritten(archive("{}"), "config.json", flag_bits=1)
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\x03\x04", 4)
    data[start + 6 : start + 8] = struct.pack("<H", 1)
    path.write_bytes(data)
    with pytest.raises(SavedModelError, match=r"malformed.*encrypted"):
        inspect_model(path)


def test_what_is_not_there_or_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        kerasx.load_model(tmp_path / "none.keras")
    with pytest.raises(IsADirectoryError):
        inspect_model(tmp_path)


# Drawn


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    path = tmp_path_factory.mktemp("real") / "model.keras"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="relu")])
    model.compile("adam", "mse", metrics=[kerasx.metrics.F1Score(), "accuracy"])
    kerasx.save_model(model, path)
    return path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("drawn") / "drawn.keras"


def read_or_refused(path):
    """Return whether it was read; only the one kind of error is caught."""
    try:
        saved = inspect_model(path)
        shown = [str(value) for each in saved.objects for value in vars(each).values()]
    except SavedModelError as error:
        saved, shown = None, [str(error)]
    assert all(map(str.isprintable, shown))
    return saved is not None


@given(st.binary(max_size=300))
def test_any_bytes(scratch, data):
    scratch.write_bytes(data)
    assert not read_or_refused(scratch)


@given(st.data())
def test_truncated_or_damaged(real, scratch, data):
    content = bytearray(real.read_bytes())
    # The weights are Keras's to read; the rest is in the first and last kilobytes.
    places = [*range(4096), *range(len(content) - 1024, len(content))]
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    scratch.write_bytes(content)
    read_or_refused(scratch)


CONFIG_KEYS = ["class_name", "config", "module", "registered_name", "name", "layers", "kernel"]
KEYS = st.sampled_from([*CONFIG_KEYS, "compile_config", "loss", "metrics", "spec_name"])
CLASSES = ["function", "Dense", "__lambda__", "__tensor__", "__slice__", "__typespec__"]
REGISTERED = ["kerasx>KernelCall", "kerasx_metrics>F1Score", "a>b", ">"]
NAMES = st.sampled_from([*CLASSES, *REGISTERED, "keras", "keras.layers", "builtins", "relu"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | NAMES
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=6)
        | st.fixed_dictionaries(
            {"class_name": NAMES | inner, "config": inner},
            optional={"module": NAMES | inner, "registered_name": NAMES | inner, "name": inner},
        )
    ),
    max_leaves=30,
)


@given(config=JSON, metadata=JSON)
def test_any_json(scratch, config, metadata):
    with zipfile.ZipFile(scratch, "w") as file:
        file.writestr("config.json", json.dumps(config))
        file.writestr("metadata.json", json.dumps(metadata))
    read_or_refused(scratch)


@given(data=st.data(), replacement=JSON)
def test_a_model_with_any_part_replaced(real, scratch, data, replacement):
    with zipfile.ZipFile(real) as file:
        config = json.loads(file.read("config.json"))
    part = config
    while True:
        key = data.draw(st.sampled_from([*part] if isinstance(part, dict) else range(len(part))))
        if not part[key] or not isinstance(part[key], dict | list) or data.draw(st.booleans()):
            break
        part = part[key]
    part[key] = replacement
    with zipfile.ZipFile(scratch, "w") as file:
        file.writestr("config.json", json.dumps(config))
        file.writestr("metadata.json", "{}")
    read_or_refused(scratch)


def test_the_model_that_is_damaged_here_is_read(real):
    assert read_or_refused(real)


def test_optimizers_of_torch_are_found_before_keras_imports_their_modules(archive):
    module = "keras.src.backend.torch.optimizers.torch_adam"
    adam = {"class_name": "Adam", "module": module, "config": {}, "registered_name": "Adam"}
    config = {"class_name": "Sequential", "module": "keras", "config": []}
    saved = inspect_model(archive({**config, "compile_config": {"optimizer": adam}}))
    assert [(each.type, each.problem) for each in saved.objects][-1] == (f"{module}.Adam", "")
    for other in ({"class_name": "Nadham"}, {"module": "keras.src.backend.torch.optimizers.x"}):
        compiled = {"optimizer": adam | other}
        assert inspect_model(archive({**config, "compile_config": compiled})).objects[-1].problem
