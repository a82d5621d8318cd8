"""A plugin that breaks the contract: it is reported, and the others work."""

import json

import pytest

HEAD = "import keras\nfrom kerasx import hookimpl, kernel\n"
LAYER = "class {0}(keras.layers.Layer):\n    '''A layer.'''\n"
GOOD = HEAD + LAYER.format("Good") + "@hookimpl\ndef kerasx_layers(): return [Good]\n"

# Distribution -> the source of its module and what the error has to say.
BROKEN = {
    "raises": (
        "raise RuntimeError('no such device')",
        "importing raises raised RuntimeError: no such device",
    ),
    "exits": ("import sys; sys.exit('usage')", "importing exits raised SystemExit: usage"),
    "lacks": ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
    "wants-newer-name": (
        "from kerasx import name_to_come",
        "cannot import name 'name_to_come' from 'kerasx'",
        "if it is written for a newer kerasx, install that",
    ),
    "misspelled": (
        GOOD.replace("kerasx_layers", "kerasx_layer"),
        "kerasx_layer is marked with @kerasx.hookimpl, but there is no such hook",
        "did you mean kerasx_layers?",
    ),
    "unmarked": (
        GOOD.replace("@hookimpl", ""),
        "function kerasx_layers is not marked with @kerasx.hookimpl",
    ),
    "unmarked-and-misspelled": (
        GOOD.replace("@hookimpl", "").replace("kerasx_layers", "kerasx_metric"),
        "function kerasx_metric is not marked",
        "did you mean kerasx_metrics?",
    ),
    "no-hook": ("x = 1", "no_hook has no function marked @kerasx.hookimpl"),
    "takes-argument": (
        GOOD.replace("kerasx_layers()", "kerasx_layers(config)"),
        "Argument(s) {'config'} are declared in the hookimpl",
    ),
    "hook-raises": (
        GOOD.replace("return [Good]", "raise KeyError('Good')"),
        "hook kerasx_layers raised KeyError: 'Good'",
    ),
    "generator-raises": (
        GOOD.replace("return [Good]", "yield Good; yield undefined"),
        "hook kerasx_layers raised NameError: name 'undefined' is not defined",
    ),
    "returns-nothing": (
        GOOD.replace("return [Good]", "[Good]"),
        "hook kerasx_layers must return a list of subclasses of keras.Layer; it returned None",
    ),
    "returns-class": (
        GOOD.replace("[Good]", "Good"),
        "hook kerasx_layers must return a list of subclasses of keras.Layer; "
        "it returned the class Good(Layer)",
    ),
    "returns-string": (
        GOOD.replace("[Good]", "'Good'"),
        "must return a list of subclasses of keras.Layer; it returned 'Good'",
    ),
    "lists-string": (GOOD.replace("[Good]", "['Good']"), "its list has 'Good'"),
    "lists-instance": (
        GOOD.replace("[Good]", "[Good()]"),
        "must return a list of subclasses of keras.Layer; its list has an object of type Good",
    ),
    "lists-wrong-base": (
        GOOD.replace("layers()", "metrics()"),
        "hook kerasx_metrics must return a list of subclasses of keras.Metric",
        "its list has the class Good(Layer)",
    ),
    "lists-function": (
        GOOD.replace("[Good]", "[kerasx_layers]"),
        "its list has an object of type function",
    ),
    "lists-function-of-optimizers": (
        GOOD.replace("layers(): return [Good]", "optimizers(): return [kerasx_optimizers]"),
        "its list has an object of type function",
    ),
    "lists-function-of-callbacks": (
        GOOD.replace("layers(): return [Good]", "callbacks(): return [kerasx_callbacks]"),
        "its list has an object of type function",
    ),
    "lists-plain-kernel": (
        GOOD.replace("layers(): return [Good]", "kernels(): return [kerasx_kernels]"),
        "hook kerasx_kernels must return a list of kernels: functions over tensors decorated with "
        "@kerasx.kernel; its list has an object of type function",
    ),
    "lists-lambda": (
        GOOD.replace("layers(): return [Good]", "activations(): return [lambda x: x]"),
        "hook kerasx_activations must return a list of functions of one tensor, with public names; "
        "its list has '<lambda>'",
    ),
    "lists-keras": (
        GOOD.replace("[Good]", "[keras.layers.Dense]"),
        "of its own; its list has Dense of Keras itself",
    ),
    "lists-twice": (
        GOOD.replace("[Good]", "[Good, Good]"),
        "lists_twice>Good is contributed twice: under layers by lists-twice and under layers by",
    ),
    "one-name-for-two": (
        GOOD.replace("[Good]", "[Layer]") + "Layer = Good\n@kernel\ndef Good(x): return x\n"
        "@hookimpl\ndef kerasx_kernels(): return [Good]\n",
        "one_name_for_two>Good is contributed twice: under kernels by one-name-for-two and under "
        "layers by one-name-for-two",
    ),
    "lists-lazy-kernel": (
        GOOD.replace("layers(): return [Good]", "kernels(): return ['fine:Good']"),
        "@kerasx.kernel; its list has 'fine:Good'",
    ),
    "lists-path": (
        GOOD.replace("[Good]", "['C:\\\\layers']"),
        "must return a list of subclasses of keras.Layer; its list has 'C:",
    ),
    "half": (
        GOOD.replace("Good", "Half") + "@hookimpl\ndef kerasx_metrics(): return 1 / 0",
        "hook kerasx_metrics raised ZeroDivisionError: division by zero",
    ),
}


@pytest.fixture(scope="module")
def beside(interpreter):
    """An interpreter with all of the broken plugins, and one that is fine."""
    return interpreter({"fine": GOOD, **{name: broken[0] for name, broken in BROKEN.items()}})


@pytest.fixture(scope="module")
def report(beside):
    printed = beside(
        "import json, warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    import kerasx\n"
        "print(json.dumps({\n"
        "    'plugins': {each.name: [each.status, each.error, each.traceback, each.version]\n"
        "                for each in kerasx.plugins()},\n"
        "    'warnings': [[each.category.__name__, str(each.message)]\n"
        "                 for each in caught]}))"
    )
    return json.loads(printed)


@pytest.mark.parametrize("name", BROKEN)
def test_record_says_what_is_wrong(report, name):
    status, error, traceback, version = report["plugins"][name]
    assert (status, version) == ("failed", "1.0")
    for part in BROKEN[name][1:]:
        assert part in error
    assert error in traceback


@pytest.mark.parametrize("name", BROKEN)
def test_user_is_warned_once_at_the_import(report, name):
    mine = [each for each in report["warnings"] if each[1].startswith(f"plugin {name} 1.0 ")]
    assert len(mine) == 1
    category, message = mine[0]
    assert category == "PluginWarning"
    assert f"plugin {name} 1.0 failed to load: {report['plugins'][name][1]}" in message


def test_other_plugins_are_loaded(report, beside):
    assert report["plugins"]["fine"][:3] == ["loaded", None, None]
    assert beside("import kerasx, fine; print(kerasx.layers.Good is fine.Good)") == "True"


def test_nothing_of_a_broken_plugin_is_registered(report, beside):
    printed = beside(
        "import keras\n"
        "from kerasx.names import Placeholder\n"
        "objects = keras.saving.get_custom_objects().items()\n"
        "registered = {name.split('>')[0] for name, value in objects\n"
        "              if not (isinstance(value, type) and issubclass(value, Placeholder))}\n"
        "print(registered & {each.replace('-', '_') for each in " + repr([*BROKEN]) + "})"
    )
    assert printed == "set()"


def test_name_that_it_would_have_says_which_plugin_failed_and_why(report, beside):
    assert beside("import kerasx; kerasx.layers.Half") == (
        "MissingPluginError: kerasx.layers has no Half: plugin half 1.0 failed to load: hook "
        "kerasx_metrics raised ZeroDivisionError: division by zero. `kerasx doctor` shows all "
        "plugins"
    )
    assert "plugin half 1.0 failed to load" in beside("import kerasx; kerasx.lookup('half>Half')")
    assert "plugin raises 1.0 failed to load: importing raises raised RuntimeError" in beside(
        "import kerasx; kerasx.lookup('raises>Anything')"
    )


def test_name_in_the_table_of_first_parties_does_too(report, beside):
    printed = beside(
        "from kerasx import metrics, names\n"
        "names.FIRST_PARTY['raises'] = {'metrics': ['Raised']}\n"
        "metrics.Raised"
    )
    assert printed.startswith(
        "MissingPluginError: kerasx.metrics has no Raised: plugin raises 1.0 failed to load: "
    )


def test_unknown_name_mentions_failed_plugins_that_may_have_it(report, beside):
    assert "plugin exits 1.0 failed to load" in beside("import kerasx; kerasx.layers.Unheard")


@pytest.mark.parametrize(("value", "strict"), [("1", True), ("0", False)])
def test_strict_raises_at_import(run, value, strict):
    plugins = {"fine": GOOD, "raises": BROKEN["raises"][0]}
    done = run(plugins, "-c", "import kerasx; print('imported')", KERASX_STRICT=value)
    if strict:
        assert done.returncode == 1
        assert "RuntimeError: no such device\n" in done.stdout
        assert done.stdout.endswith(
            "kerasx.errors.PluginError: plugin raises 1.0 failed to load: importing raises "
            "raised RuntimeError: no such device\n"
        )
    else:
        assert "PluginWarning: plugin raises 1.0 failed to load" in done.stdout
        assert done.stdout.endswith("imported\n")
