"""The repository holds what `tools/write_metric_functions.py` writes."""

import importlib.util
import inspect
from pathlib import Path

import pytest

from kerasx.authoring import snake_case
from kerasx_metrics import functions
from kerasx_metrics.catalogue import CLASSES

TOOL = Path(__file__).parents[3] / "tools/write_metric_functions.py"


@pytest.fixture(scope="module")
def generated():
    spec = importlib.util.spec_from_file_location("write_metric_functions", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate()


def test_files_are_up_to_date(generated):
    assert {path.name for path in generated} == {
        "classification.py",
        "confusion.py",
        "curves.py",
        "functions.py",
        "probabilities.py",
    }
    stale = [path.name for path, text in generated.items() if path.read_text("utf-8") != text]
    assert not stale, "run `python tools/write_metric_functions.py`"


def test_functions_are_plain_source():
    names = [snake_case(metric_class.__name__) for metric_class in CLASSES]
    assert [function.__name__ for function in functions.FUNCTIONS] == names
    for function in functions.FUNCTIONS:
        assert getattr(functions, function.__name__) is function
        assert inspect.getsource(function).startswith(f"def {function.__name__}(")
        assert not hasattr(function, "__signature__")
