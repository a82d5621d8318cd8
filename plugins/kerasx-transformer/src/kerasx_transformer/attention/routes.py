"""Choice of the program that computes attention: a fused kernel, all scores at once, or blocks.

This is plain Python over shapes, dtypes and options. No tensor is needed to ask.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from kerasx_transformer.attention.options import Options

PLAIN = 256  # up to this many queries and keys, all scores are computed at once

# Up to this length PyTorch, which compiles nothing, draws faster for all scores at once than it
# hashes block by block.
BACKEND_DROPOUT = {"torch": 4096}

DESCRIPTIONS = {
    "cudnn": "cuDNN's fused attention, jax.nn.dot_product_attention(implementation='cudnn')",
    "sdpa": "PyTorch's fused attention, torch.nn.functional.scaled_dot_product_attention",
    "plain": "all scores at once, for short sequences",
    "blocks": "blocks of queries and keys",
}


@dataclasses.dataclass(frozen=True)
class Call:
    """Everything about a call of attention that decides its route.

    Attributes:
        query: shape of the queries; a size is an integer, `None`, or a symbol of JAX's.
        key: shape of the keys.
        value: shape of the values.
        dtype: name of the dtype of the queries.
        options: the static arguments.
        given: names of the optional tensors that are given.
    """

    query: Sequence[Any]
    key: Sequence[Any]
    value: Sequence[Any]
    dtype: str
    options: Options = dataclasses.field(default_factory=Options)
    given: Collection[str] = ()


class Route(NamedTuple):
    """A way to compute attention.

    Attributes:
        name: `"cudnn"`, `"sdpa"`, `"plain"` or `"blocks"`.
        obstacle: what keeps the call from the fused kernel of this backend and device, or `None`.
    """

    name: str
    obstacle: str | None = None

    def __str__(self) -> str:
        reason = f"; not the fused kernel, because of {self.obstacle}" if self.obstacle else ""
        return f"{self.name}: {DESCRIPTIONS[self.name]}{reason}"


def choose(call: Call, backend: str, device: str) -> Route:
    """Choose the program for a call on a backend and a kind of device.

    Example:
    >>> from kerasx_transformer.attention.routes import Call, choose
    >>> shape = (2, 4096, 8, 64)
    >>> print(choose(Call(shape, shape, shape, "float32"), "tensorflow", "cpu"))
    blocks: blocks of queries and keys
    """
    obstacle = None
    if backend == "torch" or (backend == "jax" and device == "gpu"):
        fused = "sdpa" if backend == "torch" else "cudnn"
        obstacle = _obstacle(fused, call)
        if obstacle is None:
            return Route(fused)
    is_long = _exceeds(PLAIN, call.query[1], call.key[1])
    return Route("blocks" if is_long else "plain", obstacle)


def prefers_backend_dropout(query_time: Any, key_time: Any, backend: str) -> bool:
    """Return whether all scores at once, with the backend's own dropout, beat the kernel's."""
    return not _exceeds(BACKEND_DROPOUT.get(backend, 0), query_time, key_time)


def _exceeds(limit: int, *lengths: Any) -> bool:
    # JAX has a symbol for a size where Keras asks for a shape only; nothing is computed then.
    return any(length is None or (isinstance(length, int) and length > limit) for length in lengths)


def _obstacle(fused: str, call: Call) -> str | None:
    """Say what a fused kernel cannot do of a call; None if it can do all."""
    options, given = call.options, call.given
    is_square = call.query[1] is not None and call.query[1] == call.key[1]
    obstacles = {
        "segment_ids": "segment_ids" in given,
        "bias, whose gradient it lacks or forms at full size": "bias" in given,
        "logit_softcap": options.logit_softcap is not None,
        "dropout_rate, whose draws depend on seed here": options.dropout_rate > 0,
        "query and key times that differ with causal": options.causal and not is_square,
        "values of another size than keys": call.value[-1] != call.key[-1],
    }
    if fused == "cudnn":
        obstacles |= {
            "mask": "mask" in given,  # rows that see nothing are not zero
            "window without causal": options.window is not None and not options.causal,
            "dtype": call.dtype not in ("float16", "bfloat16"),
            "head_dim": call.query[-1] % 8 != 0 or call.query[-1] > 128,
        }
    else:
        obstacles |= {
            "mask with causal": "mask" in given and options.causal,
            "window": options.window is not None,
        }
    return next((name for name, applies in obstacles.items() if applies), None)
