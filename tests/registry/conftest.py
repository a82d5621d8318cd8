"""Plants plugins: packages with entry points, which pip installs into a directory of their own."""

import json
import os
import subprocess
import sys
from zipfile import ZipFile

import pytest

# Runs what it is sent, a line of JSON each, and answers with what that printed.
INTERPRETER = """
import contextlib, io, json, sys

for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            exec(compile(json.loads(line), "<test>", "exec"), {"__name__": "__test__"})
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
    print(json.dumps(printed.getvalue().rstrip()), flush=True)
"""


@pytest.fixture
def planted():
    """Return the expression of the names of layers that no first-party plugin contributes."""
    return (
        "[name for name in dir(kerasx.layers)"
        " if not getattr(kerasx.layers, name).__module__.startswith('kerasx_')]"
    )


def write_wheel(directory, name, files, entry):
    stem = f"{name.replace('-', '_')}-1.0"
    files = {
        **files,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": f"[kerasx]\n{entry}\n",
    }
    path = directory / f"{stem}-py3-none-any.whl"
    with ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
        wheel.writestr(f"{stem}.dist-info/RECORD", "".join(f"{file},,\n" for file in files))
    return str(path)


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
            wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
            paths = []
            for name, content in plugins.items():
                if isinstance(content, str):
                    module = name.replace("-", "_")
                    content = (f"{module} = {module}", {f"{module}.py": content})
                paths.append(write_wheel(wheels, name, content[1], content[0]))
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
            if paths:
                subprocess.run([*pip, "--target", site, *paths], check=True)
            (site / ".planted").touch()
            planted[key] = site
        return planted[key]

    return install


def environment(site, variables):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KERASX")}
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return {**inherited, "PYTHONPATH": path, "KERAS_BACKEND": "numpy", **variables}


@pytest.fixture(scope="session")
def run(plant):
    """Run Python beside planted plugins, and return the finished process."""

    def run(plugins, *arguments, **variables):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=environment(plant(plugins), variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def interpreter(plant):
    """Start an interpreter beside planted plugins; it runs what it is given, and stays."""
    processes = []

    def start(plugins, **variables):
        process = subprocess.Popen(
            [sys.executable, "-c", INTERPRETER],
            env=environment(plant(plugins), variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)

        def run(code):
            process.stdin.write(json.dumps(code) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        return run

    yield start
    for process in processes:
        process.stdin.close()
        process.wait()


# Forgets kerasx and the plugins, but not Keras, which takes seconds to import.
AFRESH = """
import os, sys
import keras
for name in list(sys.modules):
    if name.startswith("kerasx") or name.partition(".")[0] in {modules!r}:
        del sys.modules[name]
keras.saving.get_custom_objects().clear()
sys.path[:] = [{site!r}, *(each for each in sys.path if not os.path.exists(each + "/.planted"))]
for name in ["KERASX_PLUGINS", "KERASX_STRICT"]:
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
