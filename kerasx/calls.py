"""Calls as text, and the error for a wrong call."""

from __future__ import annotations

import inspect


def call_text(owner: str, signature: inspect.Signature) -> str:
    """Return a call as users write it, such as `CRF(units, **kwargs)`, without annotations."""
    parameters = signature.parameters.values()
    bare = [parameter.replace(annotation=parameter.empty) for parameter in parameters]
    return f"{owner}{inspect.Signature(bare)}"


def wrong_call(owner: str, signature: inspect.Signature, error: TypeError) -> TypeError:
    """Return an error that explains a wrong call: it names the owner and shows the right call."""
    return TypeError(f"{owner}: {error}; the call is {call_text(owner, signature)}")
