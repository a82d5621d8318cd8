"""Errors: a missing backend is explained on import, and wrong arguments name the class."""

import inspect

import keras
import pytest

from kerasx.registry import contributions
from kerasx.testing import importable_from, run_python

BACKEND = keras.backend.backend()
# Python takes a module that is None for one that is not installed.
HIDE = f"import sys; sys.modules[{BACKEND!r}] = None; "
MESSAGE = (
    f"Keras is set to use {BACKEND}, which is not installed. Install it: pip install {BACKEND}"
)


@pytest.mark.parametrize("statement", ["import kerasx", "from kerasx.layers import CRF"])
def test_import_says_which_backend_to_install(statement):
    done = run_python("-c", HIDE + statement, environment=importable_from())
    assert done.returncode == 1
    assert f"ModuleNotFoundError: {MESSAGE}\n" in done.stdout


def test_the_command_says_so_without_a_traceback():
    code = HIDE + "import kerasx_launcher; sys.argv = ['kerasx', 'doctor']; kerasx_launcher.main()"
    done = run_python("-c", code, environment=importable_from())
    assert done.returncode == 1
    assert done.stdout.startswith(f"Error: {MESSAGE}")


def test_another_missing_module_is_reported_as_it_is():
    code = "import sys; sys.modules['rich'] = None; import kerasx"
    done = run_python("-c", code, environment=importable_from())
    assert "ModuleNotFoundError: import of rich halted; None in sys.modules" in done.stdout


CLASSES = [each.object for each in contributions() if inspect.isclass(each.object)]
# The cells of the LSTM family pass further arguments by position to Keras's cells.
OF_KERAS = {
    "LayerNormLSTMCell": "LSTMCell",
    "PeepholeLSTMCell": "LSTMCell",
    "ZoneoutLSTMCell": "LSTMCell",
    "LayerNormSimpleRNNCell": "SimpleRNNCell",
}


def required(value):
    """Return the required arguments, each with some value."""
    parameters = inspect.signature(value).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        each.name: 2 for each in parameters if each.kind in named and each.default is each.empty
    }


@pytest.mark.parametrize("value", CLASSES, ids=lambda value: value.__name__)
def test_wrong_arguments_name_the_public_class(value):
    name = value.__name__
    with pytest.raises((TypeError, ValueError), match=rf"\b{name}\b.*nonsense"):
        value(**required(value), nonsense=1)
    with pytest.raises(TypeError, match=rf"^{OF_KERAS.get(name, name)}\b.*positional argument"):
        value(*[1] * 30)
    if required(value):
        with pytest.raises(TypeError, match=rf"^{name}\b.* missing .*{min(required(value))}"):
            value()


FUNCTIONS = [each.object for each in contributions() if not inspect.isclass(each.object)]


@pytest.mark.parametrize("value", FUNCTIONS, ids=lambda value: value.__name__)
def test_wrong_arguments_name_the_public_function(value):
    with pytest.raises(TypeError, match=rf"^{value.__name__}\b"):
        value(**required(value), nonsense=1)
    with pytest.raises(TypeError, match=rf"^{value.__name__}\b"):
        value(*[1] * 30)
    with pytest.raises(TypeError, match=rf"^{value.__name__}\b"):
        value()
