"""The ``kerasx`` command, and everything in it that needs no Keras.

This package is beside ``kerasx`` because importing that imports Keras and a backend. Here are the
commands that only read catalogues and files; the others import `kerasx.commands` once they run.
"""


def main() -> None:
    """Run the command line."""
    # Imported here, because kerasx reads catalogues with this package and needs no command line.
    from kerasx_launcher.commands import commands

    commands(prog_name="kerasx")


__all__ = ["main"]
