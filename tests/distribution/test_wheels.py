"""The wheels that `make wheels` builds and the packages that a clone installs, in use."""

import json
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import keras
import matplotlib.image
import pytest
from packaging.requirements import Requirement

# Builds environments, and the backend of this process makes no difference there.
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="once is enough"),
]

JAX = ("env", "KERAS_BACKEND=jax")
DIGITS = Path(__file__).parents[2] / "examples" / "digits.py"


@pytest.fixture(scope="module")
def wheels(run, clone, tmp_path_factory):
    """Return the wheels by distribution name."""
    run("make", "wheels", f"PYTHON={sys.executable}", cwd=clone)
    built = {}
    for wheel in (clone / "dist").iterdir():
        headers = wheel_headers(wheel)
        built[headers["Name"]] = wheel
    return built


@pytest.fixture(scope="module")
def plugins(clone):
    return {directory.name for directory in (clone / "plugins").iterdir()}


def read_wheel(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (path for path in archive.namelist() if path.endswith(f".dist-info/{name}"))
        return archive.read(path).decode()


def wheel_headers(wheel: Path):
    return HeaderParser().parsestr(read_wheel(wheel, "METADATA"))


def requirements(wheel: Path) -> list[Requirement]:
    return [Requirement(line) for line in wheel_headers(wheel).get_all("Requires-Dist")]


def extra(wheel: Path, name: str) -> set[str]:
    return {
        requirement.name
        for requirement in requirements(wheel)
        if requirement.marker and requirement.marker.evaluate({"extra": name})
    }


def test_one_wheel_for_the_core_and_each_plugin(wheels, plugins):
    assert set(wheels) == {"kerasx"} | plugins


def test_requirements_are_plain_names(wheels):
    for wheel in wheels.values():
        assert requirements(wheel)
        for requirement in requirements(wheel):
            assert requirement.url is None, f"{wheel.name}: {requirement}"


def test_one_extra_per_plugin_and_all_of_them(wheels, plugins):
    for plugin in plugins:
        assert extra(wheels["kerasx"], plugin.removeprefix("kerasx-")) == {plugin}
    assert extra(wheels["kerasx"], "all") == plugins


def test_wheels_hold_the_packages_and_the_license(wheels, clone):
    for name, wheel in wheels.items():
        source = clone if name == "kerasx" else clone / "plugins" / name / "src"
        packages = [name.replace("-", "_"), *["kerasx_launcher"] * (name == "kerasx")]
        wanted = {
            path.relative_to(source).as_posix()
            for package in packages
            for path in (source / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        with zipfile.ZipFile(wheel) as archive:
            held = {path for path in archive.namelist() if ".dist-info/" not in path}
        assert held == wanted
        assert "Apache License" in read_wheel(wheel, "licenses/LICENSE")


@pytest.fixture(scope="module")
def environment(run, wheels, tmp_path_factory):
    """Return the programs of a new environment that has the wheels and a small backend."""
    directory = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", directory / "venv", cwd=directory)
    constraints = directory / "constraints.txt"
    constraints.write_text(
        "".join(f"{name}=={wheel_headers(wheel)['Version']}\n" for name, wheel in wheels.items())
    )
    programs = directory / "venv" / "bin"
    run(
        *(programs / "python", "-m", "pip", "install", "--quiet", "--no-compile"),
        *("--find-links", wheels["kerasx"].parent, "--constraint", constraints),
        *("kerasx[all,demo]", "jax"),
        cwd=directory,
    )
    return programs


def test_demo_runs_from_the_wheels(run, environment, tmp_path):
    for package in ("kerasx", "kerasx_metrics"):
        find = f"import importlib.util as u; print(u.find_spec({package!r}).origin)"
        origin = run(environment / "python", "-c", find, cwd=tmp_path)
        assert origin.startswith(str(environment.parent))

    output = run(*JAX, environment / "python", DIGITS, "--epochs", "1", cwd=tmp_path)
    assert "f1_score: " in output
    assert "scikit-learn's report is the same" in output
    assert "all 360 predictions are identical" in output
    assert matplotlib.image.imread(tmp_path / "kerasx-demo" / "confusion_matrix.png").std() > 0


TRAIN = """
import keras, numpy as np
import kerasx
x = np.random.default_rng(0).uniform(size=(64, 8)).astype("float32")
model = keras.Sequential([keras.Input((8,)), kerasx.layers.LayerScale(initial_value=0.5)])
model.compile(
    keras.optimizers.Adam(0.1),
    loss=kerasx.losses.Charbonnier(),
    metrics=[kerasx.metrics.PeakSignalToNoiseRatio()],
)
history = model.fit(x, x, epochs=20, verbose=0).history["peak_signal_to_noise_ratio"]
assert history[-1] > history[0] + 10, history
model.save("model.keras")
"""
RELOAD = """
import keras
import kerasx
model = keras.models.load_model("model.keras")
assert type(model.layers[-1]) is kerasx.lookup("zeta_images>LayerScale")
"""


def test_a_new_plugin_passes_its_tests_and_trains_a_model(run, environment, wheels, tmp_path):
    """Follow the output of `kerasx new`, then use the plugin from another directory."""
    output = run(*JAX, environment / "kerasx", "new", "zeta-images", cwd=tmp_path)
    *_, enter, install, test = output.strip().splitlines()
    assert (enter, install, test) == ("cd zeta-images", 'pip install -e ".[test]"', "pytest")
    project = tmp_path / "zeta-images"

    pip = (environment / "python", "-m", "pip", "install", "--quiet", "--no-compile")
    links = ("--find-links", wheels["kerasx"].parent)
    run(*pip, *links, "-e", ".[test]", cwd=project)
    assert " passed" in run(*JAX, environment / "pytest", "-q", cwd=project)
    assert "zeta-images" in run(*JAX, environment / "kerasx", "list", cwd=project)

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(*JAX, environment / "python", "-c", TRAIN, cwd=elsewhere)
    run(*JAX, environment / "python", "-c", RELOAD, cwd=elsewhere)


def test_a_clone_installs_its_own_plugins(run, clone, tmp_path):
    report = tmp_path / "report.json"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", report)
    run(*pip, f"{clone}[metrics]", cwd=tmp_path)
    chosen = {
        each["metadata"]["name"]: each["download_info"]["url"]
        for each in json.loads(report.read_text())["install"]
    }
    assert chosen["kerasx-metrics"] == (clone / "plugins" / "kerasx-metrics").as_uri()
