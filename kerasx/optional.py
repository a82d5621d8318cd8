"""Parts of a plugin that need a package which is not installed."""

from __future__ import annotations

from typing import Any, NoReturn

from kerasx.errors import MissingPluginError


class Unavailable:
    """Takes the place of a contribution; made by `unavailable`."""

    def __init__(self, name: str, install: str):
        self.__name__ = name
        self.install = install

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise MissingPluginError(f"{self.__name__} {self.reason()}")

    def reason(self) -> str:
        """Return the rest of a sentence that begins with the name."""
        return f"needs a package that is not installed: {self.install}"


def unavailable(name: str, install: str) -> Any:
    """Return what takes the place of a contribution whose optional dependency is missing.

    List it in a hook like the contribution itself. ``kerasx.layers.Name`` and a saved model that
    has it then raise an error that says what to install.

    Args:
        name: the name of the contribution.
        install: the command that makes it available, such as ``pip install acme-layers[fft]``.

    Returns:
        An object of that name, which raises a `MissingPluginError` when it is called.

    Raises:
        MissingPluginError: (when called) the dependency is missing.

    Example:
    >>> import kerasx
    >>> try:
    ...     from acme_fft import FourierMixing
    ... except ImportError:
    ...     FourierMixing = kerasx.unavailable("FourierMixing", "pip install acme-layers[fft]")
    >>> FourierMixing(8)
    Traceback (most recent call last):
        ...
    kerasx.errors.MissingPluginError: FourierMixing needs a package that is not installed: pip
    install acme-layers[fft]
    """
    return Unavailable(name, install)
