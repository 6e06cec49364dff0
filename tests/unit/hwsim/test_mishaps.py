"""What befalls a tracked link by chance."""

import statistics

import pytest

from hwsim.mishaps import Mishaps
from icd.timebase import MissionTime, after, seconds_between
from icd.vehicle import LasersProfile
from tests.unit.hwsim.bench import EPOCH, profile


def _mishaps(name: str, seed: int = 7, **changes: object) -> Mishaps:
    mishaps = Mishaps(LasersProfile.model_validate(profile().lasers.model_dump() | changes), seed, name)
    mishaps.begin(EPOCH)
    return mishaps


def _turns(mishaps: Mishaps, count: int) -> list[float]:
    """Return the spans between turns, s: until a fade, its length, until the next one and so on."""
    spans, before = [], EPOCH
    for _ in range(count):
        at = mishaps.turns_at
        assert at is not None
        assert mishaps.turn(at)
        spans.append(seconds_between(before, at))
        before = at
    return spans


@pytest.mark.req("HWS-021")
def test_fades_come_at_their_rate_and_last_their_mean() -> None:
    spans = _turns(_mishaps("a", fades_per_h=20.0, fade_s=0.7), 8_000)

    assert statistics.fmean(spans[0::2]) == pytest.approx(180.0, rel=0.05)
    assert statistics.fmean(spans[1::2]) == pytest.approx(0.7, rel=0.05)
    assert statistics.pstdev(spans[0::2]) == pytest.approx(180.0, rel=0.07)


@pytest.mark.req("HWS-021")
def test_losses_come_at_their_rate() -> None:
    lasers = LasersProfile.model_validate(profile().lasers.model_dump() | {"losses_per_h": 0.5})
    waits = []
    for number in range(3_000):
        mishaps = Mishaps(lasers, 7, f"link/{number}")
        mishaps.begin(EPOCH)
        loss_at = mishaps.loss_at
        assert loss_at is not None
        waits.append(seconds_between(EPOCH, loss_at))

    assert statistics.fmean(waits) == pytest.approx(7_200.0, rel=0.06)


@pytest.mark.req("HWS-011")
def test_the_same_link_meets_the_same_and_another_one_does_not() -> None:
    assert _turns(_mishaps("a"), 20) == _turns(_mishaps("a"), 20)
    assert _turns(_mishaps("a"), 20) != _turns(_mishaps("b"), 20)
    assert _turns(_mishaps("a"), 20) != _turns(_mishaps("a", seed=8), 20)


def test_terminals_without_mishaps_have_none() -> None:
    mishaps = _mishaps("a", fades_per_h=0.0, losses_per_h=0.0)

    assert mishaps.next_at() is None
    assert not mishaps.turn(after(EPOCH, 1e6))
    assert not mishaps.lost(after(EPOCH, 1e6))


def test_nothing_turns_before_its_time() -> None:
    mishaps = _mishaps("a")
    assert mishaps.turns_at is not None

    assert not mishaps.turn(MissionTime(mishaps.turns_at - 1))
    assert not mishaps.faded


@pytest.mark.req("HWS-010")
def test_what_comes_back_from_a_dump_goes_on_alike() -> None:
    one, other = _mishaps("a"), _mishaps("a")
    _turns(one, 5)

    other.restore(one.dump())

    assert (other.faded, other.turns) == (True, 5)
    assert [other.turns_at, other.loss_at] == [one.turns_at, one.loss_at]
    at = one.turns_at
    assert at is not None
    assert one.turn(at)
    assert other.turn(at)
    assert other.dump() == one.dump()


@pytest.mark.parametrize("spoil", ["loss_at", "turns_at", "turns"])
def test_a_dump_that_is_none_is_refused(spoil: str) -> None:
    mishaps = _mishaps("a")

    with pytest.raises(TypeError):
        mishaps.restore(mishaps.dump() | {spoil: "soon"})
