"""Errors between texts: their numbers, rates and alignments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from kerasx_sequence.edit_distance import edit_cost, edit_distance
from kerasx_sequence.error_rates import error_rate, information_preserved, match_error_rate

Texts = str | Sequence[str]


class AlignedTokens(NamedTuple):
    """One step of an alignment.

    Attributes:
        operation: `"hit"`, `"substitution"`, `"deletion"` or `"insertion"`.
        truth: the true word or character; None for an insertion.
        hypothesis: the word or character of the hypothesis; None for a deletion.
    """

    operation: str
    truth: str | None
    hypothesis: str | None


class TextErrors(NamedTuple):
    """Errors between pairs of texts, from `word_errors` or `char_errors`.

    Attributes:
        hits: number of equal words (or characters).
        substitutions: number of true words that the hypothesis replaces by others.
        deletions: number of true words that the hypothesis leaves out.
        insertions: number of words that only the hypothesis has.
        alignments: for each pair, a list of `AlignedTokens`.

    Example:
    >>> from kerasx_sequence import word_errors
    >>> errors = word_errors(["a b c", "d"], ["a c", "d"])
    >>> errors.error_rate, errors.match_error_rate, errors.information_lost
    (0.25, 0.25, 0.25)
    """

    hits: int
    substitutions: int
    deletions: int
    insertions: int
    alignments: list[list[AlignedTokens]]

    @property
    def error_rate(self) -> float:
        """`(S + D + I) / (H + S + D)`, see `word_error_rate`."""
        errors = self.substitutions + self.deletions + self.insertions
        length = self.hits + self.substitutions + self.deletions
        return float(error_rate(errors, np.float64(length)))

    @property
    def match_error_rate(self) -> float:
        """`(S + D + I) / (H + S + D + I)`, see `kerasx.metrics.MatchErrorRate`."""
        return float(match_error_rate(np.array(self[:4], "float64")))

    @property
    def information_preserved(self) -> float:
        """See `kerasx.metrics.WordInformationPreserved`."""
        return float(information_preserved(np.array(self[:4], "float64")))

    @property
    def information_lost(self) -> float:
        """One minus `information_preserved`."""
        return 1 - self.information_preserved


def word_errors(truth: Texts, hypotheses: Texts) -> TextErrors:
    """Align the words of texts, and count hits, substitutions, deletions and insertions.

    Each alignment has the fewest errors, and of several such the most hits. Where there are
    several, jiwer takes any of them, so its numbers may differ; their sum does not. Time and memory
    of a pair grow with the product of its lengths. For rates of many texts `word_error_rate` is
    faster.

    Args:
        truth: texts, or one text.
        hypotheses: the same number of texts.

    Returns:
        `TextErrors`.

    Raises:
        ValueError: the numbers of texts differ, or a text is not a string.

    Example:
    >>> from kerasx_sequence import word_errors
    >>> errors = word_errors("the black cat sat", "the cat sat down")
    >>> errors.hits, errors.substitutions, errors.deletions, errors.insertions
    (3, 0, 1, 1)
    >>> errors.match_error_rate
    0.4
    >>> for step in errors.alignments[0][1:3]:
    ...     print(*step)
    deletion black None
    hit cat cat
    """
    return _count_errors("word_errors", truth, hypotheses, str.split)


def char_errors(truth: Texts, hypotheses: Texts) -> TextErrors:
    """Align the characters of texts; see `word_errors`.

    Args:
        truth: texts, or one text.
        hypotheses: the same number of texts.

    Returns:
        `TextErrors`.

    Raises:
        ValueError: the numbers of texts differ, or a text is not a string.

    Example:
    >>> from kerasx_sequence import char_errors
    >>> char_errors("kitten", "sitting")[:4]
    (4, 2, 0, 1)
    """
    return _count_errors("char_errors", truth, hypotheses, list)


def word_error_rate(truth: Texts, hypotheses: Texts) -> float:
    """Compute the word error rate of texts, whose words are separated by white space.

    It is the number of errors in all texts divided by the number of true words. An empty true text
    counts its insertions. If no text has a true word, the rate is the number of insertions, as in
    jiwer, where torchmetrics has infinity or NaN. `kerasx.metrics.WordErrorRate` is the same over
    batches.

    Args:
        truth: texts, or one text.
        hypotheses: the same number of texts.

    Returns:
        Edit distances of words divided by the number of true words.

    Raises:
        ValueError: the numbers of texts differ, or a text is not a string.

    Example:
    >>> from kerasx_sequence import word_error_rate
    >>> word_error_rate(["the cat sat", "on a mat"], ["the cat sat down", "on mat"]) == 2 / 6
    True
    >>> word_error_rate("the cat sat", "the cat") == 1 / 3
    True
    """
    return _error_rate("word_error_rate", truth, hypotheses, str.split)


def char_error_rate(truth: Texts, hypotheses: Texts) -> float:
    """Compute the character error rate of texts.

    Args:
        truth: texts, or one text.
        hypotheses: the same number of texts.

    Returns:
        Edit distances of characters divided by the number of true characters; the number of
        insertions if there are none.

    Raises:
        ValueError: the numbers of texts differ, or a text is not a string.

    Example:
    >>> from kerasx_sequence import char_error_rate
    >>> char_error_rate(["kitten", "cat"], ["sitting", "cat"]) == 3 / 9
    True
    """
    return _error_rate("char_error_rate", truth, hypotheses, list)


def _count_errors(
    owner: str, truth: Texts, hypotheses: Texts, split: Callable[[str], list[str]]
) -> TextErrors:
    pairs = zip(*_read_texts(owner, truth, hypotheses), strict=True)
    alignments = [align(split(text), split(other)) for text, other in pairs]
    operations = [step.operation for alignment in alignments for step in alignment]
    return TextErrors(
        hits=operations.count("hit"),
        substitutions=operations.count("substitution"),
        deletions=operations.count("deletion"),
        insertions=operations.count("insertion"),
        alignments=alignments,
    )


def align(truth: Sequence[str], hypothesis: Sequence[str]) -> list[AlignedTokens]:
    """Align two sequences of tokens with the fewest errors, and of these the most hits.

    Costs are those of `edit_counts`. A row of the table follows from the one above it: insertions,
    which lead from cell to cell, are a running minimum.
    """
    edit = edit_cost(len(truth), len(hypothesis))
    numbers = {token: number for number, token in enumerate({*truth, *hypothesis})}
    columns = np.array([numbers[token] for token in hypothesis], "int64")
    insertions = edit * np.arange(len(hypothesis) + 1)
    table = [insertions]
    for token in truth:
        above = table[-1]
        costs = above + edit
        diagonal = above[:-1] + np.where(columns == numbers[token], 0, edit + 1)
        costs[1:] = np.minimum(costs[1:], diagonal)
        table.append(np.minimum.accumulate(costs - insertions) + insertions)

    steps = []
    i, j = len(truth), len(hypothesis)
    while i or j:
        cost = table[i][j]
        is_hit = i > 0 and j > 0 and truth[i - 1] == hypothesis[j - 1]
        if i and j and cost == table[i - 1][j - 1] + (0 if is_hit else edit + 1):
            i, j, operation = i - 1, j - 1, "hit" if is_hit else "substitution"
            steps.append(AlignedTokens(operation, truth[i], hypothesis[j]))
        elif i and cost == table[i - 1][j] + edit:
            i -= 1
            steps.append(AlignedTokens("deletion", truth[i], None))
        else:
            j -= 1
            steps.append(AlignedTokens("insertion", None, hypothesis[j]))
    return steps[::-1]


def _read_texts(owner: str, truth: Texts, hypotheses: Texts) -> tuple[list[str], list[str]]:
    truth, hypotheses = (
        [texts] if isinstance(texts, str) else list(texts) for texts in (truth, hypotheses)
    )
    for name, texts in (("truth", truth), ("hypotheses", hypotheses)):
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{owner}: {name} must hold strings; received {texts!r:.80}")
    if len(truth) != len(hypotheses):
        raise ValueError(
            f"{owner}: truth and hypotheses must be equally many texts; received {len(truth)} and "
            f"{len(hypotheses)}"
        )
    return truth, hypotheses


def _error_rate(
    owner: str, truth: Texts, hypotheses: Texts, split: Callable[[str], list[str]]
) -> float:
    truth, hypotheses = _read_texts(owner, truth, hypotheses)
    numbers: dict[str, int] = {}
    true_tokens, true_mask = _number_tokens(truth, split, numbers)
    tokens, mask = _number_tokens(hypotheses, split, numbers)
    distances = edit_distance(true_tokens, tokens, truth_mask=true_mask, hypothesis_mask=mask)
    return float(error_rate(np.float64(ops.convert_to_numpy(distances).sum()), true_mask.sum()))


def _number_tokens(
    texts: Sequence[str], split: Callable[[str], list[str]], numbers: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of texts as padded rows of numbers, with a mask; extends `numbers`."""
    rows = [[numbers.setdefault(token, len(numbers)) for token in split(text)] for text in texts]
    tokens = np.zeros((len(rows), max([1, *map(len, rows)])), "int32")
    mask = np.zeros(tokens.shape, "bool")
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = row
        mask[index, : len(row)] = True
    return tokens, mask
