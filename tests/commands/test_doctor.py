"""`kerasx doctor`: on the backend under test, and on plugins that load or fail."""

import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import kerasx
from kerasx.commands import doctor
from kerasx_launcher.commands import commands

PLUGINS = {
    "acme-layers": """
import keras
from kerasx import hookimpl, kernel

class Scale(keras.layers.Layer):
    '''Multiply by a factor.'''

@kernel
def raised(x): return x**2

def bare(x): return x

@hookimpl
def kerasx_layers(): return [Scale]
@hookimpl
def kerasx_kernels(): return [raised]
@hookimpl
def kerasx_activations(): return [bare]
""",
    "broken": "raise OSError('disk')",
}
COMPILES = keras.backend.backend() in ("tensorflow", "jax")


@pytest.fixture
def run(monkeypatch):
    """Run the command; return its exit status and what it says by name."""

    def run(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(commands, ["doctor"])
        facts = re.findall(r"(?m)^(not in use|\S+?):? +(.+)$", result.output)
        return result.exit_code, dict(facts)

    return run


def test_healthy(run):
    status, facts = run()
    assert facts["broken"] == "nothing"
    assert status == 0
    assert facts["kerasx"] == kerasx.__version__
    assert facts["keras"] == keras.version()
    assert facts["numpy"] == np.__version__
    assert re.fullmatch(rf"{keras.backend.backend()}(_cpu)? [\d.]+.*", facts["backend"])
    assert keras.backend.backend() not in facts["not in use"]
    assert re.search(r"\d x \w+", facts["devices"])
    how = "compiled by XLA" if COMPILES else "runs eagerly"
    assert re.fullmatch(rf"{how}.*; first call [\d.]+ ms, second [\d.]+ ms", facts["kernel"])


def test_kernel_that_does_not_compile(run, monkeypatch):
    @kerasx.kernel
    def probe(x):
        y = right(x)
        return y if keras.ops.sum(y) < 1e9 else -y  # a branch on a value

    right = doctor.probe.function
    monkeypatch.setattr(doctor, "probe", probe)
    status, facts = run()
    if COMPILES:
        assert facts["kernel"].startswith("KernelError: function 'probe' cannot be compiled: line")
        assert (status, facts["broken"]) == (1, "kernel")
    else:
        assert facts["kernel"].startswith("runs eagerly")
        assert (status, facts["broken"]) == (0, "nothing")


def test_kernel_with_a_wrong_value(run, monkeypatch):
    monkeypatch.setattr(doctor, "probe", lambda x: np.zeros(4))
    status, facts = run()
    assert facts["kernel"].startswith("ArithmeticError: it gives [0.0, 0.0, 0.0, 0.0]; right is [")
    assert (status, facts["broken"]) == (1, "kernel")


def test_devices_that_cannot_be_listed_do_not_hide_the_rest(run, monkeypatch):
    def devices():
        raise OSError("driver is older than the library")

    monkeypatch.setattr(doctor, "devices", devices)
    status, facts = run()
    assert facts["devices"] == "OSError: driver is older than the library"
    assert "second" in facts["kernel"]
    assert (status, facts["broken"]) == (1, "devices")


def test_settings_without_secrets_and_homes(run):
    home = Path.home()
    # Names that no backend reads: an unknown flag in XLA_FLAGS ends the process.
    _, facts = run(
        KERASX_ANY="1",
        XLA_ANY=f"--dump_to={home}/dump --other={home}er",
        TF_XLA_ANY="2",
        TF_VAR_password="hunter2",
        OTHER="x",
    )
    assert facts["KERASX_ANY"] == "1"
    assert facts["XLA_ANY"] == f"--dump_to=~/dump --other={home}er"
    assert facts["TF_XLA_ANY"] == "2"
    assert "TF_VAR_password" not in facts
    assert "OTHER" not in facts
    assert facts.keys() >= {name for name in os.environ if name.startswith("KERAS_")}


def test_doctor_on_plugins(afresh):
    """One that is well, one of another module that has the same names, and one that fails."""
    acme = PLUGINS["acme-layers"]
    plugins = {**PLUGINS, "other": acme, "left-out": acme}
    printed = afresh(
        plugins,
        "import warnings\n"
        "from click.testing import CliRunner\n"
        "with warnings.catch_warnings(action='ignore'):  # of the broken plugin\n"
        "    from kerasx_launcher.commands import commands\n"
        "result = CliRunner().invoke(commands, ['doctor'])\n"
        "print(result.exit_code)\n"
        "print(result.output.rstrip())",
        KERASX_PLUGINS="acme-layers,broken,other",
    )
    status, _, output = printed.partition("\n")
    assert status == "1"
    before, _, after = output.partition("\nplugins\n")
    assert "\nKERASX_PLUGINS acme-layers,broken,other" in before
    assert (
        "  acme-layers 1.0: loaded, 3 contributions, entry point acme_layers\n"
        "  broken 1.0: failed, 0 contributions, entry point broken\n"
        "    importing broken raised OSError: disk\n"
        "    Traceback (most recent call last):\n"
    ) in after
    assert "    OSError: disk\n" in after
    assert '/broken.py", line 1, in <module>\n' in after
    assert "  left-out 1.0: blocked, 0 contributions" in after
    assert [line for line in after.splitlines() if line.startswith("several")] == [
        f"several plugins contribute kerasx.{name}: acme_layers>{plain}, other>{plain}"
        for name in ["activations.bare", "kernels.raised", "layers.Scale"]
        for plain in [name.partition(".")[2]]
    ]
    assert after.splitlines()[-1] == "broken: plugin broken"


def test_doctor_without_plugins(afresh):
    printed = afresh(
        {},
        "from click.testing import CliRunner\n"
        "from kerasx_launcher.commands import commands\n"
        "result = CliRunner().invoke(commands, ['doctor'])\n"
        "print(result.output, result.exit_code)",
        KERASX_PLUGINS="",
    )
    assert printed.endswith("broken: nothing\n 0")
