"""`kerasx catalogue` writes what `kerasx list` and `kerasx info` then show."""

import json

import pytest

from kerasx_launcher.catalogue import FILE

ACME = """
import keras
from kerasx import hookimpl, kernel

class Scale(keras.layers.Layer):
    '''Multiply by a factor.

    Source: Euclid,
    "Elements".

    Args:
        factor: the factor.
    '''
    def __init__(self, factor: float = 2.0, *, name: str | None = None):
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
    '''A power of x.'''
    return x**power

@raised.implementation("jax")
def raised_on_jax(x, power=2):
    return x**power

def bare(x: int): return x

@hookimpl
def kerasx_layers(): return [Scale]
@hookimpl
def kerasx_kernels(): return [raised]
@hookimpl
def kerasx_activations(): return [bare]
"""
PLUGINS = {
    "acme-layers": ("a = acme.plugin", {"acme/__init__.py": "", "acme/plugin.py": ACME}),
    "single": ACME.replace("Scale", "Other").replace("raised", "lifted").replace("bare", "naked"),
    "broken": "raise OSError('disk')",
}
WRITTEN = [
    {
        "kind": "activations",
        "name": "bare",
        "summary": "",
        "call": "bare(x)",
        "papers": "",
        "facts": {},
        "doc": "",
    },
    {
        "kind": "kernels",
        "name": "raised",
        "summary": "A power of x.",
        "call": "raised(x, power=2)",
        "papers": "",
        "facts": {
            "static": "power",
            "shapes": "x: rows columns",
            "returns": "rows columns",
            "buckets": "rows: 8",
            "backends": "any, jax",
            "reference": "slow_power",
        },
        "doc": "A power of x.",
    },
    {
        "kind": "layers",
        "name": "Scale",
        "summary": "Multiply by a factor.",
        "call": "Scale(factor=2.0, *, name=None)",
        "papers": 'Euclid, "Elements".',
        "facts": {},
        "doc": 'Multiply by a factor.\n\nSource: Euclid,\n"Elements".\n\nArgs:\n'
        "    factor: the factor.",
    },
]


@pytest.fixture(scope="module")
def command(command_line):
    return command_line(PLUGINS)


def test_what_is_written_is_shown(command, plant):
    path = plant(PLUGINS) / "acme" / FILE
    path.unlink(missing_ok=True)
    hint = "acme-layers has no catalogue of its names: `kerasx catalogue acme-layers` imports the"
    assert hint in command("list")[1]
    assert hint in command("info", "acme>Scale")[1]
    assert command("catalogue", "Acme_Layers") == (0, f"Wrote {path}")
    assert json.loads(path.read_text()) == WRITTEN
    assert hint not in command("list")[1]
    assert "Multiply by a factor." in command("info", "acme>Scale")[1]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("single", "single must be a package to hold a catalogue; single is a single module"),
        ("broken", "plugin broken 1.0 failed to load: importing broken raised OSError: disk"),
        ("absent", "no plugin is called absent; installed are: acme-layers, broken, "),
    ],
)
def test_what_cannot_be_written_says_why(command, name, reason):
    status, output = command("catalogue", name)
    assert status == 1
    assert output.startswith(f"Error: {reason}")


def test_a_package_that_is_read_only(command, plant):
    path = plant(PLUGINS) / "acme" / FILE
    path.unlink(missing_ok=True)
    path.mkdir()
    status, output = command("catalogue", "acme-layers")
    path.rmdir()
    assert status == 1
    assert "Is a directory" in output
