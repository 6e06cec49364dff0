"""Whatever terminals are told and whatever befalls them: both ends of a link agree at every instant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro.orbit import Ephemeris
from hwsim.kernel import Kernel
from hwsim.lasers import Lasers
from hwsim.units.laser_terminal import TerminalKey
from icd.hw import PatState
from icd.timebase import MissionTime, after
from icd.vehicle import LasersProfile
from tests.unit.hwsim.bench import EPOCH, NODES, fleet, profile

TERMINALS = 2
KEYS = tuple(TerminalKey(node, index) for node in NODES for index in range(TERMINALS))
RESTLESS = LasersProfile.model_validate(
    profile().lasers.model_dump()
    | {"terminals": TERMINALS, "fades_per_h": 60.0, "fade_s": 5.0, "losses_per_h": 6.0, "sun_exclusion_deg": 20.0}
)
ELEMENTS = fleet().elements

keys = st.sampled_from(KEYS)
meetings = st.tuples(st.just("meet"), keys, keys)
orders = st.one_of(
    meetings,
    meetings,
    meetings,
    st.tuples(st.just("stop"), keys),
    st.tuples(st.just("weaken"), keys, st.sampled_from((0.0, 3.0, 12.0, 60.0))),
    st.tuples(st.just("hold"), keys, st.booleans()),
    st.tuples(st.just("reset"), st.sampled_from(NODES)),
)
stories = st.lists(st.tuples(orders, st.floats(1.0, 900.0)), min_size=10, max_size=30)


class Sky:
    """Terminals with a kernel of their own, looked at after every event."""

    def __init__(self, seed: int) -> None:
        self.kernel = Kernel(EPOCH)
        ephemerides = {element.node: Ephemeris(element.line1, element.line2) for element in ELEMENTS}
        self.lasers = Lasers(self.kernel, RESTLESS, ephemerides, seed, lambda key: None, lambda: None)
        self.story: list[tuple[MissionTime, tuple[str, ...], tuple[float, ...]]] = []

    def do(self, order: tuple[object, ...], span_s: float) -> None:
        """Give an order, and let time pass."""
        match order:
            case ("meet", TerminalKey() as one, TerminalKey() as other) if one.node != other.node:
                self.lasers.point(one, other, "r")
                self.lasers.point(other, one, "r")
            case ("stop", TerminalKey() as key):
                self.lasers.stop(key)
            case ("weaken", TerminalKey() as key, float(loss_db)):
                self.lasers.weaken(key, loss_db)
            case ("hold", TerminalKey() as key, bool(stuck)):
                self.lasers.hold(key, stuck)
            case ("reset", str(node)):
                self.lasers.reset(node)
        self._look()
        self._fly(after(self.kernel.now, span_s))

    def _fly(self, end: MissionTime) -> None:
        while (due := self.kernel.next_event_at()) is not None and due <= end:
            self.kernel.advance_to(due)
            self._look()
        self.kernel.advance_to(end)

    def _look(self) -> None:
        terminals, locks = self.lasers.terminals, self.lasers.locks()
        tracking = {key for key, terminal in terminals.items() if terminal.state is PatState.TRACK}
        assert tracking == {key for lock in locks for key in (lock.a, lock.b)}
        for lock in locks:
            assert (terminals[lock.a].peer, terminals[lock.b].peer) == (lock.b, lock.a)
            assert terminals[lock.a].since == terminals[lock.b].since
            one, other = (terminals[key].truth(self.kernel.now) for key in (lock.a, lock.b))
            assert one.rate_bps == other.rate_bps == lock.rate_bps
            assert one.link is not None
            assert other.link is not None
            assert (one.link.range_km, one.link.margin_db) == (other.link.range_km, other.link.margin_db)
            assert one.link.faded == (lock.rate_bps == 0.0)
            assert one.link.range_km <= RESTLESS.range_km + 0.02
            assert one.link.margin_db >= RESTLESS.margin_db - 1e-4
        states = tuple(terminal.state.value for terminal in terminals.values())
        self.story.append((self.kernel.now, states, tuple(lock.rate_bps for lock in locks)))


@pytest.mark.slow
@pytest.mark.req("HWS-006")
@settings(max_examples=40)
@given(st.integers(0, 5), stories)
def test_both_ends_of_every_link_agree_at_every_event(seed: int, story: list[tuple[tuple[object, ...], float]]) -> None:
    sky = Sky(seed)

    for order, span_s in story:
        sky.do(order, span_s)  # looks at every event

    assert len(sky.story) >= len(story)


@pytest.mark.slow
@pytest.mark.req("HWS-011")
@settings(max_examples=10)
@given(st.integers(0, 5), stories)
def test_the_same_seed_and_orders_give_the_same_story(seed: int, story: list[tuple[tuple[object, ...], float]]) -> None:
    one, other = Sky(seed), Sky(seed)

    for order, span_s in story:
        one.do(order, span_s)
        other.do(order, span_s)

    assert one.story == other.story


@pytest.mark.slow
def test_a_busy_day_sees_locks_fades_losses_and_several_rates() -> None:
    """What the two tests above may draw does happen."""
    sky = Sky(3)
    for _ in range(150):
        for index, (one, other) in enumerate((("node-1", "node-3"), ("node-2", "node-4"))):
            sky.do(("meet", TerminalKey(one, index), TerminalKey(other, index)), 150.0)

    seen = {state for _, states, _ in sky.story for state in states}
    rates = {rate for _, _, rates in sky.story for rate in rates}
    assert seen == {"IDLE", "SLEW", "ACQUIRE", "TRACK", "LOST"}
    assert 0.0 in rates
    assert len(rates) >= 3
