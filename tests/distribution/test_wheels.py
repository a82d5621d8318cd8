"""What `make wheels` builds and what a clone installs, used the way a stranger would."""

import json
import sys
import zipfile
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

import matplotlib.image
import pytest
from packaging.requirements import Requirement


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


@pytest.fixture
def environment(run, tmp_path):
    """Return the Python of an empty environment."""
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    return tmp_path / "venv" / "bin" / "python"


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
        package = name.replace("-", "_")
        wanted = {
            path.relative_to(source).as_posix()
            for path in (source / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        if name == "kerasx":
            wanted.add("kerasx_launcher.py")
        with zipfile.ZipFile(wheel) as archive:
            held = {path for path in archive.namelist() if ".dist-info/" not in path}
        assert held == wanted
        assert "Apache License" in read_wheel(wheel, "licenses/LICENSE")


def test_demo_runs_from_the_wheels(run, wheels, environment, tmp_path):
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(
        "".join(f"{name}=={wheel_headers(wheel)['Version']}\n" for name, wheel in wheels.items())
    )
    backend = metadata.packages_distributions()["tensorflow"][0]
    run(
        *(environment, "-m", "pip", "install", "--quiet", "--no-compile"),
        *("--find-links", wheels["kerasx"].parent, "--constraint", constraints),
        *("kerasx[all,demo]", f"{backend}=={metadata.version(backend)}"),
        cwd=tmp_path,
    )
    for package in ("kerasx", "kerasx_metrics"):
        find = f"import importlib.util as u; print(u.find_spec({package!r}).origin)"
        origin = run(environment, "-c", find, cwd=tmp_path)
        assert origin.startswith(str(tmp_path / "venv"))

    output = run(environment.with_name("kerasx"), "demo", "--epochs", "2", cwd=tmp_path)
    assert "f1_score: " in output
    assert "scikit-learn's report is the same" in output
    assert "all 360 predictions are identical" in output
    assert "cpu_feature_guard" not in output
    assert matplotlib.image.imread(tmp_path / "kerasx-demo" / "confusion_matrix.png").std() > 0


def test_a_clone_installs_its_own_plugins(run, clone, environment, tmp_path):
    pip = (environment, "-m", "pip")
    run(*pip, "install", "--quiet", "--no-compile", f"{clone}[metrics]", cwd=tmp_path)
    report = json.loads(run(*pip, "inspect", "--local", cwd=tmp_path))
    installed = {package["metadata"]["name"]: package for package in report["installed"]}
    plugin = clone / "plugins" / "kerasx-metrics"
    assert installed["kerasx-metrics"]["direct_url"]["url"] == plugin.as_uri()
