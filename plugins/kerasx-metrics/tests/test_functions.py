"""The module of the functions, which pickle and type checkers know them by."""

import pickle
from pathlib import Path

from kerasx.stubs import module_stub
from kerasx_metrics import functions
from kerasx_metrics.plugin import FUNCTIONS


def test_stub_is_up_to_date():
    written = Path(functions.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    assert written == module_stub(functions), "run: kerasx stubs kerasx_metrics.functions"
    assert all(f"def {function.__name__}(" in written for function in FUNCTIONS)


def test_functions_are_pickled_by_name():
    for function in FUNCTIONS:
        assert pickle.loads(pickle.dumps(function)) is function
