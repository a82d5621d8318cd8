"""Import packages of plugins, found without importing them."""

import sys

import pytest

from kerasx_launcher.packages import package_of


@pytest.fixture
def corp(tmp_path, monkeypatch):
    for file in ["whole/__init__.py", "whole/plugin.py", "shared/one/__init__.py", "shared/two.py"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    package_of.cache_clear()
    yield
    package_of.cache_clear()
    sys.modules.pop("shared", None)


@pytest.mark.usefixtures("corp")
@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("whole", "whole"),
        ("whole.plugin", "whole"),
        ("shared.one", "shared.one"),
        ("shared.one.plugin", "shared.one"),
        ("shared.two", "shared.two"),
        ("absent.plugin", "absent"),
        ("absent", "absent"),
        ("json.tool", "json"),
    ],
)
def test_package_of_a_module(module, package):
    assert package_of(module) == package
