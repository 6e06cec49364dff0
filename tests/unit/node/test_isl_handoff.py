"""The fleet's schedule, the almanac that chains it, and the tally of handoffs."""

import pytest

from astro.contacts import Interval
from icd.hw import PatState
from icd.timebase import MissionTime, after, seconds_between
from node.apps.isl.almanac import DAY_NS, Almanac
from node.apps.isl.handoff import Assignment, Rules, Sights, assignments, plan
from node.apps.isl.pat import PAT_TABLE, PatTrigger, steps
from node.apps.isl.tally import Handoff, Tally
from tests.unit.node.harness import EPOCH

RULES = Rules(terminals=2, lead_s=100.0, margin_s=10.0, hold_min_s=60.0, acquire_limit_s=60.0)
END = after(EPOCH, 10_000.0)


def span(start_s: float, end_s: float) -> Interval:
    return Interval(after(EPOCH, start_s), after(EPOCH, end_s))


def spans(one: Assignment) -> tuple[str, float, float]:
    return one.peer, seconds_between(EPOCH, one.acquire_at), seconds_between(EPOCH, one.until)


def of(node: str, sights: Sights, rules: Rules = RULES) -> list[tuple[str, float, float]]:
    return [spans(one) for one in assignments(plan(sights, EPOCH, END, rules), node)]


@pytest.mark.req("ISL-001")
def test_the_longest_remaining_contact_is_taken() -> None:
    sights = {("a", "b"): [span(0, 1_000)], ("a", "c"): [span(0, 2_000)]}

    assert of("a", sights) == [("c", 0.0, 1_990.0)]


@pytest.mark.req("ISL-001")
def test_equal_contacts_go_by_name() -> None:
    sights = {("a", "c"): [span(0, 1_000)], ("a", "b"): [span(0, 1_000)]}

    assert of("a", sights) == [("b", 0.0, 990.0)]


@pytest.mark.req("ISL-002")
def test_the_successor_is_acquired_on_the_reserve_before_the_loss() -> None:
    sights = {("a", "b"): [span(0, 1_000)], ("a", "c"): [span(500, 3_000)]}

    made = assignments(plan(sights, EPOCH, END, RULES), "a")

    assert [spans(one) for one in made] == [("b", 0.0, 990.0), ("c", 890.0, 2_990.0)]
    assert [one.terminal for one in made] == [0, 1]


@pytest.mark.req("ISL-002")
def test_one_terminal_alone_breaks_before_it_makes() -> None:
    sights = {("a", "b"): [span(0, 1_000)], ("a", "c"): [span(500, 3_000)]}
    alone = Rules(1, 100.0, 10.0, 60.0, 60.0)

    assert of("a", sights, alone) == [("b", 0.0, 990.0), ("c", 990.0, 2_990.0)]


@pytest.mark.req("ISL-002")
def test_more_terminals_hold_more_standing_links() -> None:
    sights = {("a", peer): [span(0, 5_000)] for peer in "bcd"}
    four = Rules(4, 100.0, 10.0, 60.0, 60.0)

    assert [peer for peer, _, _ in of("a", sights, four)] == ["b", "c", "d"]


@pytest.mark.req("ISL-003")
def test_a_sight_too_short_to_be_of_use_is_left() -> None:
    assert of("a", {("a", "b"): [span(0, 169)]}) == []
    assert of("a", {("a", "b"): [span(0, 171)]}) == [("b", 0.0, 161.0)]


@pytest.mark.req("ISL-004")
def test_a_day_begins_with_the_links_that_the_day_before_left() -> None:
    day_s = DAY_NS / 1e9

    def find(start: MissionTime, end: MissionTime) -> Sights:
        whole = {("a", "b"): [span(-9_999, 3 * day_s)], ("a", "c"): [span(day_s - 500, day_s + 9_000)]}
        return {
            pair: [Interval(max(s.start, start), min(s.end, end)) for s in them if s.end > start and s.start < end]
            for pair, them in whole.items()
        }

    almanac = Almanac(EPOCH, RULES, find)
    first = assignments(almanac.schedule(EPOCH), "a")
    second = assignments(almanac.schedule(after(EPOCH, day_s + 1)), "a")

    assert [one.peer for one in first] == ["b"]
    assert spans(second[0])[:2] == spans(first[0])[:2]
    assert second[0].until > first[0].until
    assert [one.peer for one in second] == ["b"]


@pytest.mark.req("ISL-004")
def test_a_rebooted_node_finds_the_schedule_of_one_that_never_stopped() -> None:
    def find(start: MissionTime, end: MissionTime) -> Sights:
        period = 5_400 * 10**9
        first = start // period - 1
        return {
            pair: [
                Interval(MissionTime(max(start, k * period + phase)), MissionTime(min(end, k * period + phase + width)))
                for k in range(first, end // period + 1)
                if k * period + phase + width > start and k * period + phase < end
            ]
            for pair, phase, width in ((("a", "b"), 0, 2_000 * 10**9), (("a", "c"), 10**12, 4_000 * 10**9))
        }

    running, rebooted = Almanac(EPOCH, RULES, find), Almanac(EPOCH, RULES, find)
    for day in range(4):
        running.schedule(after(EPOCH, day * 86_400.0))

    later = after(EPOCH, 3.5 * 86_400.0)
    assert rebooted.schedule(later) == running.schedule(later)


@pytest.mark.req("ISL-005")
def test_a_reading_that_is_several_states_ahead_walks_the_table() -> None:
    assert steps(PatState.IDLE, PatState.TRACK) == (PatTrigger.POINT, PatTrigger.AIMED, PatTrigger.LOCKED)
    for source in PatState:
        for target in PatState:
            state = source
            for trigger in steps(source, target):
                following = PAT_TABLE.target(state, trigger)
                assert following is not None
                state = following
            assert state is target


@pytest.mark.req("ISL-009")
def test_a_link_that_stood_before_the_old_one_ended_is_a_handoff_without_gap() -> None:
    tally = Tally(2)
    tally.up("b", (), EPOCH)

    assert tally.up("c", ("b",), EPOCH) is None
    assert tally.down("b", EPOCH) == Handoff("b", "c", 0.0)
    assert tally.count == 1


@pytest.mark.req("ISL-009")
def test_a_neighbour_found_after_a_loss_is_a_handoff_with_its_gap_and_the_same_neighbour_is_none() -> None:
    tally = Tally(2)
    tally.up("b", (), EPOCH)
    tally.down("b", EPOCH)

    assert tally.up("b", (), after(EPOCH, 5.0)) is None
    tally.down("b", after(EPOCH, 10.0))
    assert tally.up("c", (), after(EPOCH, 40.0)) == Handoff("b", "c", 30.0)
