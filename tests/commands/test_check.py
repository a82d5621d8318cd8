"""`kerasx check` runs the contract, and says which promise is broken."""

import re
import sys

import contract_examples
import hypothesis
import pytest
from click.testing import CliRunner

from kerasx.testing import Case
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
