"""``kerasx demo``: a digit classifier from training to a saved model, with kerasx's metrics.

The images are real ones that ship with scikit-learn, so nothing is downloaded.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import keras
import numpy as np
from rich.console import Console
from rich.table import Table

import kerasx

NEEDS = {"kerasx_metrics": "kerasx-metrics", "matplotlib": "matplotlib", "sklearn": "scikit-learn"}
TOLERANCE = 1e-6
NUM_CLASSES = 10

# What a user would write to get a saved model back; runs in a process of its own.
RELOAD = """\
import sys
import keras
import kerasx
import numpy as np

model_file, images_file, predictions_file = sys.argv[1:]
model = keras.models.load_model(model_file)
np.save(predictions_file, model.predict(np.load(images_file), verbose=0))
"""


def load_images(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training images, held-out images, training labels and held-out labels.

    Images are float32 of shape ``(n, 8, 8, 1)`` between 0 and 1, labels integers from 0 to 9.
    A fifth of the 1,797 images is held out, with all digits in the same proportions.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images[..., None] / 16).astype("float32")
    return train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=seed
    )


def build_model() -> keras.Model:
    """Return the convolutional network of Keras's first tutorial, compiled with our metrics."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(NUM_CLASSES, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.003),
        loss="sparse_categorical_crossentropy",
        metrics=[
            kerasx.metrics.Precision(average="macro"),
            kerasx.metrics.Recall(average="macro"),
            kerasx.metrics.F1Score(average="macro"),
        ],
    )
    return model


def report(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, list[float]]:
    """Return precision, recall, F1 and number of images, per digit and averaged over digits."""
    metric = kerasx.metrics.ClassificationReport(name="digit")
    metric.update_state(labels, probabilities)
    result = {key: keras.ops.convert_to_numpy(value) for key, value in metric.result().items()}
    scores = ("precision", "recall", "f1_score")
    support = result["digit_support"]
    rows = {
        str(digit): [*(result[f"digit_{score}"][digit] for score in scores), support[digit]]
        for digit in range(NUM_CLASSES)
    }
    for average in ("macro", "weighted"):
        values = [result[f"digit_{average}_{score}"] for score in scores]
        rows[f"{average} avg"] = [*values, support.sum()]
    return rows


def sklearn_report(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, list[float]]:
    """Return what ``report`` returns, as scikit-learn computes it."""
    from sklearn.metrics import classification_report

    result = classification_report(
        labels, probabilities.argmax(axis=-1), output_dict=True, zero_division=0
    )
    return {name: list(row.values()) for name, row in result.items() if name != "accuracy"}


def report_table(rows: dict[str, list[float]]) -> Table:
    """Return the report for a terminal."""
    table = Table()
    for heading in ("digit", "precision", "recall", "F1", "images"):
        table.add_column(heading, justify="right")
    for name, (*scores, support) in rows.items():
        cells = [*(f"{score:.4f}" for score in scores), f"{support:.0f}"]
        table.add_row(name, *cells, end_section=name == str(NUM_CLASSES - 1))
    return table


def predict_in_new_process(model_file: Path, images: np.ndarray) -> np.ndarray:
    """Return the predictions of a saved model, loaded by a fresh Python."""
    with tempfile.TemporaryDirectory() as directory:
        images_file = Path(directory, "images.npy")
        predictions_file = Path(directory, "predictions.npy")
        np.save(images_file, images)
        command = [sys.executable, "-c", RELOAD, model_file, images_file, predictions_file]
        subprocess.run(command, check=True)
        return np.load(predictions_file)


def save_confusion_matrix(
    labels: np.ndarray, probabilities: np.ndarray, picture_file: Path
) -> None:
    """Draw the confusion matrix into a PNG file."""
    import matplotlib

    matplotlib.use("Agg")  # a file, never a window
    matrix = kerasx.metrics.ConfusionMatrix(num_classes=NUM_CLASSES)
    matrix.update_state(labels, probabilities)
    axes = matrix.plot()
    axes.set_title("Handwritten digits, held-out images")
    axes.figure.savefig(picture_file, dpi=150, bbox_inches="tight")


def next_steps(model_file: Path) -> list[str]:
    """Return the three closing lines, with commands that work in the caller's shell."""
    python = Path(sys.executable)
    command = python.with_name("kerasx")
    if shutil.which("kerasx") == str(command):
        python, command = Path("python"), Path("kerasx")
    elif python.is_relative_to(Path.cwd()):
        python, command = python.relative_to(Path.cwd()), command.relative_to(Path.cwd())
    load = f"import kerasx, keras; keras.models.load_model({str(model_file)!r}).summary()"
    return [
        f"See what is installed:    {command} list",
        f"Read about one metric:    {command} info F1Score",
        f'Load the saved model:     {python} -c "{load}"',
    ]


@click.command()
@click.option("--epochs", default=15, show_default=True, help="Passes over the training images.")
@click.option("--seed", default=0, show_default=True, help="Fixes the split and the first weights.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default="kerasx-demo",
    show_default=True,
    help="Directory for the model and the picture.",
)
def demo(epochs: int, seed: int, output: Path) -> None:
    """Train, evaluate, save and reload a small network on handwritten digits."""
    missing = [package for name, package in NEEDS.items() if not importlib.util.find_spec(name)]
    if missing:
        raise click.ClickException(
            f"The demo needs {' and '.join(missing)}. "
            'Install what is missing: pip install "kerasx[demo]" (in a clone: ".[demo]")'
        )
    console = Console(highlight=False, soft_wrap=True)
    keras.utils.set_random_seed(seed)

    train_images, images, train_labels, labels = load_images(seed)
    console.print(
        f"[bold]Training[/] on {len(train_images)} handwritten digits of 8 x 8 pixels, "
        f"Keras {keras.version()} with {keras.backend.backend()}"
    )
    model = build_model()
    # Keras's bar moves in a terminal; in a file, one line per epoch reads better.
    verbose = 1 if sys.stdout.isatty() else 2
    model.fit(train_images, train_labels, batch_size=32, epochs=epochs, verbose=verbose)

    console.print(f"\n[bold]Evaluating[/] on {len(images)} digits that training has not seen")
    model.evaluate(images, labels, verbose=verbose)
    probabilities = model.predict(images, verbose=0)
    rows, expected = report(labels, probabilities), sklearn_report(labels, probabilities)
    console.print(report_table(rows))
    difference = max(np.abs(np.subtract(rows[name], expected[name])).max() for name in rows)
    if difference > TOLERANCE:
        raise click.ClickException(f"scikit-learn's report differs by {difference:.0e}.")
    console.print(f"scikit-learn's report is the same (largest difference {difference:.0e}).")

    output.mkdir(parents=True, exist_ok=True)
    model_file = output / "digits.keras"
    model.save(model_file)
    console.print(f"\n[bold]Saved[/] {model_file}")
    if not np.array_equal(predict_in_new_process(model_file, images), probabilities):
        raise click.ClickException("The reloaded model predicts something else.")
    console.print(f"Reloaded in a new process: all {len(images)} predictions are identical.")
    picture_file = output / "confusion_matrix.png"
    save_confusion_matrix(labels, probabilities, picture_file)
    console.print(f"Drew {picture_file}")

    console.print("\n[bold]What to try next[/]")
    for line in next_steps(model_file):
        console.print(line, markup=False)
