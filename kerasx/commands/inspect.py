"""``kerasx inspect``: show what is in a saved model."""

import click

from kerasx.errors import SavedModelError
from kerasx.saving import SavedObject, inspect_model
from kerasx_launcher.table import print_table


def show_saved_model(path: str) -> None:
    """Print the objects of a saved model; exit with 1 if one is missing or holds code.

    Args:
        path: a ``.keras`` file.

    Raises:
        click.ClickException: the file was rejected.
    """
    try:
        saved = inspect_model(path)
    except SavedModelError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"saved with Keras {saved.keras_version}\n")
    rows = [
        (
            each.kind,
            each.name,
            each.type,
            _provider(each),
        )
        for each in saved.objects
        if each.kind in ("model", "layer", "loss", "metric") or each.provider != "keras"
    ]
    print_table(["kind", "name", "class", "provided by"], rows)
    problems = dict.fromkeys(each.problem for each in saved.objects if each.is_refused)
    for sentence in [*problems, *saved.newer]:
        click.echo(f"\n{sentence}")
    if problems:
        raise SystemExit(1)


def _provider(saved_object: SavedObject) -> str:
    if saved_object.code:
        return "code"
    if saved_object.problem and saved_object.inside:
        return f"read by {saved_object.inside}"
    return f"{saved_object.provider} {saved_object.version}".strip() or "missing"
