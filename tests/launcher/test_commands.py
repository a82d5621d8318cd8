"""The command line: it starts without Keras, and a broken command does not stop the others."""

import json
import sys

import pytest
from click.testing import CliRunner

from kerasx.testing import importable_from, run_python
from kerasx_launcher import commands as declared
from kerasx_launcher.commands import commands

COMMAND = """
import sys
import click

@click.command()
@click.option("--name", default="you")
def greet(name):
    '''Greet somebody.'''
    print(f"Hello, {name}.", "keras" in sys.modules)

@click.command()
def doctor():
    print("not ours")
"""
ENTRIES = """[kerasx.commands]
greet = acme_commands:greet
doctor = acme_commands:doctor
broken = acme_missing:run
unnamed = acme_commands:nothing"""
PLUGIN = {"acme-commands": (ENTRIES, {"acme_commands.py": COMMAND})}
# Runs a command, and says which of these modules it imported.
LAUNCH = """
import sys, kerasx_launcher
sys.argv = ["kerasx", *{}]
try:
    kerasx_launcher.main()
finally:
    print({{"keras", "kerasx", "numpy", "acme_commands"}} & sys.modules.keys() or "nothing")
"""


@pytest.fixture(scope="module")
def command(command_line):
    return command_line(PLUGIN)


def test_a_plugin_adds_commands(command):
    status, output = command("greet", "--name", "Ada")
    assert status == 0
    assert output.startswith("Hello, Ada.")


def test_our_commands_win(command):
    assert "which plugins load" in command("doctor", "--help")[1]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("broken", "acme_missing:run cannot be loaded: ModuleNotFoundError: No module named"),
        ("unnamed", "acme_commands:nothing cannot be loaded: AttributeError"),
    ],
)
def test_a_broken_command_says_why(command, name, reason):
    status, output = command(name)
    assert status == 1
    assert output.startswith(f"Error: {reason}")


def test_help_lists_all_of_them(command):
    status, output = command("--help")
    assert status == 0
    listed = dict(
        line.split(maxsplit=1) for line in output.partition("Commands:\n")[2].splitlines()
    )
    assert {"broken", "greet", *commands.commands} <= listed.keys()
    assert listed["list"].startswith("List the plugins and what they contribute")
    assert listed["broken"] == listed["greet"] == "A command of acme-commands."
    assert "Greet somebody." in command("greet", "--help")[1]


def test_an_unknown_command_is_an_error(command):
    status, output = command("absent")
    assert status == 2
    assert "No such command 'absent'" in output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Look at what plugins add to Keras."),
        (["--help"], "Commands:"),
        (["--version"], "kerasx, version "),
        (["list"], "kerasx-metrics"),
        (["list", "--kind", "kernels"], "top_class"),
        (["info", "F1Score"], "kerasx_metrics>F1Score"),
        (["info", "F1Scor"], "did you mean F1Score"),
        (["new", "zeta-images"], "a working plugin"),
        (["new", "Zeta"], "a name has lower-case letters"),
        (["absent"], "No such command"),
        *(([name, "--help"], "Usage: kerasx") for name in sorted(commands.commands)),
    ],
    ids=str,
)
def test_it_starts_without_keras(run, tmp_path, arguments, text):
    code = LAUNCH.format(arguments)
    done = run_python("-c", code, cwd=tmp_path, environment=importable_from())
    assert text in done.stdout
    assert done.stdout.endswith("\nnothing\n"), done.stdout


def test_a_plugins_command_imports_only_its_module(run):
    done = run(PLUGIN, "-c", LAUNCH.format(["greet", "--name=Ada"]))
    assert done.stdout == "Hello, Ada. False\n{'acme_commands'}\n"


def test_a_new_release_of_an_editable_installation_needs_no_new_entry_points(monkeypatch):
    """Earlier versions declared their own commands as entry points, whose modules are gone."""
    old = declared.EntryPoint("list", "kerasx.commands.show:list_contributions", declared.GROUP)
    monkeypatch.setattr(declared, "entry_points", lambda group: [old])
    assert "kerasx-metrics" in CliRunner().invoke(commands, ["list"]).output


NOISE = """\
I0000 00:00:1795826921.071879   21190 port.cc:153] oneDNN custom operations are on.
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
To enable the following instructions: AVX2, in other operations, rebuild TensorFlow.
2026-11-28 01:00:43.123456: E external/local_xla/xla/cuda_fft.cc:467] Unable to register cuFFT
E0000 00:00:1795826921.071879   21190 cuda_dnn.cc:8579] Unable to register cuDNN factory
"""


def test_what_the_backend_writes_while_it_loads_is_dropped(monkeypatch, capfd):
    def load(name):
        declared.os.write(2, NOISE.encode())
        print("PluginWarning: plugin broken failed to load", file=sys.stderr)
        return name

    monkeypatch.setattr(declared, "import_module", load)
    assert declared._with_keras() == "kerasx.commands"
    assert capfd.readouterr().err == "PluginWarning: plugin broken failed to load\n"


def test_what_python_writes_is_kept_where_the_import_fails(monkeypatch, capfd):
    def load(name):
        print("a reason", file=sys.stderr)
        raise RuntimeError(name)

    monkeypatch.setattr(declared, "import_module", load)
    with pytest.raises(RuntimeError):
        declared._with_keras()
    assert capfd.readouterr().err == "a reason\n"
    print("later", file=sys.stderr)
    assert capfd.readouterr().err == "later\n"


def test_a_command_that_needs_keras_writes_nothing_to_stderr(run, tmp_path):
    code = "import json, subprocess, sys\n"
    code += "done = subprocess.run([sys.executable, '-c', sys.argv[1]], capture_output=True)\n"
    code += "print(json.dumps([done.returncode, done.stderr.decode()]))"
    done = run({}, "-c", code, LAUNCH.format(["doctor"]))
    assert json.loads(done.stdout) == [0, ""]
