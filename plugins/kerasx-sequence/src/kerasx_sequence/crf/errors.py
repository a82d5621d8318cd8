"""The reason for a NaN, found outside of compiled code, where values can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from kerasx_sequence.crf.chain import Potentials

Tensor = Any


def raise_reason(potentials: Potentials, tags: Tensor | None = None) -> None:
    """Raise ValueError if lengths, mask or tags are invalid or potentials forbid all paths."""
    potentials = Potentials(*map(_as_array, potentials))
    active = _active_steps(potentials.emissions.shape[:2], potentials.lengths, potentials.mask)
    if tags is not None:
        _check_tags(_as_array(tags), active, potentials.emissions.shape[-1])
    if not np.isnan(potentials.emissions).any() and not np.isnan(potentials.transitions).any():
        _check_paths(potentials, active)


def _as_array(tensor: Tensor | None) -> Any:
    return None if tensor is None else np.asarray(ops.convert_to_numpy(tensor))


def _active_steps(shape: tuple[int, int], lengths: Any, mask: Any) -> Any:
    """Return the steps that count, bool `(batch, time)`, or raise ValueError."""
    time = shape[1]
    active = np.ones(shape, bool) if mask is None else mask
    if lengths is not None:
        limit = (active.any(0) * np.arange(1, time + 1)).max()
        if (lengths < 0).any() or (lengths > limit).any():
            what = "the time axis of `emissions`" if mask is None else "the last step of `mask`"
            raise ValueError(
                f"lengths must be from 0 to {limit}, {what}; received {lengths[:20].tolist()}"
            )
        active = active & (np.arange(time) < lengths[:, None])
    with_holes = np.flatnonzero(_first_steps(active).sum(1) > 1)
    if with_holes.size:
        sequence = with_holes[0]
        raise ValueError(
            "mask must keep steps that are next to each other; received one with holes in "
            f"sequence {sequence}: {active[sequence].astype(int)[:40].tolist()}"
        )
    return active


def _first_steps(active: Any) -> Any:
    """Return the steps with none before them, bool `(batch, time)`."""
    return active & ~np.pad(active, ((0, 0), (1, 0)))[:, :-1]


def _check_tags(tags: Any, active: Any, units: int) -> None:
    out_of_range = active & ~((tags >= 0) & (tags < units))
    if out_of_range.any():
        raise ValueError(
            f"tags must be from 0 to {units - 1}, the last axis of `emissions`; received "
            f"{out_of_range.sum()} others, such as {tags[out_of_range][0]}"
        )


def _check_paths(potentials: Potentials, active: Any) -> None:
    """Follow the tags that some path can reach; raise ValueError for a sequence without a path."""
    emissions, transitions, _, _, start, end = potentials
    batch, time, units = emissions.shape
    first = _first_steps(active)[..., None]
    can_start = np.ones(units, bool) if start is None else start > -np.inf
    reached = np.ones((batch, units), bool)
    for t in range(time):
        arrived = np.where(first[:, t], can_start, reached @ (transitions > -np.inf))
        arrived = arrived & (emissions[:, t] > -np.inf)
        reached = np.where(active[:, t, None], arrived, reached)
    if end is not None:
        reached = reached & (end > -np.inf)
    without_path = np.flatnonzero(active.any(1) & ~reached.any(1))
    if without_path.size:
        sequence = without_path[0]
        raise ValueError(
            f"no path of tags is allowed for sequence {sequence}, of {active[sequence].sum()} "
            "steps: `transitions`, `start`, `end`, `emissions`, or the constraints forbid them all"
        )
