"""`kerasx list` and `kerasx info`, in a pipe and in a terminal."""

import pytest
from click.testing import CliRunner

import kerasx_launcher.show
from kerasx_launcher.catalogue import Entry, Plugin
from kerasx_launcher.commands import commands

SUMMARY = (
    "Multiply by a factor, which is said here in far more words than any terminal has columns."
)
SCALE = Entry(
    kind="layers",
    name="Scale",
    summary=SUMMARY,
    call="Scale(factor=2.0, *, mode='as it was', reduction='sum', name=None)",
    papers="",
    facts={},
    doc=f"{SUMMARY}\n\nArgs:\n    factor: the ``factor``.",
)
RAISED = Entry(
    kind="kernels",
    name="raised",
    summary="A power of x.",
    call="raised(x, power=2)",
    papers='Euclid, "Elements".',
    facts={"static": "power", "shapes": "x: rows columns\ny: rows"},
    doc='A power of x.\n\nSource: Euclid,\n"Elements".',
)
BARE = Entry(
    kind="activations",
    name="bare",
    summary="",
    call="bare(x, a_first_long_name=(1, 2, 3), another_long_name_it_has=(4, 5, 6), a_third=None)",
    papers="",
    facts={},
    doc="",
)
ACME = Plugin("acme-layers", "1.0", "acme_layers", [SCALE, RAISED, BARE])
ABSENT = {"kerasx-absent": {"layers": ["Nowhere"], "optimizers": ["Slow"]}}
CONTRIBUTED = f"""\
kind         name    plugin       summary
activations  bare    acme-layers
kernels      raised  acme-layers  A power of x.
layers       Scale   acme-layers  {SUMMARY}"""
HOW = "`kerasx catalogue other` imports the plugin and writes one"


@pytest.fixture
def command(monkeypatch):
    """Run a command with these plugins installed; return its exit status and what it printed."""

    def command(*arguments, plugins=(ACME,), absent=ABSENT):
        monkeypatch.setattr(kerasx_launcher.show, "plugins", lambda: list(plugins))
        monkeypatch.setattr(kerasx_launcher.show, "FIRST_PARTY", absent)
        done = CliRunner().invoke(commands, arguments)
        return done.exit_code, done.output.rstrip()

    return command


def test_list(command):
    plugins = [ACME, Plugin("other", "2.0", "other", None)]
    status, output = command("list", plugins=plugins)
    listed, contributed, *_ = output.split("\n\n")
    assert status == 0
    assert [line.split(maxsplit=2) for line in listed.splitlines()] == [
        ["plugin", "version", "contributions"],
        ["acme-layers", "1.0", "3"],
        ["other", "2.0", "no catalogue"],
    ]
    assert contributed == f"{CONTRIBUTED}\nother has no catalogue of its names: {HOW}"


def test_list_of_one_kind(command):
    assert command("list", "--kind", "layers") == (
        0,
        f"kind    name   plugin       summary\nlayers  Scale  acme-layers  {SUMMARY}",
    )
    status, output = command("list", "--kind", "layer")
    assert status == 2
    assert "'layers'" in output


def test_list_of_what_is_described_with_words(command):
    for words in (["POWER"], ["power", "elements"], ["Raised"]):
        header, *lines = command("list", *words)[1].splitlines()
        assert header.split() == ["kind", "name", "plugin", "summary"]
        assert [line.split()[1] for line in lines] == ["raised"]
    assert command("list", "power", "factor")[1] == (
        "No installed plugin with a catalogue contributes anything described with 'power' and "
        "'factor'."
    )


def test_list_of_a_kind_that_nobody_contributes(command):
    nobody = "No installed plugin with a catalogue contributes"
    assert command("list", "--kind", "callbacks") == (0, f"{nobody} callbacks.")
    assert command("list", "--kind", "optimizers")[1] == (
        f"{nobody} optimizers.\nkerasx-absent, which is not installed, has optimizers: "
        'pip install ".[absent]" in a clone of kerasx'
    )
    assert command("list", "--kind", "callbacks", plugins=[Plugin("other", "2", "o", None)])[1] == (
        f"{nobody} callbacks.\nother has no catalogue of its names: {HOW}"
    )


def test_list_without_plugins(command):
    assert command("list", plugins=[])[1] == (
        'No plugin is installed. To install all of kerasx: pip install ".[all]" in a clone of '
        "kerasx"
    )


@pytest.mark.parametrize(("chosen", "rest"), [("acme_layers", ["Scale"]), ("", [])])
def test_list_without_what_a_setting_leaves_out(command, monkeypatch, chosen, rest):
    monkeypatch.setenv("KERASX_PLUGINS", chosen)
    others = [Plugin(name, "2.0", name, None) for name in ("other", "third")]
    lines = command("list", plugins=[ACME, *others])[1].splitlines()
    names = "other, third" if chosen else "acme-layers, other, third"
    assert lines[-1] == f"KERASX_PLUGINS={chosen!r} leaves out {names}."
    assert [line for line in lines[:-1] if "other" in line] == []
    assert [name for name in ("Scale",) if any(name in line for line in lines)] == rest


def test_info_on_a_name_that_several_have(command):
    zeta = Plugin("zeta", "2.0", "zeta", [SCALE])
    output = command("info", "Scale", plugins=[ACME, zeta])[1]
    for name in ("kerasx.layers.acme_layers.Scale", "kerasx.layers.zeta.Scale"):
        assert f"name      {name}\n" in output
    assert "name      kerasx.kernels.raised\n" in command("info", "raised", plugins=[ACME, zeta])[1]


def test_list_of_a_plugin_that_contributes_nothing(command):
    output = command("list", plugins=[Plugin("empty", "1.0", "empty", [])])[1]
    assert output.endswith("No installed plugin with a catalogue contributes anything.")


@pytest.mark.parametrize("name", ["Scale", "acme_layers>Scale", "kerasx.layers.Scale"])
def test_info_on_a_class(command, name):
    expected = """\
kind      layers
name      kerasx.layers.Scale
in full   acme_layers>Scale
plugin    acme-layers 1.0

Scale(factor=2.0, *, mode='as it was', reduction='sum', name=None)

Multiply by a factor, which is said here in far more words than any terminal has columns.

Args:
    factor: the ``factor``."""
    assert command("info", name) == (0, expected)


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
          y: rows
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


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Scael", "; did you mean Scale?"),
        ("scale", "; did you mean Scale?"),
        ("acme_layers>Scael", "; did you mean Scale?"),
        ("kerasx.layers.Scael", "; did you mean Scale?"),
        ("Xyzzy", ""),
        ("Nowhere", '; kerasx-absent has it: pip install ".[absent]" in a clone of kerasx'),
        ("kerasx_absent>Slow", '; kerasx-absent has it: pip install ".[absent]" in a clone'),
        ("Nowher", "; did you mean Nowhere?"),
        ("acme_layers>Nowhere", ""),
    ],
)
def test_info_on_an_unknown_name(command, name, hint):
    status, output = command("info", name)
    assert status == 1
    assert output.startswith(
        f"Error: no installed plugin with a catalogue contributes {name}{hint}"
    )
    assert hint or output.endswith(name)


def test_info_where_a_plugin_has_no_catalogue(command):
    output = command("info", "Xyzzy", plugins=[ACME, Plugin("other", "2.0", "other", None)])[1]
    assert output.endswith(f"contributes Xyzzy; other has no catalogue of its names: {HOW}")


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_gets_colours_and_lines(run, terminal):
    command = "[sys.executable, '-c', sys.argv[1]]"
    start = f"pty.spawn({command})" if terminal else f"subprocess.run({command})"
    listing = "import sys, kerasx_launcher; sys.argv = ['kerasx', 'list']; kerasx_launcher.main()"
    code = f"import pty, subprocess, sys; {start}"
    done = run({}, "-c", code, listing, COLUMNS="60", TERM="xterm")
    assert ("\x1b[" in done.stdout) == terminal
    assert ("─" in done.stdout) == terminal
    summary = "Linear-chain conditional random field: the best sequence of tags for given features."
    assert (summary in done.stdout) != terminal
    for name in ["kernels", "kerasx-sequence", "CRF"]:
        assert name in done.stdout
