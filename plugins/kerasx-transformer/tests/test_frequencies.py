"""Frequencies of rotary positions against the formulas, one pair at a time."""

import math

import numpy as np
import pytest

from kerasx_transformer import (
    llama3_frequencies,
    rotary_frequencies,
    yarn_attention_factor,
    yarn_frequencies,
)


def test_those_of_roformer():
    expected = [500.0 ** (-2 * pair / 6) for pair in range(3)]
    np.testing.assert_allclose(rotary_frequencies(6, base=500.0), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "factor"),
    [({}, 8), ({"factor": 32.0}, 32), ({"factor": 8.0, "base": 10000.0}, 8)],
    ids=["Llama 3.1", "Llama 3.2", "another base"],
)
def test_those_of_llama_3(options, factor):
    """By wavelengths: below 8192 / 4 they stay, above 8192 / 1 they are stretched."""
    base = options.get("base", 500_000.0)
    expected = []
    for pair in range(64):
        frequency = base ** (-2 * pair / 128)
        wavelength = 2 * math.pi / frequency
        if wavelength < 8192 / 4:
            expected.append(frequency)
        elif wavelength > 8192:
            expected.append(frequency / factor)
        else:
            smooth = (8192 / wavelength - 1) / (4 - 1)
            expected.append((1 - smooth) * frequency / factor + smooth * frequency)
    actual = llama3_frequencies(128, **options)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    kinds = np.array(actual) * base ** (np.arange(64) / 64)
    assert (kinds > 1 - 1e-9).any()
    assert (kinds < 1 / factor + 1e-9).any()
    assert ((kinds > 1.01 / factor) & (kinds < 0.99)).any()


SIZES = [(128, 10000.0, 4.0, 4096), (64, 1e6, 2.0, 32768), (32, 10000.0, 16.0, 2048)]


@pytest.mark.parametrize(("size", "base", "factor", "context"), SIZES)
def test_those_of_the_paper_about_yarn(size, base, factor, context):
    """By ratios of the context to wavelengths, with alpha = 1 and beta = 32."""
    expected = []
    for pair in range(size // 2):
        frequency = base ** (-2 * pair / size)
        ratio = context / (2 * math.pi / frequency)
        gamma = 0 if ratio < 1 else 1 if ratio > 32 else (ratio - 1) / (32 - 1)
        expected.append((1 - gamma) * frequency / factor + gamma * frequency)
    actual = yarn_frequencies(
        size, base=base, factor=factor, original_max_position_embeddings=context, ramp="turns"
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize(("size", "base", "factor", "context"), SIZES)
def test_those_of_published_models_with_yarn(size, base, factor, context):
    """The ramp is linear in the pair, between the pairs that turn 32 times and once."""

    def pair_of(turns):  # context * base ** (-2 * pair / size) / (2 pi) = turns, for a real pair
        return size / 2 * math.log(context / (2 * math.pi * turns), base)

    low, high = math.floor(pair_of(32)), math.ceil(pair_of(1))
    assert 0 <= low < high < size
    expected = []
    for pair in range(size // 2):
        frequency = base ** (-2 * pair / size)
        interpolated = min(max((pair - low) / (high - low), 0), 1)
        expected.append(interpolated * frequency / factor + (1 - interpolated) * frequency)
    actual = yarn_frequencies(
        size, base=base, factor=factor, original_max_position_embeddings=context
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_the_attention_factor_of_yarn():
    """Its square is 1 / t, where sqrt(1 / t) = 0.1 ln(s) + 1."""
    assert yarn_attention_factor(8) == pytest.approx(0.1 * math.log(8) + 1)
    assert yarn_attention_factor(1) == 1
    assert yarn_attention_factor(0.5) == 1


YARN = {"factor": 2.0, "original_max_position_embeddings": 8}


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: rotary_frequencies(5), "rotary_dim must be an even integer from 2; received 5"),
        (lambda: rotary_frequencies(4, base=1.0), "base must be above 1; received 1.0"),
        (lambda: llama3_frequencies(4, factor=0.5), "factor must be at least 1; received 0.5"),
        (
            lambda: llama3_frequencies(4, low_freq_factor=4.0),
            "low_freq_factor must be above 0 and below high_freq_factor=4.0",
        ),
        (
            lambda: llama3_frequencies(4, original_max_position_embeddings=0.5),
            "original_max_position_embeddings must be a positive integer",
        ),
        (
            lambda: yarn_frequencies(4, beta_slow=40.0, **YARN),
            "beta_slow must be above 0 and below beta_fast=32.0",
        ),
        (
            lambda: yarn_frequencies(4, ramp="linear", **YARN),
            "ramp must be one of 'pairs', 'turns'",
        ),
        (lambda: yarn_attention_factor(0), "factor must be a number above 0; received 0"),
    ],
)
def test_errors_name_the_argument(run, message):
    with pytest.raises(ValueError, match=message):
        run()
