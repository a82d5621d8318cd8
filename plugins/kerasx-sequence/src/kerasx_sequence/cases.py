"""How the contract exercises each contribution."""

from __future__ import annotations

CASES: list = []
