"""What may happen again and again is told at a bounded rate."""

from icd.timebase import after
from node.kernel.pace import KEYS_MAX, Allowance, Pace
from tests.unit.node.harness import EPOCH


def test_the_first_of_each_key_passes_and_then_one_an_interval() -> None:
    pace = Pace(60.0)

    assert [pace.allows(after(EPOCH, at_s), "a") for at_s in (0.0, 1.0, 59.0, 60.0, 61.0)] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert pace.allows(EPOCH, "b")


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    pace = Pace(60.0)
    pace.allows(after(EPOCH, 1000.0))

    assert pace.allows(EPOCH)


def test_only_so_many_keys_are_remembered() -> None:
    pace = Pace(60.0)

    for number in range(KEYS_MAX + 1):
        pace.allows(EPOCH, f"k{number}")

    assert pace.allows(EPOCH, "k0")
    assert not pace.allows(EPOCH, f"k{KEYS_MAX}")


def test_an_allowance_gives_a_burst_and_then_its_rate() -> None:
    allowance = Allowance(burst=3, refill_per_s=0.5)

    assert [allowance.spend(EPOCH) for _ in range(4)] == [True, True, True, False]
    assert not allowance.spend(after(EPOCH, 1.0))
    assert allowance.spend(after(EPOCH, 2.0))
    assert [allowance.spend(after(EPOCH, 1000.0)) for _ in range(4)] == [True, True, True, False]
