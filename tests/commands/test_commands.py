"""The command line: commands come from entry points, and a broken one does not stop the others."""

import pytest

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
LAUNCH = "import sys, kerasx_launcher; sys.argv = ['kerasx', *{}]; kerasx_launcher.main()"


@pytest.fixture(scope="module")
def command(interpreter):
    """Run a command in a process that stays; return its exit status and what it printed."""
    run = interpreter(PLUGIN)

    def command(*arguments):
        printed = run(
            "from click.testing import CliRunner\n"
            "from kerasx.commands import main\n"
            f"result = CliRunner().invoke(main, {arguments!r})\n"
            "print(result.exit_code)\n"
            "print(result.output)"
        )
        status, _, output = printed.partition("\n")
        return int(status), output

    return command


def test_a_plugin_adds_commands(command):
    status, output = command("greet", "--name", "Ada")
    assert status == 0
    assert output.startswith("Hello, Ada.")


def test_our_commands_win(command):
    assert "not ours" not in command("doctor")[1]


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
    names = ["broken", "check", "doctor", "greet", "info", "inspect", "list", "new", "stubs"]
    for name in names:
        assert f"\n  {name} " in output
    assert "Greet somebody." in output
    assert "(acme_missing:run cannot be loaded" in output


def test_an_unknown_command_is_an_error(command):
    status, output = command("absent")
    assert status == 2
    assert "No such command 'absent'" in output


def test_the_launcher_runs_a_plugins_command_without_keras(run):
    done = run(PLUGIN, "-c", LAUNCH.format(["greet", "--name=Ada"]))
    assert (done.returncode, done.stdout) == (0, "Hello, Ada. False\n")
