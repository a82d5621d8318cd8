"""`kerasx check` runs the contract, and says which promise is broken."""

import re
import sys
from pathlib import Path

import contract_examples
import hypothesis
import pytest
from click.testing import CliRunner

from kerasx.testing import Case, importable_from, run_python
from kerasx_launcher.commands import check as check_command


@pytest.fixture(autouse=True)
def _own_profile():
    """Restore the profile, which the command replaces."""
    profile = hypothesis.settings.get_current_profile_name()
    yield
    hypothesis.settings.load_profile(profile)


def test_command(monkeypatch):
    case = Case(contract_examples.KeepsItsCount, contract_examples.pairs)
    monkeypatch.setattr(contract_examples, "RESET", case, raising=False)
    run = CliRunner().invoke(check_command, ["contract_examples:KeepsItsCount"])
    assert run.exit_code == 1
    assert re.search(
        r"KeepsItsCount: reset_forgets failed: AssertionError: .*\nPromised: After `reset_state`",
        run.output,
    )
    assert CliRunner().invoke(check_command, ["contract_examples:absolutely"]).exit_code == 1
    run = CliRunner().invoke(check_command, ["contract_examples:MeanOf"])
    assert run.exit_code == 0, run.output
    assert "MeanOf" in run.output


LAYER = """
import keras
from kerasx.testing import Case, tensors

@keras.saving.register_keras_serializable("halves")
class Half(keras.layers.Layer):
    \"\"\"Half of its input.\"\"\"

    def call(self, inputs):
        return inputs / 2

CASES = [Case(Half, lambda batch, channels: tensors((batch, channels)))]
"""


@pytest.mark.parametrize("target", ["half_a_layer.py:Half", "half_a_layer:Half"])
def test_a_class_in_the_current_folder(tmp_path, monkeypatch, target):
    (tmp_path / "half_a_layer.py").write_text(LAYER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "half_a_layer", raising=False)
    run = CliRunner().invoke(check_command, [target, "--examples", "1"])
    assert run.exit_code == 0, run.output
    assert "Half: resolves, is_catalogued not exercised: no plugin contributes it" in run.output


def test_a_class_of_keras_fits_on_a_screen():
    run = CliRunner().invoke(check_command, ["keras.layers:Dense"])
    assert run.exit_code == 1
    assert "Dense has no case, so it cannot be exercised" in run.output
    assert len(run.output.splitlines()) < 20


@pytest.mark.thorough
def test_several_processes(tmp_path):
    done = run_python(
        "-m",
        "kerasx",
        "check",
        "kerasx-losses",
        "contract_examples:MeanOf",
        *("--jobs", "2", "--examples", "1"),
        environment=importable_from(Path(contract_examples.__file__).parent),
        cwd=tmp_path,
    )
    assert done.returncode == 1  # MeanOf does not name its argument
    assert "ClassWeighted" in done.stdout
    assert "MeanOf: is_documented failed" in done.stdout


def test_command_without_hypothesis(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    run = CliRunner().invoke(check_command, ["kerasx-metrics"])
    assert "hypothesis is missing: pip install hypothesis pytest" in run.output


def test_a_plugin_that_contributes_nothing(interpreter):
    run = interpreter({"bare": "import kerasx\n@kerasx.hookimpl\ndef kerasx_layers(): return []\n"})
    printed = run(
        "from click.testing import CliRunner\n"
        "from kerasx_launcher.commands import commands\n"
        "result = CliRunner().invoke(commands, ['check', 'bare'])\n"
        "print(result.exit_code, result.output.rstrip())"
    )
    assert printed == "1 Error: there is nothing to check: bare contributes nothing"
