"""Both ends of every link find the same link, within sight, on terminals that nothing else uses."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro.contacts import Interval
from icd.timebase import MissionTime, after
from node.apps.isl.frames import FrameDesk, Identity, Rejected
from node.apps.isl.handoff import Assignment, Pair, Rules, assignments, plan
from tests.unit.node.harness import EPOCH

pytestmark = pytest.mark.slow

NODES = ("a", "b", "c", "d", "e")
END = after(EPOCH, 20_000.0)


@st.composite
def skies(draw: st.DrawFn) -> dict[Pair, list[Interval]]:
    found: dict[Pair, list[Interval]] = {}
    nodes = NODES[: draw(st.integers(2, len(NODES)))]
    for pair in itertools.combinations(nodes, 2):
        edges = sorted(draw(st.lists(st.integers(-500, 24_000), max_size=8, unique=True)))
        spans = zip(edges[::2], edges[1::2], strict=False)
        found[pair] = [Interval(after(EPOCH, float(low)), after(EPOCH, float(high))) for low, high in spans]
    return found


rules = st.builds(
    Rules,
    terminals=st.integers(1, 4),
    lead_s=st.floats(1.0, 300.0),
    margin_s=st.floats(0.0, 30.0),
    hold_min_s=st.floats(1.0, 120.0),
    acquire_limit_s=st.just(100.0),
)


def mirrored(node: str, one: Assignment) -> tuple[str, Assignment]:
    other = Assignment(one.peer_terminal, node, one.terminal, one.acquire_at, one.hold_from, one.until)
    return one.peer, other


@pytest.mark.req("ISL-001")
@given(skies(), rules)
def test_the_two_ends_mirror_each_other(sights: dict[Pair, list[Interval]], given_rules: Rules) -> None:
    # Each node plans by itself, from its own copy, listed in another order.
    turned = dict(reversed([(pair, list(reversed(spans))) for pair, spans in sights.items()]))
    mine, theirs = plan(sights, EPOCH, END, given_rules), plan(turned, EPOCH, END, given_rules)

    assert mine.plan_hash == theirs.plan_hash
    for node in NODES:
        for one in assignments(mine, node):
            peer, other = mirrored(node, one)
            assert other in assignments(theirs, peer)


@pytest.mark.req("ISL-003")
@given(skies(), rules)
def test_links_lie_within_sight_and_no_terminal_is_used_twice(
    sights: dict[Pair, list[Interval]], given_rules: Rules
) -> None:
    made = plan(sights, EPOCH, END, given_rules)

    for link in made.links:
        spans = sights[link.a, link.b]
        assert any(span.start <= link.acquire_at and link.until <= span.end for span in spans), link
        assert link.acquire_at <= link.hold_from < link.until
    for node in NODES:
        for one, other in itertools.combinations(assignments(made, node), 2):
            apart = one.until <= other.acquire_at or other.until <= one.acquire_at
            assert apart or one.terminal != other.terminal
            assert apart or one.peer != other.peer
            assert one.terminal in range(given_rules.terminals)


@pytest.mark.req("ISL-004")
@given(skies(), rules, st.integers(1, 19_999))
def test_a_schedule_cut_in_two_carries_every_standing_link_over(
    sights: dict[Pair, list[Interval]], given_rules: Rules, cut_s: int
) -> None:
    cut: MissionTime = after(EPOCH, float(cut_s))
    whole = plan(sights, EPOCH, END, given_rules)
    first = plan(sights, EPOCH, cut, given_rules)
    second = plan(sights, cut, END, given_rules, first.carried())

    carried = [link for link in whole.links if link.acquire_at < cut < link.until]
    assert list(first.carried()) == carried
    assert list(second.links[: len(carried)]) == carried


@pytest.mark.req("ISL-011")
@given(st.binary(max_size=400))
def test_no_bytes_from_a_laser_raise_or_are_believed(payload: bytes) -> None:
    desk = FrameDesk(Identity("a", 1, b"k" * 32, 0))

    assert isinstance(desk.judge(payload, "b", EPOCH), Rejected)
