"""Classify handwritten digits: train, evaluate, save and reload a small network.

    pip install ".[tensorflow,demo]"
    python examples/digits.py

The images ship with scikit-learn, so nothing is downloaded. The report of kerasx's metrics is
compared with scikit-learn's, and a new process reloads the saved model and repeats its predictions.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

import kerasx

NUM_CLASSES = 10

# A user would write this to load a saved model; it runs in a process of its own.
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

    Images are float32 of shape `(n, 8, 8, 1)` between 0 and 1, labels integers from 0 to 9. A fifth
    of the 1,797 images is held out, with the same proportions of digits.
    """
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


def predict_in_new_process(model_file: Path, images: np.ndarray) -> np.ndarray:
    """Return the predictions of a saved model that a new Python process loads."""
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
    matplotlib.use("Agg")  # draw into a file; open no window
    matrix = kerasx.metrics.ConfusionMatrix(num_classes=NUM_CLASSES)
    matrix.update_state(labels, probabilities)
    axes = matrix.plot()
    axes.set_title("Handwritten digits, held-out images")
    axes.figure.savefig(picture_file, dpi=150, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the split and the first weights")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("kerasx-demo"),
        help="directory for the model and the picture (default: %(default)s)",
    )
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)

    train_images, images, train_labels, labels = load_images(options.seed)
    print(
        f"Training on {len(train_images)} handwritten digits of 8 x 8 pixels, "
        f"Keras {keras.version()} with {keras.backend.backend()}"
    )
    model = build_model()
    # Keras's progress bar suits a terminal; in a log file, one line per epoch reads better.
    verbose = 1 if sys.stdout.isatty() else 2
    model.fit(train_images, train_labels, batch_size=32, epochs=options.epochs, verbose=verbose)

    print(f"\nEvaluating on {len(images)} digits that training has not seen")
    model.evaluate(images, labels, verbose=verbose)
    probabilities = model.predict(images, verbose=0)
    report = kerasx.metrics.classification_report(labels, probabilities).table(digits=4)
    print(report)
    if report != classification_report(labels, probabilities.argmax(-1), digits=4).rstrip("\n"):
        sys.exit("scikit-learn's report differs.")
    print("scikit-learn's report is the same.")

    options.output.mkdir(parents=True, exist_ok=True)
    model_file = options.output / "digits.keras"
    model.save(model_file)
    print(f"\nSaved {model_file}", flush=True)
    if not np.array_equal(predict_in_new_process(model_file, images), probabilities):
        sys.exit("The reloaded model makes different predictions.")
    print(f"Reloaded in a new process: all {len(images)} predictions are identical.")
    picture_file = options.output / "confusion_matrix.png"
    save_confusion_matrix(labels, probabilities, picture_file)
    print(f"Drew {picture_file}")
    print(f"\nTo see what a saved model needs: kerasx inspect {model_file}")


if __name__ == "__main__":
    main()
