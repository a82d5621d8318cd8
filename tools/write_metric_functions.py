"""Write the functions of kerasx-metrics, and the arguments into its docstrings.

Each metric is a class and a function with the same arguments. `functions.py` is generated from the
classes; the docstring of each class gets its `Args:` and `Raises:` sections, so that editors show
them. Both come from the table of arguments, in which an argument means the same everywhere. Run it
in a clone with the plugin installed: ``python tools/write_metric_functions.py``.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable
from pathlib import Path

from kerasx.authoring import DictResult, snake_case
from kerasx_metrics.arguments import ARGUMENTS
from kerasx_metrics.catalogue import CLASSES
from kerasx_metrics.classification import ClassificationReport

SOURCE = Path(__file__).resolve().parents[1] / "plugins/kerasx-metrics/src/kerasx_metrics"

FORMS = (
    "Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`; "
    "for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores "
    "of shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels "
    "`(...)`. Every leading axis counts samples. Any integer or floating dtype is accepted"
)
FORMS_OF_FUNCTION = textwrap.fill(f"{FORMS}.", 96)
FORMS_OF_CLASS = textwrap.fill(f"{FORMS}; results are float32.", 96)

DATA = {
    "y_true": "Labels, in one of the forms above.",
    "y_pred": "Predictions, in one of the forms above.",
    "sample_weight": "Weights of the shape of the samples, or of their first axes.",
    "mask": "Bool of the shape of the samples, or of their first axes. False leaves samples out.",
}

CLASS_ERROR = (
    "ValueError: an argument, a shape or a dtype is not valid; in eager mode also for labels out "
    "of range, probabilities outside [0, 1] and NaN scores. Compiled code cannot raise for values: "
    "there, wrong labels and probabilities make the result NaN, and {nan_scores}."
)
FUNCTION_ERRORS = (
    "ValueError: an argument, a shape, a dtype or a value is not valid.",
    "TypeError: called in compiled code, or passed to `compile`: use the class there.",
)
RETURNS = {
    "float": "A float.",
    "float | np.ndarray": "A float, or with `average=None` an array with the value of each class.",
    "np.ndarray": "An array.",
    "dict[str, np.ndarray]": "Arrays, under the keys above without the name of the metric.",
    "Report": (
        "Arrays over classes and floats, under the keys above without the name of the metric. "
        "`print` shows them as a table, and the method `table` takes `class_names` and `digits`."
    ),
}
OF_AXES = (
    ' `thresholds` and `multidim_average="samplewise"` add a first axis, of thresholds or of '
    "entries."
)
OF_LABELS = " In a multilabel task also of the shape of the labels."
# A state has a name, a dtype and a capacity; whole arrays have none, and allow exact curves.
OF_A_STATE = ("name", "dtype", "capacity")
DEFAULTS = {"thresholds": None, "average": "auto"}

# Sentences that only the functions need, because they see values and classes do not.
OF_FUNCTIONS = {
    "average": '`"auto"` for the value of the positive class in a binary task and for `"macro"` in '
    "others; ",
    "task": "Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a "
    "binary task, unless `task`, `num_classes` or `average` is passed. ",
}

HEAD = '''\
"""The metrics as functions of whole arrays: ``from kerasx_metrics.functions import f1_score``.

Written by ``tools/write_metric_functions.py`` from the classes; change those instead. Do not pass
these functions to `compile`: Keras would average their values over batches. That is an error where
Keras traces the training step or prepares it symbolically; only in TensorFlow's
`run_eagerly=True` it cannot be told apart from a call of yours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasx.authoring import Report
from kerasx_metrics import classification, confusion, curves, probabilities
from kerasx_metrics.whole_arrays import compute

Tensor = Any
'''


def generate() -> dict[Path, str]:
    """Return the content of each file that this tool writes."""
    files = {SOURCE / "functions.py": functions()}
    for path in sorted({Path(inspect.getfile(metric_class)) for metric_class in CLASSES}):
        files[path] = with_documented_arguments(path.read_text("utf-8"))
    return files


def functions() -> str:
    """Return the source of `functions.py`."""
    names = [snake_case(metric_class.__name__) for metric_class in CLASSES]
    listed = "".join(f"    {name},\n" for name in names)
    return "\n\n".join([HEAD, *map(function, CLASSES), f"FUNCTIONS = [\n{listed}]\n"])


def function(metric_class: type) -> str:
    """Return the source of the function of a metric."""
    parameters = inspect.signature(metric_class).parameters.values()
    fields = [parameter for parameter in parameters if parameter.name not in OF_A_STATE]
    lines = [
        f"def {snake_case(metric_class.__name__)}(",
        "    y_true: Tensor,",
        "    y_pred: Tensor,",
        "    sample_weight: Tensor | None = None,",
        "    mask: Tensor | None = None,",
        "    *,",
    ]
    for field in fields:
        is_shared = field.name not in metric_class.meanings
        default = DEFAULTS.get(field.name, field.default) if is_shared else field.default
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        lines.append(f"    {field.name}: {field.annotation} = {shown},")
    returned = return_type(metric_class)
    lines.append(f") -> {returned}:")
    names = [field.name for field in fields]
    lines.append(textwrap.indent(docstring(function_documentation(metric_class, names)), "    "))
    module = metric_class.__module__.rpartition(".")[2]
    lines += [
        "    value = compute(" if returned == "Report" else "    return compute(",
        f"        {module}.{metric_class.__name__},",
        *(f"        {name}," for name in DATA),
        *(f"        {name}={name}," for name in names),
        "    )",
    ]
    if returned == "Report":
        lines.append("    return Report(value)")
    return "\n".join(lines) + "\n"


def return_type(metric_class: type) -> str:
    """Return the annotation of what the function of a metric returns, a key of `RETURNS`."""
    if metric_class is ClassificationReport:
        return "Report"
    result = metric_class().result()
    if isinstance(result, DictResult):
        return "dict[str, np.ndarray]"
    if len(result.shape):
        return "np.ndarray"
    averages = "average" in inspect.signature(metric_class).parameters
    return "float | np.ndarray" if averages else "float"


def function_documentation(metric_class: type, names: Iterable[str]) -> str:
    """Return the docstring of the function of a metric."""
    text = described(inspect.getdoc(metric_class) or "")
    stream = f"`kerasx.metrics.{metric_class.__name__}` is the same over batches."
    meanings = meanings_of(metric_class)
    texts = dict(DATA)
    if metric_class.weighs_labels:
        texts["sample_weight"] += OF_LABELS
    for name in names:
        is_shared = name not in metric_class.meanings
        texts[name] = (OF_FUNCTIONS.get(name, "") if is_shared else "") + meanings[name]
    returns = RETURNS[return_type(metric_class)]
    if "multidim_average" in texts:
        returns += OF_AXES
    return "\n\n".join(
        [
            text,
            stream,
            FORMS_OF_FUNCTION,
            section("Args", entries(texts)),
            section("Returns", [returns]),
            section("Raises", FUNCTION_ERRORS),
        ]
    )


def with_documented_arguments(source: str) -> str:
    """Return the source of a module with the arguments of its metrics in their docstrings."""
    lines = source.splitlines(keepends=True)
    by_name = {metric_class.__name__: metric_class for metric_class in CLASSES}
    for node in reversed(ast.parse(source).body):
        if not isinstance(node, ast.ClassDef) or node.name not in by_name:
            continue
        written = node.body[0]
        new = docstring(class_documentation(by_name[node.name], ast.get_docstring(node) or ""))
        lines[written.lineno - 1 : written.end_lineno] = [textwrap.indent(new, "    ") + "\n"]
    return "".join(lines)


def class_documentation(metric_class: type, written: str) -> str:
    """Return the docstring of a metric: as it is written, with its arguments and errors."""
    meanings = meanings_of(metric_class)
    texts = {name: meanings[name] for name in inspect.signature(metric_class).parameters}
    error = CLASS_ERROR.format(nan_scores=metric_class.nan_scores)
    parts = [
        described(written),
        FORMS_OF_CLASS,
        section("Args", entries(texts)),
        section("Raises", [error]),
        "Example:" + written.partition("Example:")[2],
    ]
    return "\n\n".join(parts)


def meanings_of(metric_class: type) -> dict[str, str]:
    """Return the meaning of each argument of a metric."""
    arguments = ARGUMENTS | metric_class.meanings
    return {name: arguments[name].text for name in inspect.signature(metric_class).parameters}


def described(written: str) -> str:
    """Return the part of a docstring that people write, before the generated part."""
    head = written.partition("Example:")[0]
    return head.partition(FORMS.split(",")[0])[0].strip()


def entries(texts: dict[str, str]) -> list[str]:
    """Return the entries of an `Args:` section."""
    return [f"{name}: {text}" for name, text in texts.items()]


def section(title: str, entries: Iterable[str]) -> str:
    """Return a section of a docstring, wrapped at what remains of 100 columns."""
    wrapped = [
        textwrap.fill(
            entry,
            96,
            initial_indent="    ",
            subsequent_indent="        ",
            break_on_hyphens=False,
        )
        for entry in entries
    ]
    return "\n".join([f"{title}:", *wrapped])


def docstring(text: str) -> str:
    """Return a text as the source of a docstring."""
    return f'"""{text.strip()}\n"""'


if __name__ == "__main__":
    for path, text in generate().items():
        path.write_text(text, encoding="utf-8")
