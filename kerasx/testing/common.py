"""Checks for every kind of contribution; they need no case."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from functools import cache
from pathlib import Path
from typing import Any

import keras

from kerasx.catalogue import describe
from kerasx.names import lookup
from kerasx.namespaces import namespace
from kerasx.registry import contributions
from kerasx.testing.contract import KINDS_WITH_CASES, Subject, check, not_exercised
from kerasx.testing.numerics import BACKEND
from kerasx.testing.worker import importable_from, run_python
from kerasx_launcher.catalogue import read

IN_PROGRAM = "it is defined in a program, not in a package"
# These settings fail once a device is in use, which shows whether it is.
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


@check()
def has_a_case(subject: Subject) -> None:
    """Its plugin says how to exercise it; nothing else can be checked without that.

    Layers, losses, metrics and kernels need a case. Others need one if they have arguments without
    a default.
    """
    name = subject.object.__name__
    example = "inputs=lambda batch: ..." if subject.kind in KINDS_WITH_CASES else "arguments={...}"
    assert subject.cases, (
        f"{name} has no case, so it cannot be exercised. Return one from the plugin's hook "
        f"kerasx_cases: kerasx.testing.Case({name}, {example})"
    )


@check()
def resolves(subject: Subject) -> None:
    """`kerasx.<kind>.Name`, its qualified name and Keras's own table give this very object.

    Saved models hold the qualified name. A plain name that several plugins have need not be its.
    """
    if subject.qualified is None:
        not_exercised("no plugin contributes it")
    name = subject.object.__name__
    assert lookup(subject.qualified) is subject.object
    if [each.name for each in contributions(subject.kind)].count(name) == 1:
        get_name, _ = namespace(subject.kind)
        assert get_name(name) is subject.object, f"kerasx.{subject.kind}.{name} is another object"
    if hasattr(subject.object, "get_config") or not inspect.isclass(subject.object):
        registered = keras.saving.get_registered_object(subject.qualified)
        assert registered is subject.object, f"Keras has {registered} as {subject.qualified}"


@check(style=True)
def is_documented(subject: Subject) -> None:
    """Its own docstring has a one-line summary and names each argument.

    It is all that `help()`, editors and `kerasx info` show. The docstring of its base class
    describes another class.
    """
    doc = inspect.cleandoc(subject.object.__doc__ or "")
    summary, _, rest = doc.partition("\n")
    assert summary.strip(), "it has no docstring"
    assert not rest.partition("\n")[0].strip(), "the summary of its docstring is not one line"
    parameters = inspect.signature(subject.object).parameters.values()
    documented_by_keras = {"name", "dtype", "trainable", "reduction", "self"}
    undocumented = [
        parameter.name
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and parameter.name not in documented_by_keras
        and parameter.name not in doc
    ]
    assert not undocumented, f"its docstring does not name {undocumented}"


@check()
def is_catalogued(subject: Subject) -> None:
    """The catalogue of its plugin, if there is one, describes it as it is now.

    `kerasx list` and `kerasx info` read only the catalogue.
    """
    for each in contributions(subject.kind):
        if each.qualified == subject.qualified:
            entries = read(each.plugin.package)
            if entries is None:
                not_exercised("its plugin has no catalogue")
            assert describe(each) in entries, (
                f"the catalogue of {each.plugin.name} does not describe {each.name} as it is; run: "
                f"kerasx catalogue {each.plugin.name}"
            )
            return
    not_exercised("no plugin contributes it")


@check(style=True)
def uses_public_keras(subject: Subject) -> None:
    """Its package imports nothing from `keras.src`, which changes without notice."""
    package = package_of(subject.object)
    if package in ("keras", "__main__"):
        not_exercised("it is a part of Keras" if package == "keras" else IN_PROGRAM)
    first, *more = _private_imports(package) or [""]
    others = f" and {len(more)} more" if more else ""
    assert not first, f"{package} imports from keras.src: {first}{others}"


@check()
def import_computes_nothing(subject: Subject) -> None:
    """Importing its package starts no computation, so no device is taken.

    A library that takes a GPU's memory on import breaks programs that only need a name.
    Checked on TensorFlow and JAX.
    """
    if BACKEND not in SETTINGS:
        not_exercised(f"{BACKEND} does not show whether a device is in use")
    package = package_of(subject.object)
    if package == "__main__":
        not_exercised(IN_PROGRAM)
    error = _error_after_import(package)
    assert error is None, f"after `import {package}` a device is in use: {error}"


def package_of(contribution: Any) -> str:
    """Return the import package of a contribution; inside a namespace package, the regular one.

    A namespace package is a folder that several distributions share, and has no `__init__.py`.
    """
    package, *inner = contribution.__module__.split(".")
    for name in inner:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is not None:
            break
        package = f"{package}.{name}"
    return package


def files_of(contribution: Any) -> frozenset[Path]:
    """Return the files of the package of a contribution."""
    return _files(package_of(contribution))


@cache
def _files(package: str) -> frozenset[Path]:
    spec = None if package == "__main__" else importlib.util.find_spec(package)
    if spec is None:
        return frozenset()
    files = {Path(spec.origin)} if spec.origin else set()
    for folder in spec.submodule_search_locations or []:
        files.update(Path(folder).rglob("*.py"))
    return frozenset(files)


@cache
def _private_imports(package: str) -> tuple[str, ...]:
    places = set()
    for file in _files(package):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            if any(f"{name}.".startswith("keras.src.") for name in names):
                places.add(f"{file.name}:{node.lineno}")
    return tuple(sorted(places))


@cache
def _error_after_import(package: str) -> str | None:
    code = f"import {package}\n{SETTINGS[BACKEND]}"
    process = run_python("-c", code, environment=importable_from())
    return None if process.returncode == 0 else process.stdout.strip().splitlines()[-1]
