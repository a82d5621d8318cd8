"""The ``kerasx`` command, and everything in it that needs no Keras.

It is a separate package because importing ``kerasx`` imports Keras and a backend. The commands that
only read catalogues and files are here; the others import `kerasx.commands` when they run.
"""


def main() -> None:
    """Run the command line."""
    # Imported here, because kerasx reads catalogues with this package and needs no command line.
    from kerasx_launcher.commands import commands

    commands(prog_name="kerasx")


__all__ = ["main"]
