"""Levenshtein distance between pairs of sequences, a batch at a time.

The table of distances between prefixes is filled along its anti-diagonals, whose cells do not
depend on one another: a step of the loop is a few elementwise operations on a whole anti-diagonal
of each pair. A masked token costs nothing, so padding, holes and buckets need no special treatment.
"""

from __future__ import annotations

from typing import Any

from keras import ops

import kerasx
from kerasx.authoring import whole_dtype

Tensor = Any
FAR = 2**29  # above any distance, and twice it still fits in int32


def plain_edit_distance(
    truth: Tensor,
    hypothesis: Tensor,
    *,
    truth_mask: Tensor | None = None,
    hypothesis_mask: Tensor | None = None,
) -> Tensor:
    """Compute the table of distances cell by cell (Wagner and Fischer 1974)."""
    deletion, insertion = _costs(truth, truth_mask), _costs(hypothesis, hypothesis_mask)
    common = whole_dtype(truth.dtype, hypothesis.dtype)
    truth, hypothesis = ops.cast(truth, common), ops.cast(hypothesis, common)
    rows, columns = truth.shape[1], hypothesis.shape[1]
    above = [ops.zeros_like(deletion[:, 0])] if rows else [ops.sum(deletion, 1)]
    for column in range(columns):
        above.append(above[-1] + insertion[:, column])
    for row in range(rows):
        current = [above[0] + deletion[:, row]]
        for column in range(columns):
            both_count = deletion[:, row] * insertion[:, column]
            same = ops.cast(truth[:, row] == hypothesis[:, column], "int32") * both_count
            best = ops.minimum(above[column + 1] + deletion[:, row], above[column] + 1 - same)
            current.append(ops.minimum(best, current[-1] + insertion[:, column]))
        above = current
    return above[-1]


@kerasx.kernel(
    reference=plain_edit_distance,
    shapes={
        "truth": "int batch n",
        "hypothesis": "int batch m",
        "truth_mask": "bool batch n",
        "hypothesis_mask": "bool batch m",
    },
    returns="int batch",
    bucket={"n": "power_of_two", "m": "power_of_two"},
    pad={"truth_mask": False, "hypothesis_mask": False},
)
def edit_distance(
    truth: Tensor,
    hypothesis: Tensor,
    *,
    truth_mask: Tensor | None = None,
    hypothesis_mask: Tensor | None = None,
) -> Tensor:
    """Count the insertions, deletions and substitutions that turn one sequence into another.

    It is the smallest such number, for each pair of a batch (Levenshtein, "Binary codes capable of
    correcting deletions, insertions, and reversals", 1966). With the distances `D` between prefixes
    of lengths `i` and `j`,

        D[i, j] = min(D[i-1, j] + 1, D[i, j-1] + 1, D[i-1, j-1] + (truth[i] != hypothesis[j]))

    It takes `n + m` steps, each on `(batch, n + 1)` numbers, which is also the memory it needs.

    Args:
        truth: whole numbers `(batch, n)`.
        hypothesis: whole numbers `(batch, m)`.
        truth_mask: bool `(batch, n)`, false for tokens to leave out, which may be anywhere. For
            lengths use `arange(n) < lengths[:, None]`.
        hypothesis_mask: the same for `hypothesis`, `(batch, m)`.

    Returns:
        int32 `(batch,)`.

    Raises:
        TypeError: a dtype does not match.
        ValueError: a shape does not match.

    Example:
    >>> import kerasx
    >>> words = [[ord(letter) for letter in word] for word in ("kitten ", "sitting")]
    >>> mask = [[True] * 6 + [False]]
    >>> int(kerasx.kernels.edit_distance(words[:1], words[1:], truth_mask=mask)[0])
    3
    """
    deletion, insertion = _costs(truth, truth_mask), _costs(hypothesis, hypothesis_mask)
    common = whole_dtype(truth.dtype, hypothesis.dtype)
    truth, hypothesis = ops.cast(truth, common), ops.cast(hypothesis, common)
    batch, rows = ops.shape(truth)
    columns = ops.shape(hypothesis)[1]
    # Cell i of anti-diagonal d is row i and column d - i. From one anti-diagonal to the next, the
    # hypothesis, reversed, moves past the rows by one. The batch is the last axis, so that vector
    # instructions work on several pairs.
    token, deletion = (
        ops.pad(ops.transpose(tensor), ((1, 0), (0, 0))) for tensor in (truth, deletion)
    )
    reversed_tokens, reversed_insertion = (
        ops.pad(ops.flip(ops.transpose(tensor), 0), ((rows, rows), (0, 0)))
        for tensor in (hypothesis, insertion)
    )
    far = ops.full((1, batch), FAR, "int32")

    def row_above(cells: Tensor) -> Tensor:
        return ops.concatenate([far, cells[:-1]], 0)

    def step(diagonal: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        before_last, last = carry
        start, shape = (rows + columns - diagonal, 0), (rows + 1, batch)
        other = ops.slice(reversed_tokens, start, shape)
        insertion = ops.slice(reversed_insertion, start, shape)
        same = ops.cast(token == other, "int32") * deletion * insertion
        best = ops.minimum(row_above(last) + deletion, last + insertion)
        return last, ops.minimum(best, row_above(before_last) + 1 - same)

    unreached = ops.full((rows + 1, batch), FAR, "int32")
    origin = ops.concatenate([ops.zeros((1, batch), "int32"), unreached[1:]], 0)
    return ops.fori_loop(1, rows + columns + 1, step, (unreached, origin))[1][-1]


def _costs(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """Return the cost of inserting or deleting each token."""
    ones = ops.ones_like(tokens, "int32")
    return ones if mask is None else ops.cast(mask, "int32")
