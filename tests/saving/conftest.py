"""Plugins that come and go within one process, and archives with any content."""

import importlib.metadata
import json
import sys
import zipfile

import keras
import pytest

import kerasx  # noqa: F401
from kerasx import names, registry

ACME = """
import keras
import kerasx

class Scale(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs

def twice(x):
    return 2 * x

@kerasx.kernel(static=("power",))
def raised(x, *, power=2):
    return x**power

@kerasx.hookimpl
def kerasx_layers(): return [Scale]
@kerasx.hookimpl
def kerasx_activations(): return [twice]
@kerasx.hookimpl
def kerasx_kernels(): return [raised]
"""


@pytest.fixture(scope="session")
def acme():
    return ACME


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Make a set of plugins the installed ones: distribution -> (version, source)."""
    modules = set()

    def install(plugins, first_party=True, **variables):
        site = tmp_path / f"site{len(list(tmp_path.glob('site*')))}"
        for name, (version, source) in plugins.items():
            module = name.replace("-", "_")
            modules.add(module)
            info = site / f"{module}-{version}.dist-info"
            info.mkdir(parents=True)
            (site / f"{module}.py").write_text(source)
            (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
            (info / "entry_points.txt").write_text(f"[kerasx]\n{module} = {module}\n")
        monkeypatch.undo()
        monkeypatch.syspath_prepend(site)
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        if not first_party:
            installed = importlib.metadata.entry_points(group="kerasx")
            own = [each for each in installed if each.dist.name in plugins]
            monkeypatch.setattr(registry, "entry_points", lambda group: own)
        afresh()

    def afresh():
        for module in modules:
            sys.modules.pop(module, None)
        for name in [*keras.saving.get_custom_objects()]:
            if name.partition(">")[0] in {"kerasx_metrics", *modules}:
                del keras.saving.get_custom_objects()[name]
        importlib.invalidate_caches()
        registry.load()
        names.hold_places()

    yield install
    monkeypatch.undo()
    afresh()


@pytest.fixture
def archive(tmp_path):
    """Write a saved model with the given configuration, and return its path."""

    def write(config, metadata='{"keras_version": "3.15.0"}', **members):
        path = tmp_path / "written.keras"
        text = json.dumps(config) if isinstance(config, dict | list) else config
        with zipfile.ZipFile(path, "w") as file:
            for name, content in [("metadata.json", metadata), ("config.json", text)]:
                if content is not None:
                    file.writestr(name, content)
            for name, content in members.items():
                file.writestr(name, content)
        return path

    return write
