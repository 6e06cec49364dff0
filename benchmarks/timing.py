"""How things are timed: two sides by turns, medians, so that a busy moment of the machine hits both or neither."""

import gc
import statistics
import time
from collections.abc import Callable

Timed = Callable[[], float]


def by_turns(rounds: int, *sides: Timed) -> tuple[float, ...]:
    """Return the median of what each side says of itself, in runs by turns; each runs once before, uncounted."""
    told: list[list[float]] = [[] for _ in sides]
    for turn in range(rounds + 1):
        for side, values in zip(sides, told, strict=True):
            value = side()
            if turn:
                values.append(value)
    return tuple(statistics.median(values) for values in told)


def wall_s(*works: Callable[[], object]) -> float:
    """Return the wall time that a piece of work takes, the mean of those given, with no garbage collected within them.

    Short work is given several times, so that what the other side left in the caches weighs little.
    """
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        begun = time.perf_counter()
        for work in works:
            work()
        return (time.perf_counter() - begun) / len(works)
    finally:
        if was_enabled:
            gc.enable()
