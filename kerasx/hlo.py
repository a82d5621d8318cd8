"""What a program of XLA costs, counted from the text of its optimised HLO.

XLA's own count takes the body of a loop once, so it understates a kernel that works in blocks. This
one multiplies by the number of turns, which XLA writes beside each loop where it knows it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

BITS = {"pred": 8, "bf16": 16, "f8e4m3fn": 8, "f8e5m2": 8, "c64": 64, "c128": 128, "token": 0}
# They move or make values and compute none.
FREE = frozenset(
    [
        *("after-all", "bitcast", "bitcast-convert", "broadcast", "concatenate", "constant"),
        *("convert", "copy", "copy-done", "copy-start", "dynamic-slice", "dynamic-update-slice"),
        *("gather", "get-tuple-element", "iota", "pad", "parameter", "reshape", "reverse"),
        *("rng-bit-generator", "slice", "sort", "transpose", "tuple"),
    ]
)
# They name values and move nothing.
NAMES = frozenset(["after-all", "bitcast", "constant", "get-tuple-element", "parameter", "tuple"])
_HEAD = re.compile(r"^(ENTRY )?%?([\w.-]+) .*\{$")
_LINE = re.compile(r"^\s+(ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\((.*)$")
_SHAPE = re.compile(r"(\w+)\[([\d,]*)\]")


@dataclass(frozen=True)
class Instruction:
    """One line of HLO."""

    name: str
    type: str
    operation: str
    operands: tuple[str, ...]
    rest: str
    is_root: bool

    @property
    def sizes(self) -> list[tuple[int, ...]]:
        found = [dims.split(",") for _, dims in _SHAPE.findall(self.type)]
        return [tuple(int(size) for size in dims if size) for dims in found]

    @property
    def elements(self) -> int:
        return sum(map(math.prod, self.sizes))

    @property
    def bytes(self) -> int:
        kinds = [kind for kind, _ in _SHAPE.findall(self.type)]
        bits = [BITS[kind] if kind in BITS else int(re.sub(r"\D", "", kind)) for kind in kinds]
        return sum(math.prod(dims) * each // 8 for dims, each in zip(self.sizes, bits, strict=True))

    def called(self, *attributes: str) -> list[str]:
        names: list[str] = []
        for attribute in attributes:
            found = re.search(rf"\b{attribute}=(\{{[^}}]*\}}|%?[\w.-]+)", self.rest)
            names += re.findall(r"[\w.-]+", found[1]) if found else []
        return names

    def axes(self, attribute: str) -> list[int]:
        found = re.search(rf"\b{attribute}=\{{([\d,]*)\}}", self.rest)
        return [int(axis) for axis in found[1].split(",") if axis] if found else []


class Program:
    """The computations of an HLO module."""

    def __init__(self, text: str):
        self.computations: dict[str, dict[str, Instruction]] = {}
        self.entry = ""
        current: dict[str, Instruction] = {}
        for line in re.sub(r"/\*.*?\*/", "", text).splitlines():
            if head := _HEAD.match(line):
                current = self.computations.setdefault(head[2], {})
                self.entry = head[2] if head[1] else self.entry
            elif found := _LINE.match(line):
                root, name, type_, operation, rest = found.groups()
                operands, rest = _split(rest)
                current[name] = Instruction(name, type_, operation, operands, rest, bool(root))

    def flops(self) -> int | None:
        """Operations on numbers: two per multiply-add of a product, one per element otherwise.

        None where it cannot be known: a loop without a known number of turns, a convolution, or a
        call of a library.
        """
        return self._total(self.entry, self._flops)

    def bytes(self) -> int | None:
        """Bytes that the operations read and write; a fusion counts as one operation.

        None where it cannot be known. Caches make the bytes that reach memory fewer.
        """
        return self._total(self.entry, self._bytes)

    def _total(self, name: str, cost: Callable[[Instruction, dict], int | None]) -> int | None:
        computation = self.computations[name]
        total = 0
        for each in computation.values():
            if each.operation == "while":
                turns = re.search(r'"known_trip_count":\{"n":"(\d+)"\}', each.rest)
                parts = [self._total(part, cost) for part in each.called("body", "condition")]
                if turns is None or None in parts:
                    return None
                total += int(turns[1]) * sum(parts)
            elif each.operation in ("call", "async-start"):
                parts = [self._total(part, cost) for part in each.called("to_apply", "calls")]
                if None in parts:
                    return None
                total += sum(parts)
            elif each.operation == "conditional":
                names = ("branch_computations", "true_computation", "false_computation")
                parts = [self._total(part, cost) for part in each.called(*names)]
                if None in parts:
                    return None
                total += max(parts)
            else:
                found = cost(each, computation)
                if found is None:
                    return None
                total += found
        return total

    def _flops(self, each: Instruction, computation: dict[str, Instruction]) -> int | None:
        if each.operation in FREE:
            return 0
        if each.operation in ("convolution", "custom-call"):
            return None
        if each.operation == "fusion":
            return sum_known(self._total(part, self._flops) for part in each.called("calls"))
        if each.operation == "dot":
            (left,) = computation[each.operands[0]].sizes
            summed = math.prod(left[axis] for axis in each.axes("lhs_contracting_dims"))
            return 2 * each.elements * summed
        if each.operation == "reduce":
            reduced = each.operands[: len(each.sizes)]
            return sum(computation[name].elements for name in reduced) - each.elements
        return each.elements

    def _bytes(self, each: Instruction, computation: dict[str, Instruction]) -> int | None:
        if each.operation in NAMES:
            return 0
        if each.operation == "custom-call":
            return None
        inside = each.called("calls") if each.operation == "fusion" else []
        if inside:
            return self._fused_bytes(each, self.computations[inside[0]], computation)
        operands = [computation[name].bytes for name in each.operands]
        if each.operation in ("dynamic-slice", "slice", "gather"):
            return 2 * each.bytes
        if each.operation == "dynamic-update-slice":
            return 2 * operands[1]
        return each.bytes + sum(operands)

    def _fused_bytes(
        self,
        fusion: Instruction,
        inside: dict[str, Instruction],
        computation: dict[str, Instruction],
    ) -> int:
        """A fusion reads only the slices that it takes, and writes only the one it updates."""
        total = fusion.bytes
        for each in inside.values():
            if each.operation == "dynamic-update-slice" and each.is_root:
                total = 2 * inside[each.operands[1]].bytes
            if each.operation != "parameter":
                continue
            users = [user for user in inside.values() if each.name in user.operands]
            if users and all(
                user.operation in ("dynamic-slice", "dynamic-update-slice")
                and user.operands[0] == each.name
                for user in users
            ):
                total += sum(user.bytes for user in users if user.operation == "dynamic-slice")
            else:
                total += each.bytes
        return total


def sum_known(parts: Iterable[int | None]) -> int | None:
    """The sum, or None if a part is not known."""
    parts = list(parts)
    return None if None in parts else sum(parts)


def _split(rest: str) -> tuple[tuple[str, ...], str]:
    """Names of the operands, and what follows their closing bracket."""
    depth = 1
    for place, letter in enumerate(rest):
        depth += (letter in "({[") - (letter in ")}]")
        if depth == 0:
            return tuple(re.findall(r"%([\w.-]+)", rest[:place])), rest[place + 1 :]
    return (), rest
