"""Soft dynamic time warping with a gradient written by hand, and its loss.

The table of costs between prefixes is filled along its anti-diagonals, whose cells do not depend on
one another: a scan of `n + m` steps. Tables are stored skewed, one anti-diagonal after the other.
The backward pass is a second scan, which computes each cell's share in the result from the table.

Passing a masked step costs nothing, so padding and holes need no lengths.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

import kerasx
from kerasx.authoring import check_argument, check_shape, mask_of, reduced, wide_dtype

Tensor = Any
FAR = 1e30  # above any cost, and a few thousand times it still fits in float32


def plain_soft_dtw(
    x: Tensor,
    y: Tensor,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    gamma: float = 1.0,
) -> Tensor:
    """Compute the recursion cell by cell (Cuturi and Blondel 2017, Algorithm 1)."""
    wide = wide_dtype(x.dtype, y.dtype)
    x, y = ops.cast(x, wide), ops.cast(y, wide)
    zero = ops.zeros_like(x[:, 0, 0])
    table = {(0, 0): zero}

    def at(i: int, j: int) -> Tensor:
        return table.get((i, j), zero + FAR)

    for i in range(x.shape[1] + 1):
        for j in range(y.shape[1] + 1):
            if i and j:
                before = ops.stack([at(i - 1, j), at(i, j - 1), at(i - 1, j - 1)])
                cost = ops.sum(ops.square(x[:, i - 1] - y[:, j - 1]), -1)
                table[i, j] = cost - gamma * ops.logsumexp(-before / gamma, 0)
            if j and y_mask is not None:
                table[i, j] = ops.where(y_mask[:, j - 1], at(i, j), at(i, j - 1))
            if i and x_mask is not None:
                table[i, j] = ops.where(x_mask[:, i - 1], at(i, j), at(i - 1, j))
    return at(x.shape[1], y.shape[1])


@kerasx.kernel(
    static=("gamma",),
    reference=plain_soft_dtw,
    shapes={
        "x": "batch n channels",
        "y": "batch m channels",
        "x_mask": "bool batch n",
        "y_mask": "bool batch m",
    },
    returns="batch",
)
def soft_dtw(
    x: Tensor,
    y: Tensor,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    gamma: float = 1.0,
) -> Tensor:
    """Compute the smoothed cost of aligning two sequences in time.

    A monotone alignment `A` pairs the steps of `x` with those of `y`. It runs from the first pair
    to the last and advances by one step in either sequence or in both. Over all of these,

        -gamma * log(sum_A exp(-cost(A) / gamma)),  cost(A) = sum of |x[i] - y[j]|^2 over A

    It tends to the cost of dynamic time warping as `gamma` tends to 0, and may be negative.
    Reference: Cuturi and Blondel, "Soft-DTW: a Differentiable Loss Function for Time-Series" (2017,
    arXiv:1703.01541), Algorithm 1 for the value and 2 for the gradient, which flows to `x` and `y`,
    once. A table of `(batch, n + m, n)` is kept for it, computed in float32 or wider.

    Args:
        x: `(batch, n, channels)`.
        y: `(batch, m, channels)`.
        x_mask: bool `(batch, n)`, false for steps to leave out, which may be anywhere. For lengths
            use `arange(n) < lengths[:, None]`.
        y_mask: the same for `y`, `(batch, m)`.
        gamma: smoothing, above 0.

    Returns:
        float32 (float64 for float64 inputs), `(batch,)`; infinite where only one of the sequences
        has steps, 0 where neither has.

    Raises:
        TypeError: a dtype does not match.
        ValueError: a shape does not match, or `gamma` is not above 0.

    Example:
    >>> import keras, kerasx
    >>> x, y = keras.ops.array([[[0.0], [1.0], [1.0]]]), keras.ops.array([[[0.0], [1.0]]])
    >>> print(f"{float(kerasx.kernels.soft_dtw(x, y, gamma=0.01)[0]):.3f}")  # near 0: they align
    0.000
    """
    check_argument("soft_dtw", "gamma", gamma, gamma > 0, "above 0")
    wide = wide_dtype(x.dtype, y.dtype)
    costs = _cost(ops.cast(x, wide), ops.cast(y, wide), x_mask, y_mask, gamma)
    return ops.where(costs > FAR / 2, float("inf"), costs)


@kerasx.custom_gradient
def _cost(
    x: Tensor, y: Tensor, x_mask: Tensor | None, y_mask: Tensor | None, gamma: float
) -> tuple[Tensor, Any]:
    pairs = ops.sum(ops.square(x[:, :, None] - y[:, None]), -1)
    costs, table = _forward(pairs, x_mask, y_mask, gamma)

    def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
        shares = _shares(table, x_mask, y_mask, gamma) * upstream[:, None, None]
        x_slope = x * ops.sum(shares, 2)[..., None] - ops.matmul(shares, y)
        y_slope = y * ops.sum(shares, 1)[..., None]
        y_slope = y_slope - ops.matmul(ops.transpose(shares, (0, 2, 1)), x)
        return 2 * x_slope, 2 * y_slope, None, None, None

    return costs, gradient


def _forward(
    pairs: Tensor, x_mask: Tensor | None, y_mask: Tensor | None, gamma: float
) -> tuple[Tensor, Tensor]:
    """Compute the cost of each pair of sequences, and the skewed table of prefixes.

    `pairs` are the costs of pairs of steps, `(batch, n, m)`; the table is
    `(n + m + 1, batch, n + 1)`.
    """
    batch, rows, columns = ops.shape(pairs)
    costs = _skew(ops.pad(pairs, ((0, 0), (1, 0), (1, 0)), constant_values=FAR), FAR)
    row_kept, column_kept = _masks(batch, rows, columns, x_mask, y_mask)
    unreached = ops.full((batch, rows + 1), FAR, pairs.dtype)
    origin = ops.concatenate([ops.zeros((batch, 1), pairs.dtype), unreached[:, 1:]], 1)

    def step(carry: tuple, inputs: tuple) -> tuple[tuple, tuple]:
        before_last, last = carry
        cost, column_kept = inputs
        up, left, diagonal = _next_row(last, FAR), last, _next_row(before_last, FAR)
        least = ops.minimum(ops.minimum(up, left), diagonal)
        total = sum(ops.exp((least - cell) / gamma) for cell in (up, left, diagonal))
        cells = cost + least - gamma * ops.log(total)
        cells = ops.where(row_kept, ops.where(column_kept, cells, left), up)
        # TensorFlow wants the stacked outputs of a scan in the structure of its carry.
        return (last, cells), (cells, cells)

    _, (table, _) = ops.scan(step, (unreached, origin), (costs[1:], column_kept[1:]))
    return table[-1][:, -1], ops.concatenate([origin[None], table], 0)


def _shares(table: Tensor, x_mask: Tensor | None, y_mask: Tensor | None, gamma: float) -> Tensor:
    """Compute the derivative of each cost by the costs of pairs of steps, `(batch, n, m)`."""
    diagonals, batch, rows = ops.shape(table)
    rows, columns = rows - 1, diagonals - rows
    row_kept, column_kept = _masks(batch, rows, columns, x_mask, y_mask)
    unreached = ops.full_like(table[:1], FAR)
    up, left = _next_row(table[:-1], FAR), table[:-1]
    diagonal = _next_row(ops.concatenate([unreached, table[:-2]], 0), FAR)
    least = ops.minimum(ops.minimum(up, left), diagonal)
    weights = [ops.exp((least - cells) / gamma) for cells in (up, left, diagonal)]
    total = sum(weights)
    # A masked row takes its cost from above, a masked column from the left.
    in_masked_row, in_masked_column = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    weights = [
        ops.where(row_kept, ops.where(column_kept[1:], weight / total, column), row)
        for weight, row, column in zip(weights, in_masked_row, in_masked_column, strict=True)
    ]

    def step(carry: tuple, inputs: tuple) -> tuple[tuple, tuple]:
        share, from_diagonal = carry
        up, left, diagonal = (weight * share for weight in inputs)
        return (from_diagonal + _previous_row(up) + left, _previous_row(diagonal)), (share, share)

    end = ops.zeros_like(table[0])
    end = ops.concatenate([end[:, :-1], ops.ones_like(end[:, -1:])], 1)
    _, (shares, _) = ops.scan(step, (end, ops.zeros_like(end)), tuple(weights), reverse=True)
    shares = ops.where(ops.logical_and(row_kept, column_kept[1:]), shares, 0.0)
    shares = ops.concatenate([ops.zeros_like(shares[:1]), shares], 0)
    return _unskew(shares, columns)[:, 1:, 1:]


def _masks(
    batch: Any, rows: Any, columns: Any, x_mask: Tensor | None, y_mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return whether each row counts, `(batch, n + 1)`, and each column, as a skewed table."""
    masks = []
    for mask, size in ((x_mask, rows), (y_mask, columns)):
        mask = ops.ones((batch, size), "bool") if mask is None else mask
        masks.append(ops.pad(mask, ((0, 0), (1, 0)), constant_values=True))
    row_kept, column_kept = masks
    column_kept = ops.broadcast_to(column_kept[:, None], (batch, rows + 1, columns + 1))
    return row_kept, _skew(column_kept, True)


def _skew(table: Tensor, fill: Any) -> Tensor:
    """Return the anti-diagonals of `(batch, rows, columns)`: `(rows + columns - 1, batch, rows)`.

    `fill` stands where an anti-diagonal leaves the table.
    """
    batch, rows, columns = ops.shape(table)
    table = ops.pad(table, ((0, 0), (0, 0), (0, rows)), constant_values=fill)
    flat = ops.reshape(table, (batch, rows * (columns + rows)))[:, :-rows]
    return ops.transpose(ops.reshape(flat, (batch, rows, columns + rows - 1)), (2, 0, 1))


def _unskew(diagonals: Tensor, columns: Any) -> Tensor:
    """Undo `_skew` for a table of `columns + 1` columns."""
    length, batch, rows = ops.shape(diagonals)
    flat = ops.reshape(ops.transpose(diagonals, (1, 2, 0)), (batch, rows * length))
    flat = ops.pad(flat, ((0, 0), (0, rows)))
    return ops.reshape(flat, (batch, rows, length + 1))[:, :, : columns + 1]


def _next_row(cells: Tensor, first: float) -> Tensor:
    """Move an anti-diagonal one row down; `first` takes the place of the first row."""
    return ops.concatenate([ops.full_like(cells[..., :1], first), cells[..., :-1]], -1)


def _previous_row(cells: Tensor) -> Tensor:
    """Move an anti-diagonal one row up; 0 takes the place of the last row."""
    return ops.concatenate([cells[..., 1:], ops.zeros_like(cells[..., :1])], -1)


class SoftDTW(keras.Loss):
    """Soft dynamic time warping between true and predicted sequences.

    It is the smoothed alignment cost that `kerasx.kernels.soft_dtw` defines, for each example
    (Cuturi and Blondel, arXiv:1703.01541). The two sequences may differ in length.

    Args:
        gamma: smoothing, above 0.
        mask_value: leave out the steps of `y_true` whose channels all have this value, as
            `keras.layers.Masking` does; `None` leaves out none. The mask of the predictions, if
            they have one, leaves out steps of the predictions.
        reduction: as in `keras.Loss`; a mean is taken over examples.
        name: name of the loss.
        dtype: dtype of the loss.

    Call arguments:
        y_true: `(batch, n, channels)`.
        y_pred: `(batch, m, channels)`.
        sample_weight: `(batch,)` or `(batch, 1)`.

    Raises:
        ValueError: `gamma` is not above 0, or shapes do not match.

    Example:
    >>> import kerasx
    >>> loss = kerasx.losses.SoftDTW(gamma=0.1)
    >>> print(f"{float(loss([[[0.0], [2.0], [2.0]]], [[[0.0], [1.0]]])):.3f}")  # 1 for each 2
    2.000
    """

    def __init__(
        self,
        gamma: float = 1.0,
        mask_value: float | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str = "soft_dtw",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check_argument(name, "gamma", gamma, gamma > 0, "above 0")
        self.gamma = gamma
        self.mask_value = mask_value

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        # Keras's own `__call__` would multiply the losses of examples with the mask of steps.
        losses = self._losses(y_true, y_pred, mask_of(y_pred))
        if sample_weight is not None:
            sample_weight = ops.convert_to_tensor(sample_weight)
            if len(sample_weight.shape) > 1:
                shape, batch = tuple(sample_weight.shape), losses.shape[0]
                check_shape(self.name, "sample_weight", shape, (batch, 1), f"({batch},)")
                sample_weight = ops.squeeze(sample_weight, 1)
        return reduced(
            losses, sample_weight, reduction=self.reduction, name=self.name, dtype=self.dtype
        )

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """Compute the loss of each example."""
        return self._losses(y_true, y_pred, None)

    def _losses(self, y_true: Any, y_pred: Any, mask: Tensor | None) -> Tensor:
        y_true = ops.convert_to_tensor(y_true, self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, self.dtype)
        true_mask = None
        if self.mask_value is not None:
            true_mask = ops.any(y_true != self.mask_value, -1)
        mask = None if mask is None else ops.cast(mask, "bool")
        costs = soft_dtw(y_pred, y_true, x_mask=mask, y_mask=true_mask, gamma=self.gamma)
        return ops.cast(costs, self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma, "mask_value": self.mask_value}
