# SPDX-License-Identifier: Apache-2.0
"""What a side-by-side measurement is made of."""

import dataclasses


@dataclasses.dataclass
class Row:
    """One line of the result: ours / theirs of a quantity."""

    name: str
    theirs: str  # the worker compared with
    goal: float = None  # at most; of a rate at least
    quantity: str = "seconds"  # or "peak", "growth", "faults"; "rate" is theirs / ours of seconds, more is better
    ours: str = "ours"
    peer: str = ""  # in words


@dataclasses.dataclass
class Case:
    """Workers that take turns, and the rows that come of it. A worker is a tuple of `start`'s arguments, or the reason why
    there is none."""

    name: str
    workers: dict
    rows: list
    rounds: int
    fresh: str = ""  # "ready" or "step": new processes, timed from their start
    warm: int = 1  # rounds before those that count
    tolerance: float = 1e-3  # by which the workers' checks may differ, relative; None: not comparable
