"""What every contribution promises, of whatever kind; these checks need no case."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from functools import cache
from pathlib import Path

import keras

from kerasx.names import lookup
from kerasx.namespaces import namespace
from kerasx.testing.contract import KINDS_WITH_CASES, Subject, check
from kerasx.testing.worker import importable_from, run_python

# Once a device is in use, these settings can no longer be made; that is how it shows.
SETTINGS = {
    "tensorflow": """
import tensorflow as tf
tf.config.threading.set_inter_op_parallelism_threads(1)
""",
    "jax": """
import jax
jax.config.update("jax_num_cpu_devices", 2)
""",
}


@check(*KINDS_WITH_CASES)
def has_a_case(subject: Subject) -> None:
    """Its plugin says how to exercise it; what nobody exercises, nobody has checked."""
    name = subject.object.__name__
    assert subject.cases, (
        f"{name} has no case, so nothing of it can be checked. Return one from the plugin's hook "
        f"kerasx_cases: kerasx.testing.Case({name}, inputs=lambda batch: ...)"
    )


@check()
def resolves(subject: Subject) -> None:
    """`kerasx.<kind>.Name` and its qualified name give this very object, and so does Keras.

    Saved models hold the qualified name.
    """
    if subject.qualified is None:
        return
    name = subject.object.__name__
    assert lookup(subject.qualified) is subject.object
    get_name, _ = namespace(subject.kind)
    assert get_name(name) is subject.object, f"kerasx.{subject.kind}.{name} is something else"
    if hasattr(subject.object, "get_config") or not inspect.isclass(subject.object):
        registered = keras.saving.get_registered_object(subject.qualified)
        assert registered is subject.object, f"Keras has {registered} as {subject.qualified}"


@check()
def is_documented(subject: Subject) -> None:
    """Its docstring has a summary of one line, and its arguments, each by name.

    `help()` and `kerasx info` show nothing else.
    """
    doc = inspect.getdoc(subject.object) or ""
    summary, _, rest = doc.partition("\n")
    assert summary.strip(), "it has no docstring"
    assert not rest.partition("\n")[0].strip(), "the summary of its docstring is not one line"
    parameters = inspect.signature(subject.object).parameters.values()
    named = [
        each.name
        for each in parameters
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    common = {"name", "dtype", "trainable", "reduction", "self"}
    silent = [name for name in named if name not in common and name not in doc]
    assert not silent, f"its docstring does not name {silent}"


@check()
def uses_public_keras(subject: Subject) -> None:
    """Its package imports nothing from `keras.src`, which changes without notice."""
    package = subject.object.__module__.partition(".")[0]
    found = _private_imports(package)
    assert not found, f"{package} imports from keras.src: {', '.join(found)}"


@check()
def import_computes_nothing(subject: Subject) -> None:
    """Importing its package starts no computation, and so takes no device.

    A library that takes the GPU's memory on import breaks programs that only wanted a name.
    Checked on TensorFlow and JAX.
    """
    package = subject.object.__module__.partition(".")[0]
    error = _error_after_import(package)
    assert error is None, f"after `import {package}` a device is in use: {error}"


@cache
def _private_imports(package: str) -> tuple[str, ...]:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    files = [Path(spec.origin or "")]
    for place in spec.submodule_search_locations or []:
        files += sorted(Path(place).rglob("*.py"))
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            if any(f"{name}.".startswith("keras.src.") for name in names):
                found.add(f"{file.name}:{node.lineno}")
    return tuple(sorted(found))


@cache
def _error_after_import(package: str) -> str | None:
    setting = SETTINGS.get(keras.backend.backend(), "")
    process = run_python("-c", f"import {package}\n{setting}", environment=importable_from())
    return None if process.returncode == 0 else process.stdout.strip().splitlines()[-1]
