"""``python -m kerasx`` is the ``kerasx`` command."""

from kerasx.cli import main

main(prog_name="kerasx")
