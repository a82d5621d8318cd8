"""Read and write saved models, which are untrusted input.

A file is inspected first, as data: within limits, without importing or calling anything it names.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras

from kerasx.errors import SavedModelError
from kerasx.saving.inspect import SavedModel, SavedObject, inspect_model
from kerasx.saving.record import write_record

__all__ = ["SavedModel", "SavedObject", "inspect_model", "load_model", "save_model"]


def __dir__() -> list[str]:
    return __all__


def load_model(
    path: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> keras.Model:
    """Load a model as `keras.models.load_model` does, or say what is missing and what to install.

    Args:
        path: a ``.keras`` file.
        custom_objects: name -> class or function that is not registered with Keras.
        compile: whether to compile the model as it was. If not, its losses and metrics may be
            missing.
        safe_mode: whether to refuse a model that holds code, as a lambda is. Otherwise it runs.

    Returns:
        The model.

    Raises:
        OSError: the file cannot be opened.
        SavedModelError: the file is malformed, holds code, or needs what is not there.

    Warns:
        UserWarning: the file was saved with a newer version of a plugin than the installed one.

    Example:
    >>> import keras, kerasx, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
    >>> kerasx.save_model(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), path)
    >>> kerasx.load_model(path).output_shape
    (None, 2)
    """
    saved = inspect_model(path, custom_objects)
    problems = [
        each
        for each in saved.objects
        if each.problem
        and (compile or not each.where.startswith("compile_config"))
        and (safe_mode or not each.code)
    ]
    refused = [each for each in problems if each.is_refused]
    if refused:
        raise _refusal(path, refused)
    for sentence in saved.newer:
        warnings.warn(f"{os.fspath(path)!r}: {sentence}", stacklevel=2)
    try:
        return keras.models.load_model(path, custom_objects, compile=compile, safe_mode=safe_mode)
    except Exception as error:
        if problems:  # the code of another package did not do without Keras
            raise _refusal(path, problems) from error
        raise


def _refusal(path: str | os.PathLike[str], problems: Iterable[SavedObject]) -> SavedModelError:
    reasons = "\n".join(dict.fromkeys(each.problem for each in problems))
    return SavedModelError(f"{os.fspath(path)!r} cannot be loaded: {reasons}")


def save_model(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Save a model as ``model.save`` does, and record the versions of the plugins that it uses.

    The record is the comment of the zip archive. Keras loads the file as any other; `load_model`
    and ``kerasx inspect`` read from it what provided a missing name, and whether it was newer.

    Args:
        model: the model.
        path: where to save it, ending in ``.keras``.

    Raises:
        ValueError: the path does not end in ``.keras``.
    """
    if not os.fspath(path).endswith(".keras"):
        raise ValueError(f"`path` must end in .keras; received {os.fspath(path)!r}")
    keras.saving.save_model(model, path)
    objects = inspect_model(path).objects
    provided = {each.package: (each.provider, each.version) for each in objects if each.version}
    provided.pop("keras", None)
    write_record(path, provided)
