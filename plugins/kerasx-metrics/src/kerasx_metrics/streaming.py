"""Base of the metrics of this package: read a batch, sum a statistic of it, score the sum.

A metric is a statistic of a batch (`counts`, `curves`, `probabilities`), which adds up over
batches, and a formula of the sum. `SumMetric` keeps the sum exact. Wrong values (a label out of
range, a probability of 2) raise in eager mode. Compiled code cannot raise: there they make the sum,
and so the result, NaN, never a plausible wrong number.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import keras
import numpy as np
from keras import ops

from kerasx.authoring import (
    Batch,
    Data,
    Layout,
    Reading,
    SumMetric,
    add_pairs,
    as_pair,
    as_tensor,
    attach,
    attached,
    find_layout,
    makes_nan,
    mask_of,
    problem_flags,
    raise_for,
    ratio,
    read_batch,
    spread,
)
from kerasx.compiler import (
    compiled,
    is_concrete,
    is_graph_tensor,
    is_shape_inference,
    not_converted,
    traced_once,
)
from kerasx_metrics.arguments import ARGUMENTS, Argument, check

Tensor = Any
Statistic = Callable[[Batch], tuple[Tensor, dict[str, Tensor]]]
R = TypeVar("R")


@functools.cache
def with_options(function: Callable[..., R], **options: Any) -> Callable[[Batch], R]:
    """Bind options of a statistic.

    Equal options give the same function object, by which compiled programs are kept.
    """
    return functools.partial(function, **options)


@compiled(static=("statistic", "layout"))
def accumulate(
    total: Tensor,
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None,
    mask: Tensor | None,
    *,
    statistic: Statistic,
    layout: Layout,
) -> tuple[Tensor, Tensor]:
    """Add the statistic of a batch to `total`, or NaN if the layout does not allow its values.

    Returns:
        The new total, and the `problem_flags`.
    """
    batch = read_batch(Data(y_true, y_pred, sample_weight, mask), layout)
    value, problems = statistic(batch)
    return add_pairs(total, summand(value, problems)), problem_flags(problems)


def _batch_summand(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    statistic: Statistic,
    layout: Layout,
) -> Tensor:
    """Compute the statistic of a batch as the pair that is added to a sum."""
    return summand(*statistic(read_batch(Data(y_true, y_pred, sample_weight, mask), layout)))


_shared_summand = traced_once(_batch_summand, ("statistic", "layout"), any_batch=True)
_shared_add_pairs = traced_once(add_pairs)


def summand(value: Tensor, problems: dict[str, Tensor]) -> Tensor:
    """Convert the statistic of a batch to the pair to add to a sum: NaN if a problem occurs."""
    return ops.where(makes_nan(problems), float("nan"), as_pair(value))


def is_vector(average: str | None, class_id: int | None, layout: Layout) -> bool:
    """Return whether these arguments ask for a value for each class."""
    return average is None and class_id is None and layout.task != "binary"


class Step:
    """Statistics of the batch of one step, for all metrics that need the same.

    In a TensorFlow graph, F1 score, precision and recall of the same predictions count once. XLA
    merges equal computations itself. Outside of graphs nothing is shared, because the predictions
    may change.
    """

    def __init__(self, y_true: Any, sample_weight: Any) -> None:
        self.y_true, self.sample_weight = y_true, sample_weight
        self.summands: dict[tuple[Statistic, Layout], Tensor] = {}

    @classmethod
    def of(cls, y_true: Any, y_pred: Any, sample_weight: Any) -> Step:
        """Return the step that an earlier metric began with the same tensors, or a new one."""
        if not is_graph_tensor(y_pred):
            return cls(y_true, sample_weight)
        step = attached(y_pred, cls)
        if step is None or step.y_true is not y_true or step.sample_weight is not sample_weight:
            step = cls(y_true, sample_weight)
            attach(y_pred, step)
        return step

    def summand_of(self, statistic: Statistic, data: Data, layout: Layout) -> Tensor:
        """Compute the statistic of a batch as the pair that is added to a sum."""
        key = statistic, layout
        if key not in self.summands:
            tensors = data._asdict()
            self.summands[key] = _shared_summand(**tensors, statistic=statistic, layout=layout)
        return self.summands[key]


class Total:
    """State of a metric: the exact sum of its statistic, in the metric's variable `total`.

    Curves have states of their own with the same methods.
    """

    def __init__(self, metric: StreamingMetric) -> None:
        self.metric = metric

    def create(self, shape: tuple[int, ...]) -> None:
        """Create the variables of the metric, for a statistic of this shape."""
        self.metric.create_state(shape)

    def add(self, data: Data, layout: Layout, step: Step) -> None:
        """Add a batch now, or add its operations to the training step that is being traced."""
        metric, statistic = self.metric, self.metric.batch_statistic
        if is_concrete(metric.total.value):
            total, flags = accumulate(metric.total, *data, statistic=statistic, layout=layout)
            raise_for(flags, data, layout)
        else:
            value = step.summand_of(statistic, data, layout)
            total = _shared_add_pairs(metric.total, value)
        metric.total.assign(total)

    def merge(self, other: StreamingMetric) -> None:
        """Add the state of another metric."""
        total = self.metric.total
        total.assign(add_pairs(total.value, other.total.value))

    def value(self) -> Any:
        """Return the sum: a float64 NumPy array, in compiled code a float32 tensor."""
        total = self.metric.total
        return self.metric.sums if is_concrete(total.value) else ops.sum(total, 0)


class StreamingMetric(SumMetric):
    """Base of the metrics: reads batches, and sums a statistic of them.

    A subclass defines the statistic, its shape, and `evaluate`. The first update shows the number
    of classes K, so the state is created there. `total` has the shape `(2, *shape)`: a
    pair of float32 tensors for each number of the statistic. For metrics of counts that is
    `(2, 5, K)`, the pairs of the five `Counts` of each class.
    """

    scores_only = False  # whether predictions that are labels are refused
    weighs_labels = True  # whether each label of a multilabel task may have a weight
    meanings: ClassVar[dict[str, Argument]] = {}  # of arguments that differ from `ARGUMENTS`
    nan_scores = "NaN scores count as misses"  # in compiled code, for the documentation

    def validate(self) -> None:
        fields = {name: getattr(self, name) for name in self._fields.parameters}
        check(self.name, fields, ARGUMENTS | self.meanings)
        names = (each.name for each in dataclasses.fields(Reading))
        options = {name: fields[name] for name in names if name in fields}
        self.reading = Reading(scores_only=self.scores_only, **options)
        self.layout: Layout | None = None
        self._is_compiled = False
        self._former_variables: frozenset[int] = frozenset()
        self.state: Any = self.choose_state()
        self.batch_statistic: Statistic = self.choose_statistic()
        self.whole_statistic: Statistic = self.choose_whole_statistic()

    # A subclass defines these.

    def choose_statistic(self) -> Statistic:
        """Return the function of a batch that is summed."""
        raise NotImplementedError

    def choose_whole_statistic(self) -> Statistic:
        """Return the function of whole arrays that `evaluate` takes: by default, the same."""
        return self.batch_statistic

    def choose_state(self) -> Any:
        """Return the state: by default, the sum of the statistic."""
        return Total(self)

    def statistic_shape(self, layout: Layout) -> tuple[int, ...]:
        """Return the shape of the statistic."""
        return (2,)

    def accepts(self, layout: Layout) -> None:
        """Raise ValueError if the metric is not defined for such labels and predictions."""

    def evaluate(self, total: Tensor, layout: Layout) -> Any:
        """Compute the result from the sum of the statistic: by default, a weighted mean."""
        return ratio(total[0], total[1], float("nan"))

    def summarize(self, total: Tensor, layout: Layout) -> Tensor | None:
        """Compute the number that Keras logs, if the result is an array or a dictionary."""
        return None

    # They share the rest.

    @not_converted
    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Add a batch.

        Args:
            y_true: labels; the docstring of the class describes their forms.
            y_pred: predictions; a mask that Keras attached to them leaves positions out.
            sample_weight: weights of the shape of the samples, or of their first axes; in a
                multilabel task also of the shape of the labels.

        Raises:
            ValueError: a shape does not match; in eager mode also for wrong values.
        """
        data, layout = self._read(y_true, y_pred, sample_weight, mask_of(y_pred))
        self._settle(layout)
        if not is_shape_inference():
            self._is_compiled |= not is_concrete(data.y_pred)
            self.state.add(data, layout, Step.of(y_true, y_pred, sample_weight))

    @property
    def variables(self) -> list[Any]:
        """Variables of the state."""
        present = super().variables
        return [variable for variable in present if id(variable) not in self._former_variables]

    def compute(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Any:
        """Return the value for these arrays alone, in float64 for float64 predictions.

        The state is neither read nor changed.
        """
        data, layout = self._read(y_true, y_pred, sample_weight, mask)
        wide = keras.backend.standardize_dtype(data.y_pred.dtype) == "float64"
        batch = read_batch(data, layout, "float64" if wide else "float32")
        value, problems = self.whole_statistic(batch)
        raise_for(problem_flags(problems), data, layout)
        total = ops.convert_to_numpy(value).astype("float64")
        with np.errstate(all="ignore"):  # NumPy would warn where a tensor becomes NaN
            return self.evaluate(total, layout)

    @not_converted
    def result(self) -> Any:
        """Return the value for everything added since the last reset; see `SumMetric.result`."""
        if is_shape_inference():
            return ops.zeros((), self.dtype)  # Keras logs a number, whatever the metric
        return super().result()

    def formula(self, total: Any) -> Any:
        return self.evaluate(total, self.layout or self._unseen())

    def summary(self, total: Any) -> Any:
        return self.summarize(total, self.layout or self._unseen())

    @property
    def sums(self) -> np.ndarray:
        """The sum of the statistics, a float64 array: whole numbers are exact to 2^46."""
        if self.total is None:
            return np.zeros(self.statistic_shape(self.layout or self._unseen()))
        return super().sums

    def sum_shape(self) -> None:
        """Return None: the first update shows the shape."""

    def check_class_id(self, class_id: int | None, number: int) -> None:
        """Raise ValueError unless `class_id` is below the number of classes or curves."""
        if class_id is not None and class_id >= number:
            raise ValueError(f"{self.name}: class_id must be below {number}; received {class_id}")

    def _read(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> tuple[Data, Layout]:
        """Convert to tensors, and find out from their shapes and dtypes what they mean."""
        y_true = as_tensor(self.name, "y_true", y_true)
        y_pred = as_tensor(self.name, "y_pred", y_pred)
        layout = find_layout(y_true, y_pred, self.reading)
        self.accepts(layout)
        samples = tuple(y_true.shape)[: layout.sample_axes]
        if sample_weight is not None:
            sample_weight = as_tensor(self.name, "sample_weight", sample_weight)
            has_labels = len(sample_weight.shape) > layout.sample_axes
            of_labels = layout.task == "multilabel" and self.weighs_labels and has_labels
            weighted = tuple(y_true.shape) if of_labels else samples
            sample_weight = spread(self.name, "sample_weight", sample_weight, weighted)
        if mask is not None:
            mask = spread(self.name, "mask", as_tensor(self.name, "mask", mask), samples)
        return Data(y_true, y_pred, sample_weight, mask), layout

    def _settle(self, layout: Layout) -> None:
        """Create the state with the first layout, and refuse later ones with other classes.

        After a reset other classes are welcome, unless a compiled step holds the variables.
        """
        if self.layout is None:
            self.state.create(self.statistic_shape(layout))
            self.layout = layout
        first = self.layout
        if (first.task, first.num_classes) == (layout.task, layout.num_classes):
            return
        is_fixed = self._is_compiled or not is_concrete(self.total.value)
        if is_fixed or any(ops.convert_to_numpy(variable).any() for variable in self.variables):
            raise ValueError(
                f"{self.name}: this update is {layout.task} with {layout.num_classes} classes, "
                f"earlier ones were {first.task} with {first.num_classes}; use one metric for each"
            )
        self._former_variables |= {id(variable) for variable in self.variables}
        self._complete()
        self.state.create(self.statistic_shape(layout))
        self.layout = layout

    def _read_total(self) -> Any:
        if self.total is None:
            return np.zeros(self.statistic_shape(self._unseen()))
        return self.state.value()

    def _merge(self, metric: Any) -> None:
        self._settle(metric.layout)
        self.state.merge(metric)

    def _unseen(self) -> Layout:
        """Return the layout for a result before the first update."""
        classes = self.reading.num_classes or max(2, (getattr(self, "class_id", None) or 0) + 1)
        task = self.reading.task or "multiclass"
        return Layout(task, classes, "integer", "labels", 1, self.reading)
