"""How the contract exercises each contribution."""

from kerasx.testing import Case

CASES: list[Case] = []
