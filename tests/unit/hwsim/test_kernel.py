import pytest

from hwsim.errors import KernelStuckError
from hwsim.kernel import STALE_MAX, Driver, Kernel
from icd.timebase import MissionTime, after
from runtime.clock import ManualClock
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualLoop


@pytest.mark.req("HWS-001")
def test_a_slot_may_set_itself_again_while_it_fires() -> None:
    kernel = Kernel(MissionTime(0))
    seen: list[int] = []

    def tick() -> None:
        seen.append(kernel.now)
        slot.set(MissionTime(kernel.now + 10))

    slot = kernel.slot(tick)
    slot.set(MissionTime(5))
    kernel.advance_to(MissionTime(40))

    assert seen == [5, 15, 25, 35]
    assert kernel.now == 40


def test_an_instant_without_end_is_a_named_error() -> None:
    kernel = Kernel(MissionTime(0))
    slot = kernel.slot(lambda: slot.set(kernel.now))
    slot.set(MissionTime(1))

    with pytest.raises(KernelStuckError, match="10000 events"):
        kernel.advance_to(MissionTime(2))


def test_stale_predictions_do_not_pile_up() -> None:
    kernel = Kernel(MissionTime(0))
    slot = kernel.slot(lambda: None)

    for number in range(10 * STALE_MAX):
        slot.set(MissionTime(1_000_000 + number))

    assert len(kernel._heap) <= STALE_MAX + 2


def test_going_back_changes_nothing() -> None:
    kernel = Kernel(MissionTime(100))

    assert kernel.advance_to(MissionTime(50)) == 0
    assert kernel.now == 100


class _LoopClock:
    def __init__(self, loop: VirtualLoop, rate: float) -> None:
        self._loop, self.rate = loop, rate

    def now(self) -> MissionTime:
        return MissionTime(round(self._loop.time() * 1e9 * self.rate))


def test_the_driver_meets_each_event_on_a_virtual_loop() -> None:
    loop = VirtualLoop()
    clock = _LoopClock(loop, 60.0)
    kernel = Kernel(MissionTime(0))
    driver = Driver(kernel, clock, LoopTimers(clock, loop))
    seen: list[float] = []

    def tick() -> None:
        seen.append(kernel.now / 1e9)
        if len(seen) < 5:
            slot.set(after(kernel.now, 7.0))

    slot = kernel.slot(tick)
    slot.set(after(MissionTime(0), 7.0))
    driver.rearm()
    loop.call_later(1.0, loop.stop)
    loop.run_forever()
    loop.close()

    assert seen == pytest.approx([7.0, 14.0, 21.0, 28.0, 35.0])


def test_a_driver_that_is_stopped_moves_nothing() -> None:
    loop = VirtualLoop()
    kernel = Kernel(MissionTime(0))
    driver = Driver(kernel, ManualClock(MissionTime(0)), LoopTimers(ManualClock(MissionTime(0)), loop))
    seen: list[int] = []
    kernel.slot(lambda: seen.append(1)).set(MissionTime(10))
    driver.rearm()

    driver.stop()
    loop.call_later(1.0, loop.stop)
    loop.run_forever()
    loop.close()

    assert seen == []
