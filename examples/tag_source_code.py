"""Train a tagger to mark the tokens of Python from characters alone, with a CRF and without.

    pip install ".[tensorflow,sequence]"
    python examples/tag_source_code.py

The labels come from the standard library's `tokenize`, applied to the standard library's own files.
In two minutes on two CPU cores the same small recurrent network is trained twice, once with a
softmax per character and once with a CRF over all of them. `EntityF1` compares them on unseen
files: a token counts if it is found from its first to its last character. At the end the CRF
colours a file.
"""

import argparse
import io
import keyword
import sysconfig
import time
import tokenize
import zlib
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.text import Text

import kerasx
from kerasx_sequence import iob2_constraints

COLOURS = {
    "keyword": "bold magenta",
    "name": "default",
    "string": "green",
    "number": "cyan",
    "comment": "bright_black italic",
    "operator": "yellow",
}
LABELS = ["O", *(f"{prefix}-{kind}" for kind in COLOURS for prefix in "BI")]
LENGTH = 128  # characters per sequence
CHARACTERS = 128  # ASCII; all others become 127
LEFT_OUT = {"site-packages", "test", "tests", "idle_test"}


def kind_of(token: tokenize.TokenInfo) -> str | None:
    """Return the kind of a token, or None for white space, which is not marked."""
    if token.type == tokenize.NAME:
        return "keyword" if keyword.iskeyword(token.string) else "name"
    name = tokenize.tok_name[token.type]
    if "STRING" in name:  # since Python 3.12, also the parts of f-strings
        return "string"
    return {"NUMBER": "number", "COMMENT": "comment", "OP": "operator"}.get(name)


def tags_of(text: str) -> np.ndarray:
    """Return the tag of each character."""
    tags = np.zeros(len(text), "int32")
    starts = np.cumsum([0, *(len(line) for line in io.StringIO(text))])
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = kind_of(token)
        if kind and token.string:
            first, last = (starts[row - 1] + column for row, column in (token.start, token.end))
            tags[first] = LABELS.index(f"B-{kind}")
            tags[first + 1 : last] = LABELS.index(f"I-{kind}")
    return tags


def read_files(source: Path, held_out: bool) -> dict[str, str]:
    """Return the texts of one in five files below a directory, or of one in twenty others.

    The checksum of a file's name decides, so that the split is the same on every machine.
    """
    texts = {}
    for file in sorted(source.rglob("*.py")):
        name = file.relative_to(source)
        share = zlib.crc32(name.as_posix().encode()) % 20
        if (share == 0 if held_out else 1 <= share <= 4) and not LEFT_OUT & set(name.parts):
            with tokenize.open(file) as opened:
                texts[name.as_posix()] = opened.read()
    return texts


def windows(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return characters and tags in rows of `LENGTH`, padded with 0 and "O".

    A token that is cut at the end of a row starts again in the next.
    """
    missing = -len(text) % LENGTH
    characters = np.frombuffer(text.encode("utf-32-le"), "uint32")
    characters = np.pad(np.clip(characters, 1, CHARACTERS - 1), (0, missing))
    tags = np.pad(tags_of(text), (0, missing)).reshape(-1, LENGTH)
    inside = (tags[:, 0] > 0) & (tags[:, 0] % 2 == 0)
    tags[inside, 0] -= 1
    return characters.reshape(-1, LENGTH).astype("int32"), tags


def all_windows(texts: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows of several texts."""
    rows = [windows(text) for text in texts.values() if text]
    return tuple(np.concatenate(arrays) for arrays in zip(*rows, strict=True))


def tagger(units: int, crf: bool) -> keras.Model:
    """Return an embedding, a bidirectional RNN, and a CRF or a softmax for each character."""
    keras.utils.set_random_seed(0)
    characters = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(CHARACTERS, 32, mask_zero=True)(characters)
    x = keras.layers.Bidirectional(keras.layers.GRU(units, return_sequences=True))(x)
    if crf:
        constraints = iob2_constraints(LABELS)
        model = keras.Model(characters, kerasx.layers.CRF(len(LABELS), constraints=constraints)(x))
        loss, metric = kerasx.losses.CRFLoss(), kerasx.metrics.TagAccuracy(name="accuracy")
    else:
        model = keras.Model(characters, keras.layers.Dense(len(LABELS))(x))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        metric = "accuracy"
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=[metric])
    return model


class Budget(keras.callbacks.Callback):
    """Ends training on time, with a learning rate that falls to zero by then."""

    def __init__(self, seconds: float, steps: int | None):
        super().__init__()
        self.seconds, self.steps = seconds, steps

    def on_train_begin(self, logs=None):
        self.step, self.rate = 0, float(self.model.optimizer.learning_rate)

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self.step == 1:  # compilation does not count
            self.begin = time.monotonic()
        spent = (time.monotonic() - self.begin) / self.seconds
        spent = max(spent, self.step / self.steps if self.steps else 0)
        self.model.optimizer.learning_rate = self.rate * max(0.0, 1 - spent)
        self.model.stop_training = spent >= 1


def decoded(model: keras.Model, characters: np.ndarray) -> np.ndarray:
    """Return the tags of the CRF, or the most likely tag of each character."""
    outputs = model.predict(characters, batch_size=256, verbose=0)
    return outputs if outputs.ndim == 2 else outputs.argmax(-1)


def score(tags: np.ndarray, predicted: np.ndarray, is_text: np.ndarray) -> float:
    """Return the F1 of tokens, each of which must be right from first to last character."""
    metric = kerasx.metrics.EntityF1(LABELS)
    metric.update_state(tags, np.where(is_text, predicted, 0))
    return float(metric.result())


def coloured(text: str, tags: np.ndarray) -> Text:
    """Colour a text for the terminal."""
    result = Text()
    for character, tag in zip(text, tags, strict=False):
        result.append(character, COLOURS.get(LABELS[tag][2:], "default"))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    library = Path(sysconfig.get_path("stdlib"))
    parser.add_argument("--source", type=Path, default=library, help="directory of Python files")
    parser.add_argument("--seconds", type=float, default=45, help="time to train each tagger")
    parser.add_argument("--steps", type=int, help="maximum number of training steps")
    parser.add_argument("--units", type=int, default=32, help="units of the recurrent network")
    options = parser.parse_args()

    train, held_out = (read_files(options.source, held_out) for held_out in (False, True))
    if not train or not held_out:
        parser.error(f"--source has too few Python files to learn from: {options.source}")
    console = Console()
    characters, tags = all_windows(train)
    unseen, truth = all_windows(held_out)
    sample = np.random.default_rng(0).permutation(len(unseen))[:1000]
    unseen, truth = unseen[sample], truth[sample]
    console.print(f"{characters.size:,} characters for training; {unseen.size:,} held out")

    for crf in (False, True):
        model = tagger(options.units, crf)
        budget = Budget(options.seconds, options.steps)
        model.fit(characters, tags, batch_size=32, callbacks=[budget], verbose=0)
        f1 = score(truth, decoded(model, unseen), unseen > 0)
        name = "with the CRF" if crf else "without a CRF"
        console.print(f"EntityF1 {name:>13}: {f1:.3f} after {budget.step:,} steps")

    name, text = min(held_out.items(), key=lambda item: abs(len(item[1]) - 2000))
    console.rule(name)
    console.print(coloured(text, decoded(model, windows(text)[0]).ravel()))


if __name__ == "__main__":
    main()
