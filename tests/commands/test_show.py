"""The command ``kerasx``, in a pipe and in a terminal."""

import pytest

PLUGINS = {
    "acme-layers": """
import keras
from kerasx import hookimpl, kernel

class Scale(keras.layers.Layer):
    '''Multiply by a factor, which is said here in far more words than any terminal has columns.

    Args:
        factor: the ``factor``.
    '''
    def __init__(self, factor: float = 2.0, *, mode="as it was", reduction="sum", name=None):
        super().__init__()

def slow_power(x, power=2):
    return x**power

@kernel(
    static=("power",),
    reference=slow_power,
    shapes={"x": "rows columns"},
    returns="rows columns",
    bucket={"rows": 8},
)
def raised(x, power=2):
    '''A power of x.

    Source: Euclid,
    "Elements".
    '''
    return x**power

@raised.implementation("jax")
def raised_on_jax(x, power=2):
    return x**power

def bare(x: int, a_first_long_name=(1, 2, 3), another_long_name_it_has=(4, 5, 6), a_third=None):
    return x

@hookimpl
def kerasx_layers(): return [Scale]
@hookimpl
def kerasx_kernels(): return [raised]
@hookimpl
def kerasx_activations(): return [bare]
""",
    "broken": "raise OSError('disk')",
}
SUMMARY = (
    "Multiply by a factor, which is said here in far more words than any terminal has columns."
)


@pytest.fixture(scope="module")
def command(interpreter):
    """Run the command in a process that stays; return its exit status and what it printed."""
    run = interpreter(PLUGINS, KERASX_PLUGINS="acme-layers,broken")
    run("import kerasx")  # which warns of the broken plugin

    def command(*arguments):
        printed = run(
            "from click.testing import CliRunner\n"
            "from kerasx.commands import main\n"
            f"result = CliRunner().invoke(main, {arguments!r})\n"
            "print(result.exit_code)\n"
            "print(result.output.rstrip())"
        )
        status, _, output = printed.partition("\n")
        return int(status), output

    return command


CONTRIBUTED = f"""\
kind         name    plugin       summary
activations  bare    acme-layers
kernels      raised  acme-layers  A power of x.
layers       Scale   acme-layers  {SUMMARY}"""


def test_list(command):
    status, output = command("list")
    plugins, _, contributed = output.partition("\n\n")
    assert status == 0
    header, *lines = plugins.splitlines()
    assert header.split() == ["plugin", "version", "status"]
    assert lines[0].split() == ["acme-layers", "1.0", "loaded"]
    assert lines[1].split() == ["broken", "1.0", "failed"]
    assert "plugin broken 1.0 failed to load: importing broken raised OSError: disk" in lines
    assert contributed == CONTRIBUTED


def test_list_of_one_kind(command):
    lines = CONTRIBUTED.splitlines()
    assert command("list", "--kind", "layers") == (
        0,
        f"kind    name   plugin       summary\nlayers  Scale  acme-layers  {SUMMARY}",
    )
    assert len(lines) == 4
    status, output = command("list", "--kind", "layer")
    assert status == 2
    assert "'layers'" in output


def test_list_without_plugins(afresh):
    # The distributions of first parties may be installed here; the command is to see none.
    printed = afresh(
        {},
        "import kerasx\n"
        "from kerasx import registry\n"
        "registry._plugins.clear()\n"
        "from kerasx.commands import main\n"
        "main(['list'], standalone_mode=False)",
    )
    assert printed == 'No plugin is installed. To install all of kerasx: pip install "kerasx[all]"'


def test_info_on_a_class(command):
    expected = """\
kind      layers
name      kerasx.layers.Scale
in full   acme_layers>Scale
plugin    acme-layers 1.0

Scale(factor=2.0, *, mode='as it was', reduction='sum', name=None)

Multiply by a factor, which is said here in far more words than any terminal has columns.

Args:
    factor: the ``factor``."""
    assert command("info", "Scale") == (0, expected)
    assert command("info", "acme_layers>Scale") == (0, expected)


def test_info_on_a_kernel(command):
    assert command("info", "raised") == (
        0,
        """\
kind      kernels
name      kerasx.kernels.raised
in full   acme_layers>raised
plugin    acme-layers 1.0
static    power
shapes    x: rows columns
returns   rows columns
buckets   rows: 8
backends  any, jax
reference slow_power
source    Euclid, "Elements".

raised(x, power=2)

A power of x.

Source: Euclid,
"Elements".""",
    )


def test_info_on_a_long_signature_without_docstring(command):
    assert command("info", "bare")[1].endswith(
        "\n\nbare(x, a_first_long_name=(1, 2, 3), another_long_name_it_has=(4, 5, 6),\n"
        "    a_third=None)\n\nIt has no docstring."
    )


def test_info_on_an_unknown_name(command):
    assert command("info", "Scael") == (
        1,
        "Error: no loaded plugin contributes Scael; did you mean Scale?; plugin broken 1.0 failed "
        "to load: importing broken raised OSError: disk",
    )


def test_unknown_name_ends_a_process_with_status_1(run):
    done = run(PLUGINS, "-m", "kerasx", "info", "Scael", KERASX_PLUGINS="acme-layers")
    assert done.returncode == 1
    *_, message = done.stdout.splitlines()
    assert message == "Error: no loaded plugin contributes Scael; did you mean Scale?"


def test_version_and_help(command, interpreter):
    assert command("--version")[1].startswith("kerasx, version ")
    status, output = command("--help")
    names = [line.split()[0] for line in output.partition("Commands:\n")[2].splitlines()]
    commands = ["check", "doctor", "info", "inspect", "list", "new", "stubs"]
    assert (status, names) == (0, commands)


def test_list_does_not_import_other_commands(afresh):
    code = "import sys\nfrom kerasx.commands import main\nmain(['list'], standalone_mode=False)\n"
    code += "print(sys.modules.keys() & {'kerasx.commands.doctor', 'kerasx.commands.stubs'})"
    assert afresh(PLUGINS, code).endswith("\nset()")


def test_doctor_on_plugins(afresh):
    """One that is well, one of another module that has the same names, and one that fails."""
    acme = PLUGINS["acme-layers"]
    plugins = {**PLUGINS, "other": acme, "left-out": acme}
    printed = afresh(
        plugins,
        "import warnings\n"
        "from click.testing import CliRunner\n"
        "with warnings.catch_warnings(action='ignore'):  # of the broken plugin\n"
        "    from kerasx.commands import main\n"
        "result = CliRunner().invoke(main, ['doctor'])\n"
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
        "from kerasx.commands import main\n"
        "result = CliRunner().invoke(main, ['doctor'])\n"
        "print(result.output, result.exit_code)",
        KERASX_PLUGINS="",
    )
    assert printed.endswith("broken: nothing\n 0")


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_gets_colours_and_lines(run, terminal):
    command = "[sys.executable, '-m', 'kerasx', 'list']"
    start = f"pty.spawn({command})" if terminal else f"subprocess.run({command})"
    code = f"import pty, subprocess, sys; {start}"
    done = run(PLUGINS, "-c", code, COLUMNS="60", TERM="xterm", KERASX_PLUGINS="acme-layers")
    assert ("\x1b[" in done.stdout) == terminal
    assert ("─" in done.stdout) == terminal
    assert (SUMMARY in done.stdout) != terminal
    for name in ["activations", "acme-layers", "raised", "Scale"]:
        assert name in done.stdout
