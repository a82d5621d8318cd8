"""The choice of compiling a function: the backend's default, and `KERASX_COMPILE`."""

import keras
import pytest

from kerasx.compiler.choice import decide

XLA = keras.backend.backend() in ("tensorflow", "jax")


def test_the_backend_has_a_default(monkeypatch):
    monkeypatch.delenv("KERASX_COMPILE", raising=False)
    assert decide("k") == (XLA, f"the default on {keras.backend.backend()}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", False), ("1", True), ("k=0", False), ("1,k=0", False), ("0, k=1", True), ("j=0", XLA)],
)
def test_the_environment_overrides_it(value, expected, monkeypatch):
    monkeypatch.setenv("KERASX_COMPILE", value)
    compiles, why = decide("k")
    assert compiles == expected
    assert (f"KERASX_COMPILE={value}" in why) == (value != "j=0")


def test_a_malformed_value_raises(monkeypatch):
    monkeypatch.setenv("KERASX_COMPILE", "no")
    with pytest.raises(ValueError, match=r"KERASX_COMPILE must be 0, 1, or name=0.*received 'no'"):
        decide("k")
