"""``python -m kerasx`` is the ``kerasx`` command."""

from kerasx.commands import main

if __name__ == "__main__":
    main(prog_name="kerasx")
