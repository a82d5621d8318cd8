"""Levenshtein distance between pairs of sequences and its parts, a batch at a time.

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
    return _plain_cost(truth, hypothesis, truth_mask, hypothesis_mask, 1, 1)


def _plain_cost(
    truth: Tensor,
    hypothesis: Tensor,
    truth_mask: Tensor | None,
    hypothesis_mask: Tensor | None,
    edit: int,
    substitution: int,
) -> Tensor:
    deletion = edit * _ones(truth, truth_mask)
    insertion = edit * _ones(hypothesis, hypothesis_mask)
    common = whole_dtype(truth.dtype, hypothesis.dtype)
    truth, hypothesis = ops.cast(truth, common), ops.cast(hypothesis, common)
    rows, columns = truth.shape[1], hypothesis.shape[1]
    above = [ops.zeros_like(deletion[:, 0])] if rows else [ops.sum(deletion, 1)]
    for column in range(columns):
        above.append(above[-1] + insertion[:, column])
    for row in range(rows):
        current = [above[0] + deletion[:, row]]
        for column in range(columns):
            both_count = ops.logical_and(deletion[:, row] > 0, insertion[:, column] > 0)
            same = ops.logical_and(truth[:, row] == hypothesis[:, column], both_count)
            diagonal = above[column] + ops.where(same, 0, substitution)
            best = ops.minimum(above[column + 1] + deletion[:, row], diagonal)
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
    return _smallest_cost(truth, hypothesis, truth_mask, hypothesis_mask)


def plain_edit_counts(
    truth: Tensor,
    hypothesis: Tensor,
    *,
    truth_mask: Tensor | None = None,
    hypothesis_mask: Tensor | None = None,
) -> Tensor:
    """Compute `edit_counts` from the table of costs, cell by cell."""
    edit = edit_cost(truth.shape[1], hypothesis.shape[1])
    cost = _plain_cost(truth, hypothesis, truth_mask, hypothesis_mask, edit, edit + 1)
    return _counts_of(cost, edit, _ones(truth, truth_mask), _ones(hypothesis, hypothesis_mask))


@kerasx.kernel(
    reference=plain_edit_counts,
    shapes={
        "truth": "int batch n",
        "hypothesis": "int batch m",
        "truth_mask": "bool batch n",
        "hypothesis_mask": "bool batch m",
    },
    returns="int batch 4",
    bucket={"n": "power_of_two", "m": "power_of_two"},
    pad={"truth_mask": False, "hypothesis_mask": False},
)
def edit_counts(
    truth: Tensor,
    hypothesis: Tensor,
    *,
    truth_mask: Tensor | None = None,
    hypothesis_mask: Tensor | None = None,
) -> Tensor:
    """Count hits, substitutions, deletions and insertions of an alignment with the fewest edits.

    Of several such alignments of a pair it takes one with the most hits, which also has the fewest
    substitutions (Morris, Maier and Green, "From WER and RIL to MER and WIL", 2004, section 2). The
    sum of the last three is `edit_distance`. It takes as many steps and as much memory.

    Args:
        truth: whole numbers `(batch, n)`.
        hypothesis: whole numbers `(batch, m)`.
        truth_mask: bool `(batch, n)`, false for tokens to leave out, which may be anywhere.
        hypothesis_mask: the same for `hypothesis`, `(batch, m)`.

    Returns:
        int32 `(batch, 4)`: equal tokens, tokens replaced by others, tokens only in `truth`, tokens
        only in `hypothesis`.

    Raises:
        TypeError: a dtype does not match.
        ValueError: a shape does not match, or sequences have more than about 23,000 tokens.

    Example:
    >>> import keras, kerasx
    >>> counts = kerasx.kernels.edit_counts([[1, 2, 3, 4]], [[1, 5, 3, 4, 6]])
    >>> print(keras.ops.convert_to_numpy(counts))
    [[3 1 0 1]]
    """
    n, m = truth.shape[1], hypothesis.shape[1]
    if n and m and max(n, m) * (min(n, m) + 2) >= FAR:
        raise ValueError(
            f"edit_counts: truth and hypothesis must be shorter, as costs are int32; received {n} "
            f"and {m} tokens"
        )
    edit = edit_cost(ops.shape(truth)[1], ops.shape(hypothesis)[1])
    cost = _smallest_cost(truth, hypothesis, truth_mask, hypothesis_mask, edit, edit + 1)
    return _counts_of(cost, edit, _ones(truth, truth_mask), _ones(hypothesis, hypothesis_mask))


def edit_cost(n: Any, m: Any) -> Any:
    """Return a cost of an edit that exceeds any number of substitutions.

    If deletions and insertions have this cost, and substitutions cost one more, then the smallest
    cost belongs to the fewest edits, and among these to the fewest substitutions. The quotient of
    both is the number of edits, and the remainder is the number of substitutions.
    """
    shorter = min(n, m) if isinstance(n, int) and isinstance(m, int) else ops.minimum(n, m)
    return shorter + 1


def _counts_of(cost: Tensor, edit: Any, truth_ones: Tensor, hypothesis_ones: Tensor) -> Tensor:
    """Return hits, substitutions, deletions and insertions, `(batch, 4)`."""
    n, m = ops.sum(truth_ones, 1), ops.sum(hypothesis_ones, 1)
    edits, substitutions = cost // edit, cost % edit
    hits = (n + m - substitutions - edits) // 2
    rest = substitutions + hits
    return ops.stack([hits, substitutions, n - rest, m - rest], 1)


def _smallest_cost(
    truth: Tensor,
    hypothesis: Tensor,
    truth_mask: Tensor | None,
    hypothesis_mask: Tensor | None,
    edit: Any = 1,
    substitution: Any = 1,
) -> Tensor:
    """Return the smallest cost of edits for each pair, int32 `(batch,)`.

    Args:
        truth: whole numbers `(batch, n)`.
        hypothesis: whole numbers `(batch, m)`.
        truth_mask: bool `(batch, n)`, or None.
        hypothesis_mask: bool `(batch, m)`, or None.
        edit: cost of a deletion or insertion.
        substitution: cost of a substitution, at least that of an edit.
    """
    deletion, insertion = _ones(truth, truth_mask), _ones(hypothesis, hypothesis_mask)
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

    def times(cost: Any, count: Tensor) -> Tensor:
        """Multiply, except by one: on PyTorch each operation of a step takes time."""
        return count if isinstance(cost, int) and cost == 1 else cost * count

    def row_above(cells: Tensor) -> Tensor:
        return ops.concatenate([far, cells[:-1]], 0)

    def step(diagonal: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        before_last, last = carry
        start, shape = (rows + columns - diagonal, 0), (rows + 1, batch)
        other = ops.slice(reversed_tokens, start, shape)
        insertion = ops.slice(reversed_insertion, start, shape)
        same = ops.cast(token == other, "int32") * deletion * insertion
        best = ops.minimum(row_above(last) + times(edit, deletion), last + times(edit, insertion))
        diagonal = row_above(before_last) + substitution - times(substitution, same)
        return last, ops.minimum(best, diagonal)

    unreached = ops.full((rows + 1, batch), FAR, "int32")
    origin = ops.concatenate([ops.zeros((1, batch), "int32"), unreached[1:]], 0)
    return ops.fori_loop(1, rows + columns + 1, step, (unreached, origin))[1][-1]


def _ones(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """Return one for each token that counts, and zero for others."""
    ones = ops.ones_like(tokens, "int32")
    return ones if mask is None else ops.cast(mask, "int32")
