"""Errors: a missing backend is explained on import, in a program and in the shell."""

import keras
import pytest

from kerasx.testing import importable_from, run_python

BACKEND = keras.backend.backend()
# Python takes a module that is None for one that is not installed.
HIDE = f"import sys; sys.modules[{BACKEND!r}] = None; "
MESSAGE = (
    f"Keras is set to use {BACKEND}, which is not installed. "
    f'Install it: pip install "kerasx[{BACKEND}]"'
)


@pytest.mark.parametrize("statement", ["import kerasx", "from kerasx.layers import CRF"])
def test_import_says_which_backend_to_install(statement):
    done = run_python("-c", HIDE + statement, environment=importable_from())
    assert done.returncode == 1
    assert f"ModuleNotFoundError: {MESSAGE}\n" in done.stdout


def test_the_command_says_so_without_a_traceback():
    code = HIDE + "import kerasx_launcher; sys.argv = ['kerasx', 'list']; kerasx_launcher.main()"
    done = run_python("-c", code, environment=importable_from())
    assert done.returncode == 1
    assert done.stdout.startswith(MESSAGE)


def test_another_missing_module_is_reported_as_it_is():
    code = "import sys; sys.modules['rich'] = None; import kerasx"
    done = run_python("-c", code, environment=importable_from())
    assert "ModuleNotFoundError: import of rich halted; None in sys.modules" in done.stdout
