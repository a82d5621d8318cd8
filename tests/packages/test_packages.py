"""Packages by people who never heard of kerasx, as plugins: nothing of theirs changes."""

import subprocess
import sys
from pathlib import Path

import keras
import pytest

from kerasx_launcher.packages import package_of

# Installs packages, of which keras-tcn needs TensorFlow.
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="once is enough"),
]
PACKAGES = ["keras-tcn", "ncps", "keras-hub", "regex"]  # keras-hub needs regex
WRAPPERS = {
    path.stem: path.read_text("utf-8")
    for path in sorted(Path(__file__).parent.glob("wrappers/*.py"))
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Install the packages in a directory of their own; skip if pip has none of them."""
    directory = tmp_path_factory.mktemp("packages") / "site-packages"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", directory)
    done = subprocess.run([*pip, *PACKAGES], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip has none of {', '.join(PACKAGES)}: {done.stderr.strip()[-200:]}")
    return directory


@pytest.fixture
def program(run, site, monkeypatch):
    """Run a program that can import the packages, with wrappers or not; return its last line."""
    monkeypatch.setenv("PYTHONPATH", str(site))

    def program(wrappers, code, *arguments):
        done = run({name: WRAPPERS[name] for name in wrappers}, "-c", code, *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.splitlines()[-1]

    return program


SAVE = """
import sys, keras, numpy as np
{imports}
keras.utils.set_random_seed(0)
inputs = keras.Input({shape})
model = keras.Model(inputs, keras.layers.Dense(2)({layer}(inputs)))
model.save(sys.argv[1])
print(model.predict(np.ones((1, *{shape})), verbose=0).round(4).tolist())
"""
LOAD = """
import sys, keras, numpy as np
{imports}
model = {load}(sys.argv[1])
print(model.predict(np.ones((1, *{shape})), verbose=0).round(4).tolist())
"""
# The wrapper, the import that its package needs, a layer, and its inputs.
CASES = {
    "tcn": ("kx_tcn", "import tcn", "tcn.TCN(4, dilations=[1, 2])", (8, 3)),
    "ncps": ("kx_ncps", "import ncps, ncps.keras", "ncps.keras.LTC(4)", (8, 3)),
    "keras_hub": (
        "kx_hub",
        "import keras_hub",
        "keras_hub.layers.TransformerEncoder(4, 2)",
        (8, 4),
    ),
}


@pytest.mark.parametrize("package", CASES)
@pytest.mark.parametrize("saves_with_kerasx", [True, False])
def test_files_load_with_and_without_kerasx(program, tmp_path, package, saves_with_kerasx):
    wrapper, imports, layer, shape = CASES[package]
    path = tmp_path / "model.keras"
    first = f"import kerasx; {imports}" if saves_with_kerasx else imports
    saved = program([wrapper], SAVE.format(imports=first, layer=layer, shape=shape), path)
    for loading, load in [
        (imports, "keras.models.load_model"),
        ("import kerasx", "keras.models.load_model"),
        ("import kerasx", "kerasx.load_model"),
    ]:
        code = LOAD.format(imports=loading, load=load, shape=shape)
        assert program([wrapper], code, path) == saved
    # Nor does it take the wrapper.
    without = LOAD.format(imports=imports, load="keras.models.load_model", shape=shape)
    assert program([], without, path) == saved


def test_a_heavy_package_waits_for_its_first_use(program):
    printed = program(
        ["kx_hub", "kx_ncps"],
        "import sys, kerasx\n"
        "dir(kerasx.layers)\n"
        "before = 'keras_hub' in sys.modules, 'ncps' in sys.modules\n"
        "print(before, kerasx.layers.RotaryEmbedding.__module__.partition('.')[0],\n"
        "      kerasx.layers.kx_hub.RotaryEmbedding.__module__.partition('.')[0])",
    )
    assert printed == "(False, False) kerasx_transformer keras_hub"


def test_wrappers_are_packages_of_their_own():
    assert [package_of(name) for name in WRAPPERS] == [*WRAPPERS]
