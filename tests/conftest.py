"""Plant plugins: packages with entry points, in a directory of their own."""

import contextlib
import json
import os

import keras
import pytest

from kerasx.testing import Worker, WorkerError, run_python

# Names of one piece of code are not there for the next.
RUN = "exec(compile(source, '<test>', 'exec'), {'__name__': '__test__'})"


@pytest.fixture
def planted():
    """Return the expression of the names of layers that no first-party plugin contributes."""
    return (
        "[name for name in dir(kerasx.layers)"
        " if not getattr(kerasx.layers, name).__module__.startswith('kerasx_')]"
    )


@pytest.fixture(scope="session")
def plant(tmp_path_factory):
    """Install plugins, and return the directory that holds them.

    A plugin is its distribution's name and either the source of its only module, which has the
    hooks and the same name, or the pair (lines of its entry points, files).
    """
    planted = {}

    def install(plugins):
        key = json.dumps(plugins)
        if key not in planted:
            planted[key] = site = tmp_path_factory.mktemp("site")
            (site / ".planted").touch()
            for name, content in plugins.items():
                module = name.replace("-", "_")
                if isinstance(content, str):
                    content = (f"{module} = {module}", {f"{module}.py": content})
                entry, files = content
                info = f"{module}-1.0.dist-info"
                files = {
                    **files,
                    f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
                    f"{info}/entry_points.txt": f"[kerasx]\n{entry}\n",
                }
                for file, text in files.items():
                    (site / file).parent.mkdir(parents=True, exist_ok=True)
                    (site / file).write_text(text)
        return planted[key]

    return install


def environment(site, variables):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KERASX")}
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return {**inherited, "PYTHONPATH": path, "KERAS_BACKEND": keras.backend.backend(), **variables}


@pytest.fixture(scope="session")
def run(plant):
    """Run a Python program with planted plugins, and return the finished process."""

    def run(plugins, *arguments, **variables):
        return run_python(*map(str, arguments), environment=environment(plant(plugins), variables))

    return run


@pytest.fixture(scope="session")
def interpreter(plant):
    """Start a worker with planted plugins; return a function that runs code in it.

    The function returns what the code printed, with the error of code that raises.
    """
    with contextlib.ExitStack() as workers:

        def start(plugins, **variables):
            worker = Worker(environment=environment(plant(plugins), variables))
            workers.enter_context(worker)

            def run(code):
                try:
                    return worker.run(RUN, source=code)
                except WorkerError as error:
                    return f"{error.printed}\n{error}".strip()

            return run

        yield start


# A planted plugin may be broken on purpose, which kerasx warns of.
COMMAND = """
import warnings
from click.testing import CliRunner
from kerasx_launcher.commands import commands
with warnings.catch_warnings(action="ignore"):
    result = CliRunner().invoke(commands, {arguments!r})
print(result.exit_code)
print(result.output.rstrip())
"""


@pytest.fixture(scope="session")
def command_line(interpreter):
    """Start a worker with planted plugins; return a function that runs a kerasx command in it.

    The function returns the exit status and the output.
    """

    def start(plugins):
        run = interpreter(plugins)

        def command(*arguments):
            printed = run(COMMAND.format(arguments=[str(argument) for argument in arguments]))
            status, _, output = printed.partition("\n")
            return int(status), output

        return command

    return start


# Forgets kerasx and the plugins, but not Keras, which takes seconds to import.
AFRESH = """
import os, sys
import keras
for name in list(sys.modules):
    if name.startswith("kerasx") or name.partition(".")[0] in {modules!r}:
        del sys.modules[name]
keras.saving.get_custom_objects().clear()
sys.path[:] = [{site!r}, *(each for each in sys.path if not os.path.exists(each + "/.planted"))]
for name in ["KERASX_PLUGINS", "KERASX_PREFER", "KERASX_STRICT"]:
    os.environ.pop(name, None)
os.environ.update({variables!r})
"""


@pytest.fixture(scope="session")
def afresh(plant, interpreter):
    """Run a program as if in a new interpreter beside planted plugins; return what it printed."""
    run = interpreter({})

    def start(plugins, code, **variables):
        site = plant(plugins)
        modules = {each.stem for each in site.iterdir()}
        run(AFRESH.format(modules=modules, site=str(site), variables=variables))
        return run(code)

    return start
