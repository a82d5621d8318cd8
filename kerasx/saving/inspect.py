"""Inspect a ``.keras`` file: list its objects, their providers, and anything that is missing.

A saved file is untrusted input. It is read as a zip archive of JSON, within limits. Nothing that it
names is imported or called, and its text is made printable before it is shown.
"""

import functools
import importlib.util
import itertools
import os
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import packages_distributions, version
from typing import Any

import keras

from kerasx import registry
from kerasx.compiler import Kernel
from kerasx.errors import SavedModelError, UnknownNameError
from kerasx.names import Placeholder, missing_plugin
from kerasx.saving import archive
from kerasx.saving.archive import NAME_LIMIT, printable
from kerasx.saving.record import newer_plugins, read_record

OBJECT_LIMIT = 100_000

# Modules in saved models that do not tell which package defines an object.
_NO_SOURCE = {"", "builtins", "keras", "kerasx", "__main__"}

# Plain values that are written like objects: Keras looks up no class for them.
_DATA = ["__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"]
_KERNELS = ["kerasx>KernelCall", "kerasx>Kernel"]  # a node of a model, an activation of a layer
# Layers that hold code, as lambdas do: Keras runs it on loading if `safe_mode` is off.
_CODE = {"TFSMLayer", "TorchModuleWrapper"}
# The modules where Keras looks up its functions; others read files or change settings.
_WITH_FUNCTIONS = ["keras.activations", "keras.constraints", "keras.initializers", "keras.losses"]
_WITH_FUNCTIONS += ["keras.metrics", "keras.ops", "keras.optimizers", "keras.regularizers"]
# Packages of which Keras imports the classes that a file names.
_FAMILY = {"keras_hub", "keras_cv", "keras_nlp"}
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
        package: the import package that provides it, or ``""``.
        provider: the distribution or package that provides it, or ``""``.
        version: version of the distribution, or ``""``.
        problem: what is wrong with it and what to do about that, or ``""``.
        inside: the object of another package that has it in its configuration, or ``""``. That
            object's own code reads it, perhaps without Keras, so that a problem need not be one.
        code: whether it holds code, which runs on loading if `safe_mode` is off.
    """

    kind: str
    name: str
    type: str
    where: str
    package: str
    provider: str
    version: str
    problem: str
    inside: str
    code: bool

    @property
    def is_refused(self) -> bool:
        """True if this object prevents the model from being loaded."""
        return bool(self.problem) and (self.code or not self.inside)


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
    placed = zip((where for where, _ in nodes), objects, strict=True)
    return SavedModel(
        printable(str(metadata.get("keras_version", ""))),
        list(_with_holders((where, each) for where, each in placed if each)),
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
        is_function = node["class_name"] == "function"
        target = _of_keras(module, name, is_function)
        if target is None and is_function and module == "builtins" and not by_name:
            target = _by_plain_name(name, custom_objects)
    elif _is_placeholder(target):
        target = None
    package, provider, version = _provider(target, module)
    if by_name and target is None and ">" not in registered:
        # Keras resolves "accuracy" without a function of that name.
        package, provider, version = "keras", "keras", keras.__version__
    problem = ""
    if not provider and node.get("registered_name") in _KERNELS and ">" not in registered:
        problem = _unregistered_kernel(registered)
    elif not provider:
        problem = _missing(module, name, registered)
    for key in (registered.partition(">")[0], module.partition(".")[0]):
        if problem and key in recorded:
            problem += "; the file was saved with " + " ".join(recorded[key])
            break
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
        package=package,
        provider=provider,
        version=version,
        problem=printable(problem, limit=2000),
        inside="",
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


def _is_placeholder(target: Any) -> bool:
    return isinstance(target, type) and issubclass(target, Placeholder)


def _by_plain_name(name: str, custom_objects: Mapping[str, Any]) -> Any:
    """Return a registered function by its plain name, as Keras before 3.7 saved it."""
    for registered, value in {**custom_objects, **keras.saving.get_custom_objects()}.items():
        if registered.endswith(f">{name}") and not _is_placeholder(value):
            return value
    return None


def _provider(target: Any, module: str) -> tuple[str, str, str]:
    """Return the package that provides an object, its distribution, and its version."""
    if target is None:
        # Keras imports modules of these packages when a file names them.
        package = module.partition(".")[0]
        imported = package in _FAMILY and _is_importable(package)
        return (package, *_distribution(package)) if imported else ("", "", "")
    for each in registry.contributions():
        if each.is_of(target) and keras.saving.get_registered_name(target) == each.qualified:
            return each.plugin.package, each.plugin.name, each.plugin.version
    package = (getattr(target, "__module__", None) or "custom_objects").partition(".")[0]
    return (package, *_distribution(package))


def _distribution(package: str) -> tuple[str, str]:
    """Return the distribution that has an import package, and its version."""
    if package == "keras":
        return package, keras.__version__
    if package == "kerasx":
        return package, version(package)
    for name in _distributions().get(package, []):
        return name, version(name)
    return package, ""


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _with_holders(objects: Iterable[tuple[Where, SavedObject]]) -> Iterator[SavedObject]:
    """Fill in which object of another package holds each of these, which are in order."""
    holders: list[tuple[Where, SavedObject]] = []
    for where, each in objects:
        while holders and where[: len(holders[-1][0])] != holders[-1][0]:
            holders.pop()
        if holders:
            place, holder = holders[-1]
            is_of_keras = holder.package == "keras" or where[len(place)] != "config"
            each = replace(each, inside=holder.inside or ("" if is_of_keras else holder.type))
        holders.append((where, each))
        yield each


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
    package, _, plain = registered.rpartition(">")
    source = module.partition(".")[0]
    if not package:
        if source == "keras":
            return (
                f"Keras {keras.__version__} has no {module}.{name} that may stand in a saved model"
            )
        return (
            f"{_full(module, name)} is not registered with Keras, and nothing is imported because "
            f"a file names it: {_remedy(source)}, or pass custom_objects"
        )
    start = f"no loaded plugin contributes {registered}"
    reason = missing_plugin(plain, package)
    if reason:
        return f"{start}: {reason}"
    return f"{start}; {_remedy(package if source in _NO_SOURCE else source)}"


def _remedy(package: str) -> str:
    """Return how to make available what a package defines."""
    if package in _NO_SOURCE:
        return "import your own code, which registers it, before you load the model"
    if _is_importable(package):
        return f"import the package {package}, which registers it, before you load the model"
    return f"install the package {package}, or import it if it is your own code"


def _is_importable(package: str) -> bool:
    try:
        return package in sys.modules or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # a name that no package can have
        return False


def _unregistered_kernel(name: str) -> str:
    """Return why a kernel that was saved by its plain name is not found."""
    try:
        Kernel.from_config({"kernel": name})
    except UnknownNameError as error:
        return str(error)
    return ""
