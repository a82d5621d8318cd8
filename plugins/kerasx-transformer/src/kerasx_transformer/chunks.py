"""A loop over chunks of rows, for results that need large values of each row for a moment only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from kerasx.authoring import put, wide_dtype
from kerasx.compiler import device

Tensor = Any
# Rows of a chunk, or more if there are few columns: with fewer, adding a chunk's gradient to that
# of the weight takes longer than it saves; with more, logits leave a processor's cache.
ROWS, LOGITS = 256, 2**21
# Factor for other devices. Counted, not measured: the sum moves 16 bytes for each weight and chunk.
LARGER = {"gpu": 8}


def rows_of_chunk(columns: int) -> int:
    """Return the largest number of rows of a chunk, for rows of this many columns."""
    return max(ROWS, LOGITS // columns) * LARGER.get(device(), 1)


def in_chunks(
    step: Callable[..., tuple[Sequence[Tensor], Sequence[Tensor]]],
    arrays: Sequence[Tensor],
    max_rows: int,
    outputs: Sequence[tuple[tuple[int, ...], str]],
    totals: Sequence[Tensor] = (),
) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """Call a function with some rows at a time.

    Args:
        step: takes rows of the arrays, and returns outputs for these rows, and terms of sums over
            all rows.
        arrays: tensors `(rows, ...)`.
        max_rows: most rows of a chunk.
        outputs: shape and dtype of one row of each output.
        totals: a tensor of the shape of each sum.

    Returns:
        The outputs for all rows, and the sums.
    """
    rows = ops.shape(arrays[0])[0]
    if isinstance(rows, int):
        chunks: Any = max(1, -(-rows // max_rows))
    elif ops.is_tensor(rows):  # TensorFlow, of a size that is unknown while it traces
        chunks = ops.maximum(-(-rows // max_rows), 1)
    else:  # JAX's symbol for a size, where Keras asks for shapes only
        chunks = 1
    if isinstance(chunks, int) and chunks == 1:
        return step(*arrays)
    size = -(-rows // chunks)
    chunked = [_split(array, chunks, size, chunks * size - rows) for array in arrays]
    results = [ops.zeros((chunks, size, *shape), dtype) for shape, dtype in outputs]
    sums = [ops.zeros(ops.shape(total), wide_dtype(total.dtype)) for total in totals]

    def body(chunk: Tensor, state: tuple[list[Tensor], list[Tensor]]) -> Any:
        results, sums = state
        parts, terms = step(*(array[chunk] for array in chunked))
        results = [put(result, chunk, part) for result, part in zip(results, parts, strict=True)]
        sums = [_add(total, term) for total, term in zip(sums, terms, strict=True)]
        return results, sums

    results, sums = ops.fori_loop(0, chunks, body, (results, sums))
    joined = [
        ops.reshape(result, (chunks * size, *shape))[:rows]
        for result, (shape, _) in zip(results, outputs, strict=True)
    ]
    return joined, sums


def _add(total: Tensor, term: Tensor) -> Tensor:
    # PyTorch compiles nothing, so nothing else would avoid a copy.
    return total.add_(term) if keras.backend.backend() == "torch" else total + term


def _split(array: Tensor, chunks: Any, size: Any, missing: Any) -> Tensor:
    """Split `(rows, ...)` into `(chunks, size, ...)`, with zeros at the end."""
    columns = tuple(array.shape[1:])
    padding = ops.zeros((missing, *columns), array.dtype)
    return ops.reshape(ops.concatenate([array, padding]), (chunks, size, *columns))
