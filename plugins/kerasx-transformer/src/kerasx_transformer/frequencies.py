"""Frequencies of rotary positions: those of RoFormer, and two that stretch the context."""

from __future__ import annotations

import math

import numpy as np

from kerasx.authoring import check_argument, check_one_of, is_integer, is_number

LLAMA_3_BASE = 500_000.0


def rotary_frequencies(rotary_dim: int, base: float = 10000.0) -> tuple[float, ...]:
    """Angles by which each pair of features turns from one position to the next.

    The pair `i` has `base ** (-2 * i / rotary_dim)`.

    From: Su et al. 2021, RoFormer: Enhanced Transformer with Rotary Position Embedding, section
    3.2.2.

    Args:
        rotary_dim: number of features that are rotated.
        base: the largest wavelength divided by two pi.

    Returns:
        `rotary_dim // 2` numbers.

    Raises:
        ValueError: `rotary_dim` is not a positive even number, or `base` is at most 1.

    Example:
    >>> from kerasx_transformer import rotary_frequencies
    >>> rotary_frequencies(4)
    (1.0, 0.01)
    """
    return _as_tuple(_checked_powers("rotary_frequencies", rotary_dim, base))


def llama3_frequencies(
    rotary_dim: int,
    *,
    base: float = LLAMA_3_BASE,
    factor: float = 8.0,
    low_freq_factor: float = 1.0,
    high_freq_factor: float = 4.0,
    original_max_position_embeddings: int = 8192,
) -> tuple[float, ...]:
    """Frequencies of Llama 3.1: those of long wavelengths are divided by `factor`.

    For a frequency `w`, let `r` be its number of turns within the original context,
    `original_max_position_embeddings * w / (2 pi)`. It becomes `w / factor` for `r` below
    `low_freq_factor`, stays `w` for `r` above `high_freq_factor`, and in between is
    `(1 - s) * w / factor + s * w` with
    `s = (r - low_freq_factor) / (high_freq_factor - low_freq_factor)`.

    From: Meta's code and configuration of Llama 3.1, whose constants are the defaults. Llama 3.2
    has `factor=32.0`.

    Args:
        rotary_dim: number of features that are rotated.
        base: the largest wavelength divided by two pi, before scaling.
        factor: ratio of the new context to the original.
        low_freq_factor: number of turns below which a frequency is divided by `factor`.
        high_freq_factor: number of turns above which a frequency stays.
        original_max_position_embeddings: length of the context before scaling.

    Returns:
        `rotary_dim // 2` numbers, for `RotaryEmbedding(frequencies=...)`.

    Raises:
        ValueError: an argument is out of range.

    Example:
    >>> import kerasx
    >>> from kerasx_transformer import llama3_frequencies
    >>> rotary = kerasx.layers.RotaryEmbedding(frequencies=llama3_frequencies(128))
    >>> layer = kerasx.layers.GroupedQueryAttention(128, 32, 8, use_bias=False, rotary=rotary)
    """
    name = "llama3_frequencies"
    frequencies = _checked_powers(name, rotary_dim, base)
    turns = _turns(name, frequencies, factor, original_max_position_embeddings)
    valid = 0 < low_freq_factor < high_freq_factor
    expected = f"above 0 and below high_freq_factor={high_freq_factor}"
    check_argument(name, "low_freq_factor", low_freq_factor, valid, expected)
    kept = _ramp(turns, low_freq_factor, high_freq_factor)
    return _as_tuple((1 - kept) * frequencies / factor + kept * frequencies)


def yarn_frequencies(
    rotary_dim: int,
    *,
    base: float = 10000.0,
    factor: float,
    original_max_position_embeddings: int,
    beta_fast: float = 32.0,
    beta_slow: float = 1.0,
    ramp: str = "pairs",
) -> tuple[float, ...]:
    """Frequencies of YaRN: "NTK-by-parts" interpolation, which divides the low ones by `factor`.

    A frequency `w` becomes `(1 - s) * w / factor + s * w`. Two definitions of `s` exist, which
    differ by up to 70 % of a frequency. Let `r = original_max_position_embeddings * w / (2 pi)` be
    the number of turns within the original context.

    - `ramp="pairs"`, as in the paper's code, in Transformers and in published models: `s` falls
      from 1 to 0 linearly in the number of the pair, between the pairs at which `r` is
      `beta_fast`, rounded down, and `beta_slow`, rounded up.
    - `ramp="turns"`, as in the text of the paper:
      `s = clip((r - beta_slow) / (beta_fast - beta_slow), 0, 1)`.

    YaRN also scales the scores: pass `attention_factor=yarn_attention_factor(factor)` to the layer.

    From: Peng et al. 2023, YaRN: Efficient Context Window Extension of Large Language Models,
    section 3.2.

    Args:
        rotary_dim: number of features that are rotated.
        base: the largest wavelength divided by two pi, before scaling.
        factor: ratio of the new context to the original.
        original_max_position_embeddings: length of the context before scaling.
        beta_fast: number of turns above which a frequency stays; `beta` in the paper.
        beta_slow: number of turns below which it is divided by `factor`; `alpha` in the paper.
        ramp: `"pairs"` for published models, or `"turns"` for the formula in the paper.

    Returns:
        `rotary_dim // 2` numbers, for `RotaryEmbedding(frequencies=...)`.

    Raises:
        ValueError: an argument is out of range.

    Example:
    >>> import kerasx
    >>> from kerasx_transformer import yarn_attention_factor, yarn_frequencies
    >>> rotary = kerasx.layers.RotaryEmbedding(
    ...     frequencies=yarn_frequencies(64, factor=4, original_max_position_embeddings=4096),
    ...     attention_factor=yarn_attention_factor(4),
    ... )
    >>> layer = kerasx.layers.MultiHeadAttention(8, 64, rotary=rotary)
    """
    name = "yarn_frequencies"
    frequencies = _checked_powers(name, rotary_dim, base)
    turns = _turns(name, frequencies, factor, original_max_position_embeddings)
    valid = 0 < beta_slow < beta_fast
    check_argument(name, "beta_slow", beta_slow, valid, f"above 0 and below beta_fast={beta_fast}")
    check_one_of(name, "ramp", ramp, ("pairs", "turns"))
    if ramp == "turns":
        kept = _ramp(turns, beta_slow, beta_fast)
    else:
        # The pair, a real number, of a frequency that makes this many turns.
        first, last = (
            rotary_dim
            * math.log(original_max_position_embeddings / (2 * math.pi * number))
            / (2 * math.log(base))
            for number in (beta_fast, beta_slow)
        )
        first, last = max(math.floor(first), 0), min(math.ceil(last), rotary_dim - 1)
        last = max(last, first + 0.001)  # or the ramp would have no length
        kept = 1 - _ramp(np.arange(rotary_dim // 2), first, last)
    return _as_tuple((1 - kept) * frequencies / factor + kept * frequencies)


def yarn_attention_factor(factor: float) -> float:
    """Factor of rotated queries and keys in YaRN: `0.1 * ln(factor) + 1`, and 1 up to `factor` 1.

    Their products, the scores, are multiplied by its square.

    From: Peng et al. 2023, YaRN: Efficient Context Window Extension of Large Language Models,
    section 3.4.

    Args:
        factor: ratio of the new context to the original.

    Raises:
        ValueError: `factor` is not positive.

    Example:
    >>> from kerasx_transformer import yarn_attention_factor
    >>> round(yarn_attention_factor(16), 4)
    1.2773
    """
    valid = is_number(factor) and factor > 0
    check_argument("yarn_attention_factor", "factor", factor, valid, "a number above 0")
    return 0.1 * math.log(max(factor, 1)) + 1


def powers_of_base(rotary_dim: int, base: float) -> np.ndarray:
    """Return `base ** (-2 * i / rotary_dim)` for each pair `i`, float64."""
    return float(base) ** (-np.arange(0, rotary_dim, 2) / rotary_dim)


def _checked_powers(owner: str, rotary_dim: int, base: float) -> np.ndarray:
    valid = is_integer(rotary_dim, 2) and rotary_dim % 2 == 0
    check_argument(owner, "rotary_dim", rotary_dim, valid, "an even integer from 2")
    check_argument(owner, "base", base, base > 1, "above 1")
    return powers_of_base(rotary_dim, base)


def _turns(owner: str, frequencies: np.ndarray, factor: float, context: int) -> np.ndarray:
    """Numbers of turns within the original context."""
    check_argument(owner, "factor", factor, factor >= 1, "at least 1")
    valid = is_integer(context, 1)
    check_argument(owner, "original_max_position_embeddings", context, valid, "a positive integer")
    return context * frequencies / (2 * np.pi)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rise linearly from 0 at `low` to 1 at `high`."""
    return np.clip((values - low) / (high - low), 0, 1)


def _as_tuple(frequencies: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, frequencies))
