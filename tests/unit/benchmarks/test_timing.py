"""How things are timed."""

import gc

from benchmarks import timing


def test_sides_run_by_turns_and_the_first_turn_is_not_counted() -> None:
    told: list[str] = []
    a, b = iter([100.0, 1.0, 2.0, 3.0]), iter([200.0, 30.0, 20.0, 10.0])

    def left() -> float:
        told.append("a")
        return next(a)

    def right() -> float:
        told.append("b")
        return next(b)

    assert timing.by_turns(3, left, right) == (2.0, 20.0)
    assert told == ["a", "b"] * 4


def test_garbage_is_not_collected_within_what_is_timed_and_is_again_after_it() -> None:
    seen: list[bool] = []

    wall_s = timing.wall_s(lambda: seen.append(gc.isenabled()), lambda: seen.append(gc.isenabled()))

    assert wall_s >= 0.0
    assert seen == [False, False]
    assert gc.isenabled()
