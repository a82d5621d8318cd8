"""Soft dynamic time warping, its gradient by hand, and the loss.

The table of prefixes fills along its anti-diagonals, whose cells do not depend on one another: a
scan of `n + m` steps. Tables are kept skewed, one anti-diagonal after the other. Backward, a second
scan takes the share of each cell in the result from the table of the first.

A step that is masked is passed by for nothing, so that padding and holes need no lengths.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

import kerasx
from kerasx.authoring import mask_of, reduced
from kerasx_sequence.summed import check_shape

Tensor = Any
FAR = 1e30  # beyond any cost; a few thousand times it is a float32


def plain_soft_dtw(
    x: Tensor,
    y: Tensor,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    gamma: float = 1.0,
) -> Tensor:
    """The reference: the recursion, cell by cell (Cuturi and Blondel 2017, Algorithm 1)."""
    wide = keras.backend.result_type(x.dtype, y.dtype, "float32")
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
    """The smoothed cost of aligning two sequences in time.

    Over all monotone alignments `A` of the steps of `x` to those of `y`, which go from the first
    pair to the last one step in either or both at a time,

        -gamma * log(sum_A exp(-cost(A) / gamma)),  cost(A) = sum of |x[i] - y[j]|^2 over A

    which tends to that of dynamic time warping as `gamma` tends to 0, and may be negative. Source:
    Cuturi and Blondel, "Soft-DTW: a Differentiable Loss Function for Time-Series" (2017,
    arXiv:1703.01541), Algorithm 1, and 2 for the gradient, which flows to `x` and `y`, once. It
    keeps a table of `(batch, n + m, n)`, computed in float32 or wider.

    Args:
        x: `(batch, n, channels)`.
        y: `(batch, m, channels)`.
        x_mask: bool `(batch, n)`, false at steps that are left out, wherever they are: of lengths,
            `arange(n) < lengths[:, None]`.
        y_mask: the same for `y`, `(batch, m)`.
        gamma: above 0, the smoothing.

    Returns:
        float32 (float64 for float64 inputs), `(batch,)`; infinite where one sequence has no step
        and the other has, 0 where neither has.

    Raises:
        TypeError: a dtype does not fit.
        ValueError: a shape does not fit, or `gamma` is not above 0.

    Example:
    >>> import keras, kerasx
    >>> x, y = keras.ops.array([[[0.0], [1.0], [1.0]]]), keras.ops.array([[[0.0], [1.0]]])
    >>> print(f"{float(kerasx.kernels.soft_dtw(x, y, gamma=0.01)[0]):.3f}")  # near 0, as they align
    0.000
    """
    if not gamma > 0:
        raise ValueError(f"soft_dtw: gamma must be above 0; received {gamma}")
    wide = keras.backend.result_type(x.dtype, y.dtype, "float32")

    @kerasx.custom_gradient
    def cost(
        x: Tensor, y: Tensor, x_mask: Tensor | None, y_mask: Tensor | None
    ) -> tuple[Tensor, Any]:
        pairs = ops.sum(ops.square(x[:, :, None] - y[:, None]), -1)
        found, table = _forward(pairs, x_mask, y_mask, gamma)

        def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
            shares = _shares(table, x_mask, y_mask, gamma) * upstream[:, None, None]
            of_x = x * ops.sum(shares, 2)[..., None] - ops.matmul(shares, y)
            of_y = y * ops.sum(shares, 1)[..., None]
            of_y = of_y - ops.matmul(ops.transpose(shares, (0, 2, 1)), x)
            return 2 * of_x, 2 * of_y, None, None

        return found, gradient

    found = cost(ops.cast(x, wide), ops.cast(y, wide), x_mask, y_mask)
    return ops.where(found > FAR / 2, float("inf"), found)


def _forward(
    pairs: Tensor, x_mask: Tensor | None, y_mask: Tensor | None, gamma: float
) -> tuple[Tensor, Tensor]:
    """The cost of each pair of sequences, and the skewed table of prefixes.

    `pairs` are the costs of pairs of steps, `(batch, n, m)`; the table is
    `(n + m + 1, batch, n + 1)`.
    """
    batch, rows, columns = ops.shape(pairs)
    costs = _skewed(ops.pad(pairs, ((0, 0), (1, 0), (1, 0)), constant_values=FAR), FAR)
    across, down = _masks(batch, rows, columns, x_mask, y_mask)
    nowhere = ops.full((batch, rows + 1), FAR, pairs.dtype)
    origin = ops.concatenate([ops.zeros((batch, 1), pairs.dtype), nowhere[:, 1:]], 1)

    def step(carry: tuple, given: tuple) -> tuple[tuple, tuple]:
        before, last = carry
        cost, down = given
        up, left, diagonal = _moved(last, FAR), last, _moved(before, FAR)
        least = ops.minimum(ops.minimum(up, left), diagonal)
        total = sum(ops.exp((least - each) / gamma) for each in (up, left, diagonal))
        found = cost + least - gamma * ops.log(total)
        found = ops.where(across, ops.where(down, found, left), up)
        # On TensorFlow, what a scan stacks has the structure of what it carries.
        return (last, found), (found, found)

    _, (table, _) = ops.scan(step, (nowhere, origin), (costs[1:], down[1:]))
    return table[-1][:, -1], ops.concatenate([origin[None], table], 0)


def _shares(table: Tensor, x_mask: Tensor | None, y_mask: Tensor | None, gamma: float) -> Tensor:
    """The derivative of each cost by the costs of pairs of steps, `(batch, n, m)`."""
    diagonals, batch, rows = ops.shape(table)
    rows, columns = rows - 1, diagonals - rows
    across, down = _masks(batch, rows, columns, x_mask, y_mask)
    nowhere = ops.full_like(table[:1], FAR)
    up, left = _moved(table[:-1], FAR), table[:-1]
    diagonal = _moved(ops.concatenate([nowhere, table[:-2]], 0), FAR)
    least = ops.minimum(ops.minimum(up, left), diagonal)
    parts = [ops.exp((least - each) / gamma) for each in (up, left, diagonal)]
    total = sum(parts)
    alone = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    parts = [
        ops.where(across, ops.where(down[1:], part / total, of_column), of_row)
        for part, of_row, of_column in zip(parts, *alone, strict=True)
    ]

    def step(carry: tuple, given: tuple) -> tuple[tuple, tuple]:
        share, before = carry
        up, left, diagonal = (part * share for part in given)
        return (before + _back(up) + left, _back(diagonal)), (share, share)

    end = ops.zeros_like(table[0])
    end = ops.concatenate([end[:, :-1], ops.ones_like(end[:, -1:])], 1)
    _, (shares, _) = ops.scan(step, (end, ops.zeros_like(end)), tuple(parts), reverse=True)
    shares = ops.where(ops.logical_and(across, down[1:]), shares, 0.0)
    shares = ops.concatenate([ops.zeros_like(shares[:1]), shares], 0)
    return _straight(shares, columns)[:, 1:, 1:]


def _masks(
    batch: Any, rows: Any, columns: Any, x_mask: Tensor | None, y_mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Whether the row of a cell counts, `(batch, n + 1)`, and its column, skewed."""
    ones = [ops.ones((batch, size), "bool") for size in (rows, columns)]
    across, down = (
        ops.pad(one if mask is None else mask, ((0, 0), (1, 0)), constant_values=True)
        for one, mask in zip(ones, (x_mask, y_mask), strict=True)
    )
    down = ops.broadcast_to(down[:, None], (batch, rows + 1, columns + 1))
    return across, _skewed(down, True)


def _skewed(table: Tensor, beyond: Any) -> Tensor:
    """Anti-diagonals of `(batch, rows, columns)`: `(rows + columns - 1, batch, rows)`."""
    batch, rows, columns = ops.shape(table)
    table = ops.pad(table, ((0, 0), (0, 0), (0, rows)), constant_values=beyond)
    flat = ops.reshape(table, (batch, rows * (columns + rows)))[:, :-rows]
    return ops.transpose(ops.reshape(flat, (batch, rows, columns + rows - 1)), (2, 0, 1))


def _straight(diagonals: Tensor, columns: Any) -> Tensor:
    """What `_skewed` came of; `columns` is one less than there are."""
    length, batch, rows = ops.shape(diagonals)
    flat = ops.reshape(ops.transpose(diagonals, (1, 2, 0)), (batch, rows * length))
    flat = ops.pad(flat, ((0, 0), (0, rows)))
    return ops.reshape(flat, (batch, rows, length + 1))[:, :, : columns + 1]


def _moved(cells: Tensor, first: float) -> Tensor:
    """The last axis moved on by one."""
    return ops.concatenate([ops.full_like(cells[..., :1], first), cells[..., :-1]], -1)


def _back(cells: Tensor) -> Tensor:
    """The last axis moved back by one."""
    return ops.concatenate([cells[..., 1:], ops.zeros_like(cells[..., :1])], -1)


class SoftDTW(keras.Loss):
    """Soft dynamic time warping between true and predicted sequences.

    The kernel `soft_dtw`, which says what it is, of each example (Cuturi and Blondel,
    arXiv:1703.01541). Sequences may differ in length.

    Args:
        gamma: above 0, the smoothing.
        mask_value: steps of `y_true` all of whose channels have this value are left out, as
            `keras.layers.Masking` does; `None` for none. The mask of predictions leaves out steps
            of theirs.
        reduction: as in `keras.Loss`, over examples.
        name: name of the loss.
        dtype: dtype of the loss.

    Call arguments:
        y_true: `(batch, n, channels)`.
        y_pred: `(batch, m, channels)`.
        sample_weight: `(batch,)` or `(batch, 1)`.

    Raises:
        ValueError: `gamma` is not above 0, or shapes do not fit.

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
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not gamma > 0:
            raise ValueError(f"{name}: gamma must be above 0; received {gamma}")
        self.gamma = gamma
        self.mask_value = mask_value

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        # Keras's own would multiply the mask of steps with the losses of examples.
        losses = self._losses(y_true, y_pred, mask_of(y_pred))
        if sample_weight is not None:
            sample_weight = ops.convert_to_tensor(sample_weight)
            if len(sample_weight.shape) > 1:
                shape, batch = tuple(sample_weight.shape), losses.shape[0]
                check_shape(self.name, "sample_weight", shape, (batch, 1), f"({batch},)")
                sample_weight = ops.squeeze(sample_weight, 1)
        options = {"reduction": self.reduction, "name": self.name, "dtype": self.dtype}
        return reduced(losses, sample_weight, **options)

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """The loss of each example."""
        return self._losses(y_true, y_pred, None)

    def _losses(self, y_true: Any, y_pred: Any, mask: Tensor | None) -> Tensor:
        y_true, y_pred = (ops.convert_to_tensor(each, self.dtype) for each in (y_true, y_pred))
        kept = None
        if self.mask_value is not None:
            kept = ops.any(y_true != self.mask_value, -1)
        mask = None if mask is None else ops.cast(mask, "bool")
        found = soft_dtw(y_pred, y_true, x_mask=mask, y_mask=kept, gamma=self.gamma)
        return ops.cast(found, self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma, "mask_value": self.mask_value}
