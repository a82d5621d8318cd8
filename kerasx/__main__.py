"""``python -m kerasx`` is the ``kerasx`` command, which starts faster under its own name."""

from kerasx_launcher import main

if __name__ == "__main__":
    main()
