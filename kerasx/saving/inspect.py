"""Inspect a ``.keras`` file: list its objects, their providers, and anything that is missing.

A saved file is untrusted input. It is read as a zip archive of JSON, within limits. Nothing that it
names is imported or called, and its text is made printable before it is shown.
"""

import itertools
import os
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from kerasx import registry
from kerasx.errors import SavedModelError
from kerasx.names import Placeholder, missing
from kerasx.saving import archive
from kerasx.saving.archive import NAME_LIMIT, printable
from kerasx.saving.record import installed_versions, newer_plugins, read_record

OBJECT_LIMIT = 100_000

# Plain values that are written like objects: Keras looks up no class for them.
_DATA = ["__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"]
_KERNELS = ["kerasx>KernelCall", "kerasx>Kernel"]  # a node of a model, an activation of a layer
# Layers that hold code, as lambdas do: Keras runs it on loading if `safe_mode` is off.
_CODE = {"TFSMLayer", "TorchModuleWrapper"}
# The modules where Keras looks up its functions; others read files or change settings.
_WITH_FUNCTIONS = ["keras.activations", "keras.constraints", "keras.initializers", "keras.losses"]
_WITH_FUNCTIONS += ["keras.metrics", "keras.ops", "keras.optimizers", "keras.regularizers"]
# On PyTorch Keras saves its optimizers under these modules, which it imports on demand.
_OF_TORCH = re.compile(r"keras\.src\.backend\.torch\.optimizers\.torch_[a-z]+")
_COMPILED = [["compile_config", key] for key in ("loss", "metrics", "weighted_metrics")]

Where = tuple[str | int, ...]
"""The keys that lead to a place in the configuration."""


@dataclass(frozen=True)
class SavedObject:
    """One object of a saved model.

    Attributes:
        kind: ``"layer"``, ``"loss"``, ``"metric"``, ``"kernel"`` and so on; ``"object"`` if that is
            unknown.
        name: its name within the model, or ``""``.
        type: the registered name of its class or function, or else the module and name.
        where: its place in the configuration, as ``config.layers[2]``.
        provider: the distribution or package that provides it, or ``""``.
        version: version of the distribution, or ``""``.
        problem: what is wrong with it and what to do about that, or ``""``.
        code: whether it holds code, which runs on loading if `safe_mode` is off.
    """

    kind: str
    name: str
    type: str
    where: str
    provider: str
    version: str
    problem: str
    code: bool


@dataclass(frozen=True)
class SavedModel:
    """The content of a saved model, as `inspect_model` returns it.

    Attributes:
        keras_version: version of Keras that wrote it, or ``""``.
        objects: the objects of its configuration, in order.
        recorded: import package -> distribution and version of each plugin that it was saved with;
            empty unless `save_model` wrote it.
        newer: a sentence for each of these plugins that is older here.
    """

    keras_version: str
    objects: list[SavedObject]
    recorded: dict[str, tuple[str, str]]
    newer: list[str]


def inspect_model(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None
) -> SavedModel:
    """List the objects of a saved model, without importing or running anything that it names.

    Args:
        path: a ``.keras`` file.
        custom_objects: what `load_model` would get as `custom_objects`.

    Returns:
        The objects of the model, each with its provider or with the reason why there is none.

    Raises:
        OSError: the file cannot be opened.
        SavedModelError: the file is malformed, or larger or deeper than the limits.
    """
    try:
        with open(path, "rb") as file:
            config, metadata, comment = archive.read(file)
        recorded = read_record(comment)
        nodes = list(itertools.islice(_walk(config), OBJECT_LIMIT + 1))
        if len(nodes) > OBJECT_LIMIT:
            raise SavedModelError(f"its configuration has more than {OBJECT_LIMIT:,} objects")
        objects = [_identify(*node, custom_objects or {}, recorded) for node in nodes]
    except (SavedModelError, RecursionError) as error:
        raise SavedModelError(f"{os.fspath(path)!r} is refused: {error}") from error
    return SavedModel(
        printable(str(metadata.get("keras_version", ""))),
        [each for each in objects if each],
        recorded,
        newer_plugins(recorded),
    )


# Identify


def _walk(value: Any, where: Where = ()) -> Iterator[tuple[Where, dict[str, Any] | str]]:
    """Yield the objects of a configuration: everything Keras treats as one when it loads it."""
    is_object = isinstance(value, dict) and "class_name" in value and "config" in value
    if is_object or isinstance(value, str):
        yield where, value
    # Strings only as in compile(loss="mse", metrics=["accuracy"]).
    named = [*where[:2]] in _COMPILED and "config" not in where and not is_object
    kinds = (dict, list, str) if named else (dict, list)
    members: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, list):
        members = enumerate(value)
    elif isinstance(value, dict):
        members = value.items()
    for key, each in members:
        if isinstance(each, kinds):
            yield from _walk(each, (*where, key))


def _identify(
    where: Where,
    node: dict[str, Any] | str,
    custom_objects: Mapping[str, Any],
    recorded: dict[str, tuple[str, str]],
) -> SavedObject | None:
    """Identify one object, looked up as Keras would; `None` for plain values."""
    by_name = isinstance(node, str)
    if isinstance(node, str):
        node = {"module": "builtins", "class_name": "function", "config": node}
    if node["class_name"] in _DATA:
        return None
    module, name, registered = _names(where, node)

    target = keras.saving.get_registered_object(registered, custom_objects) if registered else None
    if target is None and ">" not in registered:
        target = _of_keras(module, name, node["class_name"] == "function")
    elif isinstance(target, type) and issubclass(target, Placeholder):
        target = None
    provider, version = _provider(target)
    if by_name and target is None and ">" not in registered:
        provider, version = (
            "keras",
            keras.__version__,
        )  # Keras resolves "accuracy" without a function of that name
    problem = "" if provider else _missing(module, name, registered)
    package = registered.partition(">")[0]
    if problem and package in recorded:
        problem += "; the file was saved with " + " ".join(recorded[package])
    code = node["class_name"] == "__lambda__" or (provider == "keras" and name in _CODE)
    if code:
        problem = (
            f"{_place(where)} is a {node['class_name'].strip('_')} and holds code, which runs when "
            "the model is loaded: if you trust who made the file, use kerasx.load_model with "
            "safe_mode=False"
        )
    label = node["config"].get("name") if isinstance(node["config"], dict) else None
    return SavedObject(
        kind="kernel" if node.get("registered_name") in _KERNELS else _kind(where, target),
        name=printable(label) if isinstance(label, str) else "",
        type=printable(registered if ">" in registered else _full(module, name)),
        where=_place(where),
        provider=provider,
        version=version,
        problem=printable(problem, limit=2000),
        code=code,
    )


def _names(where: Where, node: dict[str, Any]) -> tuple[str, str, str]:
    """Return the module, name and registered name that Keras, or a kernel, will look up."""
    name, config = node["class_name"], node["config"]
    registered = node.get("registered_name", name)
    if name == "function":
        name = registered = config
    elif name == "__typespec__":
        name = node.get("spec_name")
    elif registered in _KERNELS:
        name = registered = config.get("kernel") if isinstance(config, dict) else None
    names = node.get("module") or "", name, registered or ""
    for each in names:
        if not isinstance(each, str) or len(each) > NAME_LIMIT:
            raise SavedModelError(f"{_place(where)} names no class: {printable(repr(each))}")
    return names


def _place(where: Where) -> str:
    keys = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in where)
    return printable("".join(keys).removeprefix(".")) or "the model"


def _full(module: str, name: str) -> str:
    return name if module in ("", "builtins") else f"{module}.{name}"


def _of_keras(module: str, name: str, function: bool) -> Any:
    """Return a class or function of Keras, if a saved model may name it."""
    if _OF_TORCH.fullmatch(module):
        module = "keras.optimizers"
    modules = _WITH_FUNCTIONS if function else [module]
    for each in modules:
        if each.partition(".")[0] == "keras" and module in ("builtins", each):
            value = vars(sys.modules[each]).get(name) if each in sys.modules else None
            if isinstance(value, types.FunctionType if function else type):
                return value if function or hasattr(value, "from_config") else None
    return None


def _provider(target: Any) -> tuple[str, str]:
    """Return the distribution or package of an object, and its version."""
    if target is None:
        return "", ""
    for each in registry.contributions():
        if each.object is target:
            return each.plugin.name, each.plugin.version
    package = (getattr(target, "__module__", None) or "custom_objects").partition(".")[0]
    versions = {"keras": keras.__version__, "kerasx": installed_versions()["kerasx"][1]}
    return package, versions.get(package, "")


def _kind(where: Where, target: Any) -> str:
    """Return the kind of an object, from its class or else from its place."""
    kinds = {kind.singular: kind.base for kind in registry.KINDS.values()}
    for kind, base in {"model": keras.Model, **kinds, "operation": keras.Operation}.items():
        if base and isinstance(target, type) and issubclass(target, base):
            return kind
    if [*where[:2]] in _COMPILED and "config" not in where:
        key = str(where[1])
    else:
        key = next((each for each in reversed(where) if isinstance(each, str)), "")
    return next((kind for kind in kinds if kind in key), "object")


def _missing(module: str, name: str, registered: str) -> str:
    """Return why Keras would not find a name, and what to do about it."""
    if ">" in registered:
        return str(missing(registered))
    if module.partition(".")[0] == "keras":
        return f"Keras {keras.__version__} has no {module}.{name} that may stand in a saved model"
    return (
        f"{_full(module, name)} is not registered with Keras, and nothing is imported because a "
        "file names it: import your own code, which registers it, before you load the model, or "
        "pass custom_objects"
    )
