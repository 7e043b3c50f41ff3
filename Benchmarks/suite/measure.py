# SPDX-License-Identifier: Apache-2.0
"""Interleaved measurements."""

import dataclasses
import statistics
import sys
import time

from .processes import Failure, start


@dataclasses.dataclass
class Track:
    """What one worker was seen to do."""

    seconds: list = dataclasses.field(default_factory=list)
    cpu: list = dataclasses.field(default_factory=list)  # seconds of processors; of several processes the first one's
    check: float = 0
    peak: float = 0  # KiB
    growth: float = 0  # KiB above what was resident before the first go
    faults: list = dataclasses.field(default_factory=list)  # minor page faults of each go
    failure: str = ""


def say(text):
    print(text, file=sys.stderr, flush=True)


# A case that takes longer than this ends after the third round that counts: the whole has to end in minutes.
PATIENCE = 90


def interleaved(workers, rounds, warm=1):
    """Long-lived workers, each given one go in turn; every round starts with another one. The first `warm` rounds are
    not counted. `workers` are by label `start`'s arguments, or why there is none. Returns a Track by label."""
    tracks = {label: Track() for label in workers}
    started = time.monotonic()
    alive = {}
    for label, arguments in workers.items():
        attempt(tracks, alive, label, lambda: open_worker(alive, tracks, label, arguments))
    for number in range(warm + rounds):
        if number >= warm + 3 and time.monotonic() - started > PATIENCE:
            say(f"    {number - warm} rounds are enough: this machine is slow or busy")
            break
        order = list(alive)
        order = order[number % len(order) :] + order[: number % len(order)] if order else []
        for label in order:
            attempt(tracks, alive, label, lambda: one_go(alive[label], tracks[label], number >= warm))
        latest = ", ".join(f"{label} {tracks[label].seconds[-1]:.3g} s" for label in alive if tracks[label].seconds)
        say(f"    round {number + 1} of {warm + rounds}: {latest or 'warming up'}")
    for label in list(alive):
        attempt(tracks, alive, label, lambda: close_worker(alive[label], tracks[label]))
    return tracks


def open_worker(alive, tracks, label, arguments):
    if isinstance(arguments, str):
        raise Failure(arguments)
    alive[label] = start(*arguments)
    tracks[label].growth = -alive[label].read()["rss_kib"]


def one_go(process, track, counts):
    before = process.faults()
    process.go()
    answer = process.read()
    if counts:
        track.seconds.append(answer["seconds"])
        track.cpu.append(answer["cpu"])
        track.faults.append(process.faults() - before)
    else:
        track.check = answer["check"]


def close_worker(process, track):
    track.peak = process.finish()
    track.growth += track.peak


def attempt(tracks, alive, label, body):
    try:
        body()
    except (Failure, OSError, ValueError, KeyError) as error:
        tracks[label].failure = f"{label}: {error}"
        say(f"    {label} failed: {error}")
        process = alive.pop(label, None)
        if process:
            process.abandon()


def fresh(workers, rounds, until):
    """A new process each time: seconds from asking for it until it is `ready`, or has done its first `go`."""
    tracks = {label: Track() for label in workers}
    for number in range(rounds + 1):  # the first brings the files into the page cache
        for label, arguments in workers.items():
            if tracks[label].failure:
                continue
            alive = {}
            attempt(tracks, alive, label, lambda: one_life(alive, tracks[label], label, arguments, until, number > 0))
        latest = ", ".join(f"{label} {track.seconds[-1]:.3g} s" for label, track in tracks.items() if track.seconds)
        say(f"    round {number + 1} of {rounds + 1}: {latest or 'warming up'}")
    return tracks


def one_life(alive, track, label, arguments, until, counts):
    process = alive[label] = start(*arguments)
    if until == "step":
        process.go()  # waits in the pipe
    process.read()
    if until == "step":
        track.check = process.read()["check"]
    seconds = process.seconds()
    track.peak = process.finish()
    if counts:
        track.seconds.append(seconds)


def quantile(values, part):
    values = sorted(values)
    place = part * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


def spread(values):
    """Median, and the quantiles between which four of five lie."""
    return statistics.median(values), quantile(values, 0.1), quantile(values, 0.9)
