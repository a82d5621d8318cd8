"""Levenshtein's distance of pairs of sequences, a batch at a time.

The table of distances of prefixes fills along its anti-diagonals, whose cells do not depend on one
another: a step of the loop is a few elementwise operations on a whole anti-diagonal of each pair.
A token that is masked costs nothing, so that padding, holes and buckets need no care.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

import kerasx

Tensor = Any
FAR = 2**29  # beyond any distance; twice it is an int32


def plain_edit_distance(
    truth: Tensor,
    hypothesis: Tensor,
    *,
    truth_mask: Tensor | None = None,
    hypothesis_mask: Tensor | None = None,
) -> Tensor:
    """The reference: the table of distances, cell by cell (Wagner and Fischer 1974)."""
    deletion, insertion = _costs(truth, truth_mask), _costs(hypothesis, hypothesis_mask)
    rows, columns = truth.shape[1], hypothesis.shape[1]
    above = [ops.zeros_like(deletion[:, 0])] if rows else [ops.sum(deletion, 1)]
    for column in range(columns):
        above.append(above[-1] + insertion[:, column])
    for row in range(rows):
        current = [above[0] + deletion[:, row]]
        for column in range(columns):
            kept = deletion[:, row] * insertion[:, column]
            same = ops.cast(truth[:, row] == hypothesis[:, column], "int32") * kept
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
    """How many insertions, deletions and substitutions make one sequence of another, at least.

    Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals" (1966),
    for each pair of a batch; with the distances `D` of the prefixes of lengths `i` and `j`

        D[i, j] = min(D[i-1, j] + 1, D[i, j-1] + 1, D[i-1, j-1] + (truth[i] != hypothesis[j]))

    It takes `n + m` steps on `(batch, n + 1)` numbers, which is also its memory.

    Args:
        truth: whole numbers `(batch, n)`.
        hypothesis: whole numbers `(batch, m)`.
        truth_mask: bool `(batch, n)`, false where a token is left out, wherever that is: of
            lengths, `arange(n) < lengths[:, None]`.
        hypothesis_mask: the same for `hypothesis`, `(batch, m)`.

    Returns:
        int32 `(batch,)`.

    Raises:
        TypeError: a dtype does not fit.
        ValueError: a shape does not fit.

    Example:
    >>> import kerasx
    >>> words = [[ord(letter) for letter in word] for word in ("kitten ", "sitting")]
    >>> mask = [[True] * 6 + [False]]
    >>> int(kerasx.kernels.edit_distance(words[:1], words[1:], truth_mask=mask)[0])
    3
    """
    deletion, insertion = _costs(truth, truth_mask), _costs(hypothesis, hypothesis_mask)
    common = keras.backend.result_type(truth.dtype, hypothesis.dtype)
    truth, hypothesis = ops.cast(truth, common), ops.cast(hypothesis, common)
    batch, rows = ops.shape(truth)
    columns = ops.shape(hypothesis)[1]
    # Cell i of anti-diagonal d is row i and column d - i; hypotheses pass by it in reverse. The
    # batch is the last axis, over which processors compute side by side.
    token, deletion = (ops.pad(ops.transpose(each), ((1, 0), (0, 0))) for each in (truth, deletion))
    passing, inserted = (
        ops.pad(ops.flip(ops.transpose(each), 0), ((rows, rows), (0, 0)))
        for each in (hypothesis, insertion)
    )
    beyond = ops.full((1, batch), FAR, "int32")

    def below(cells: Tensor) -> Tensor:
        return ops.concatenate([beyond, cells[:-1]], 0)

    def step(number: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        before, last = carry
        start, shape = (rows + columns - number, 0), (rows + 1, batch)
        other, insertion = ops.slice(passing, start, shape), ops.slice(inserted, start, shape)
        same = ops.cast(token == other, "int32") * deletion * insertion
        best = ops.minimum(below(last) + deletion, last + insertion)
        return last, ops.minimum(best, below(before) + 1 - same)

    nowhere = ops.full((rows + 1, batch), FAR, "int32")
    origin = ops.concatenate([ops.zeros((1, batch), "int32"), nowhere[1:]], 0)
    return ops.fori_loop(1, rows + columns + 1, step, (nowhere, origin))[1][-1]


def _costs(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """What inserting or deleting each token costs."""
    ones = ops.ones_like(tokens, "int32")
    return ones if mask is None else ops.cast(mask, "int32")
