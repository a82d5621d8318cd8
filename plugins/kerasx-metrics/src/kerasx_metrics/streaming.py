"""The one mechanism of the metrics: a sum of statistics that neither saturates nor drifts.

A metric is a statistic of each update (`counts`, `curves`, `probabilities`), which adds up over
updates, and a formula for the sum. The sum is kept as two float32 tensors (`kerasx.sums`): whole
numbers are exact to 2^46, weighted sums keep 48 bits.

Wrong values (a label out of range, a probability of 2) raise in eager mode. Compiled code cannot
raise: there they make the sum, and so the result, NaN, never a plausible wrong number.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.authoring import add_pairs, as_pair, mask_of
from kerasx.compiler import is_concrete
from kerasx_metrics import inputs
from kerasx_metrics.arguments import check, document_class
from kerasx_metrics.inputs import Layout, Tensor


@kerasx.kernel(static=("statistic", "layout", "options"))
def accumulate(
    total: Tensor,
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None,
    mask: Tensor | None,
    *,
    statistic: Callable[..., Any],
    layout: Layout,
    options: tuple[tuple[str, Any], ...] = (),
) -> tuple[Tensor, Tensor]:
    """Add the statistic of one update to `total`; NaN where the values do not fit the layout."""
    flat = inputs.canonical(y_true, y_pred, sample_weight, mask, layout)
    value, problems = statistic(flat, layout, **dict(options))
    pair = ops.where(inputs.invalidating(problems), float("nan"), as_pair(value))
    return add_pairs(total, pair), inputs.flags(problems)


class StreamingMetric(keras.Metric):
    """Base of the metrics: arguments, state, updates, merging. A subclass gives the mathematics.

    Each argument of a subclass's `__init__` is kept as an attribute of the same name, which is what
    `get_config` reads. `statistic(inputs, layout)` gives what adds up over updates, of the shape
    `state_shape(layout)`, and `formula(total)` the result.
    """

    scores_only = False
    summary: str  # the docstring as written
    nan_scores = "a NaN score counts as a miss"  # in compiled code; for the documentation

    def __init_subclass__(cls, base: bool = False, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if not base:
            cls.summary = cls.__doc__ or ""
            cls.__doc__ = document_class(cls.summary, _parameters(cls), cls.nan_scores)

    def __init__(self, name: str | None = None, dtype: Any = None, **arguments: Any):
        super().__init__(name=name or snake_case(type(self).__name__), dtype=dtype)
        self._keep(**arguments)
        self.layout: Layout | None = None
        self.total = None

    def _keep(self, **arguments: Any) -> None:
        """Check arguments and keep them as attributes."""
        arguments = {argument: _plain(value) for argument, value in arguments.items()}
        check(self.name, arguments)
        for argument, value in arguments.items():
            setattr(self, argument, value)

    def check_class_id(self, number: int) -> None:
        """Raise ValueError unless `class_id` is below the number of classes or curves."""
        if self.class_id is not None and self.class_id >= number:
            raise ValueError(
                f"{self.name}: class_id must be below {number}; received {self.class_id}"
            )

    # What a subclass defines.

    statistic: Callable[..., Any]  # a static method, or a property that returns a function

    def statistic_options(self) -> dict[str, Any]:
        """Further static arguments of the statistic."""
        return {}

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        """Further fields of the layout of inputs."""
        return {}

    def state_shape(self, layout: Layout) -> tuple[int, ...]:
        return (2,)

    def formula(self, total: Tensor, layout: Layout) -> Any:
        raise NotImplementedError

    # What they share.

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Add a batch.

        Args:
            y_true: labels; see the arguments of the class for their forms.
            y_pred: predictions; a mask that Keras attached to them leaves positions out.
            sample_weight: a weight per sample, of the shape of the samples or its first axes.

        Raises:
            ValueError: shapes do not fit, or (in eager mode) values do not.
        """
        mask = mask_of(y_pred)
        y_true, y_pred, sample_weight = map(_tensor, (y_true, y_pred, sample_weight))
        layout = self._read(y_true, y_pred)
        self._build(layout)
        if getattr(y_pred, "is_meta", False):  # PyTorch: Keras asks for shapes, there are no values
            return
        data = (y_true, y_pred, sample_weight, mask)
        assignments, found = self._updated(data, layout)
        if is_concrete(found):
            inputs.raise_for(found, y_true, y_pred, layout)
        for variable, value in assignments:
            variable.assign(value)

    def result(self) -> Any:
        """The value for all that was added since the last reset."""
        layout = self.layout or self._unseen()
        if self.total is None:
            return self._cast(self.formula(ops.zeros(self.state_shape(layout)), layout))
        return self._cast(self.formula(self.total[0] + self.total[1], layout))

    def compute(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Any:
        """The value for these arrays alone; the state is neither read nor changed."""
        y_true, y_pred, sample_weight, mask = map(_tensor, (y_true, y_pred, sample_weight, mask))
        layout = self._read(y_true, y_pred)
        flat = inputs.canonical(y_true, y_pred, sample_weight, mask, layout)
        value, problems = self.statistic(flat, layout, **self.statistic_options())
        inputs.raise_for(inputs.flags(problems), y_true, y_pred, layout)
        return self._cast(self.formula(ops.cast(value, "float32"), layout))

    def merge_state(self, metrics: Iterable[StreamingMetric]) -> None:
        """Add the states of other metrics of the same kind and arguments, as of other workers.

        Raises:
            ValueError: a metric is of another class or has other arguments.
        """
        for metric in metrics:
            if type(metric) is not type(self) or repr(_arguments(metric)) != repr(_arguments(self)):
                raise ValueError(
                    f"merge_state takes metrics like {self!r} with {_arguments(self)}; received "
                    f"{metric!r} with {_arguments(metric) if type(metric) is type(self) else {}}"
                )
            if metric.total is not None:
                self._build(metric.layout)
                self._merge(metric)

    def _merge(self, metric: StreamingMetric) -> None:
        self.total.assign(add_pairs(self.total.value, metric.total.value))

    @property
    def sums(self) -> np.ndarray:
        """The sum of all statistics as a float64 array: whole numbers are exact to 2^46."""
        if self.total is None:
            return np.zeros(self.state_shape(self.layout or self._unseen()))
        return ops.convert_to_numpy(self.total).astype("float64").sum(0)

    def get_config(self) -> dict[str, Any]:
        return {**_arguments(self), "name": self.name, "dtype": self.dtype}

    def _read(self, y_true: Tensor, y_pred: Tensor) -> Layout:
        arguments = _arguments(self)
        layout = inputs.layout(
            y_true,
            y_pred,
            task=arguments.get("task"),
            num_classes=arguments.get("num_classes"),
            scores_only=self.scores_only,
            ignore_class=arguments.get("ignore_class"),
            from_logits=arguments.get("from_logits", False),
        )
        return dataclasses.replace(layout, **self.layout_options(layout))

    def _updated(self, data: tuple, layout: Layout) -> tuple[list, Tensor]:
        """The state after an update, as pairs of variable and value, and its `flags`."""
        total, found = accumulate(
            self.total,
            *data,
            statistic=self.statistic,
            layout=layout,
            options=tuple(self.statistic_options().items()),
        )
        return [(self.total, total)], found

    def _create_state(self, layout: Layout) -> None:
        shape = (2, *self.state_shape(layout))
        self.total = self.add_variable(shape, "zeros", dtype="float32", name="total")

    def _build(self, layout: Layout) -> None:
        if self.layout is None:
            self._create_state(layout)
            self.layout = layout
        was, now = self.layout, layout
        if (was.task, was.num_classes) != (now.task, now.num_classes):
            raise ValueError(
                f"{self.name}: this update is {now.task} with {now.num_classes} classes, earlier "
                f"ones were {was.task} with {was.num_classes}; use one metric for each"
            )

    def _unseen(self) -> Layout:
        arguments = _arguments(self)
        task = arguments.get("task") or "multiclass"
        least = (arguments.get("class_id") or 0) + 1
        classes = arguments.get("num_classes") or max(2, least)
        return Layout(task, classes, "integer", "labels", 1)

    def _cast(self, result: Any) -> Any:
        return keras.tree.map_structure(lambda value: ops.cast(value, self.dtype), result)


def _arguments(metric: StreamingMetric) -> dict[str, Any]:
    names = _parameters(type(metric))
    return {name: getattr(metric, name) for name in names if name not in ("name", "dtype")}


@functools.cache
def _parameters(metric_class: type[StreamingMetric]) -> tuple[str, ...]:
    return tuple(inspect.signature(metric_class).parameters)


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays, and lists, as what Python hashes and JSON holds."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value


def _tensor(value: Tensor) -> Tensor:
    return None if value is None else ops.convert_to_tensor(value)


def snake_case(name: str) -> str:
    """`F1Score` as `f1_score`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def pairwise_sum(values: Tensor) -> Tensor:
    """Sum over the last axis in blocks of blocks, so that rounding grows with the logarithm.

    Blocks of two would round least; of eight, there are a third as many operations, each of which
    costs a tenth of a millisecond in eager mode.
    """
    block, size = 8, values.shape[-1]
    while size > 1:
        values = ops.sum(_in_blocks(values, block), -1)
        size = values.shape[-1]
    return values[..., 0]


def running_sum(values: Tensor) -> Tensor:
    """Cumulative sum over the last axis, in blocks of blocks: a long one in float32 drifts."""
    size, block = values.shape[-1], 256
    if size <= block:
        return ops.cumsum(values, -1)
    inner = ops.cumsum(_in_blocks(values, block), -1)
    totals = running_sum(inner[..., -1])
    before = ops.concatenate([ops.zeros_like(totals[..., :1]), totals[..., :-1]], -1)
    return ops.reshape(inner + before[..., None], (*values.shape[:-1], -1))[..., :size]


def _in_blocks(values: Tensor, block: int) -> Tensor:
    """The last axis as two, of blocks and within them, filled up with zeros."""
    lacking = -values.shape[-1] % block
    if lacking:
        rest = ops.zeros((*values.shape[:-1], lacking), values.dtype)
        values = ops.concatenate([values, rest], -1)
    return ops.reshape(values, (*values.shape[:-1], -1, block))
