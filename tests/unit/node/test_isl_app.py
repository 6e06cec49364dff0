"""Isl apps under a common sky: acquisition, leases, handoffs, and frames that are not believed."""

import pytest

from astro.contacts import Interval
from icd.codec import encode
from icd.isl import IslMessage, LeaseOffer, seal
from icd.tc import PowerMode, SetIslEnabled
from icd.timebase import after
from icd.verification import Refusal, Stage
from node.apps.isl.frames import Condition, FrameDesk, Identity, Rejected
from node.apps.isl.handoff import Sights
from node.messages import (
    IslFrameReceived,
    IslLinkChanged,
    IslStatusChanged,
    IslTc,
    ModeReason,
    PowerModeChanged,
    TcAnswered,
)
from tests.unit.node.harness import EPOCH
from tests.unit.node.sky import KEY, Craft, Sky


def span(start_s: float, end_s: float) -> Interval:
    return Interval(after(EPOCH, start_s), after(EPOCH, end_s))


PAIR: Sights = {("a", "b"): [span(0, 2_000)]}
CHANGE: Sights = {("a", "b"): [span(0, 1_000)], ("a", "c"): [span(400, 3_000)]}


def pair(seconds: int = 60) -> tuple[Sky, Craft, Craft]:
    sky = Sky()
    a, b = sky.add("a", PAIR), sky.add("b", PAIR)
    sky.boot()
    sky.live(seconds)
    return sky, a, b


@pytest.mark.req("ISL-006")
def test_two_nodes_that_see_each_other_agree_on_a_lease_to_the_planned_end() -> None:
    _, a, b = pair()

    assert a.links() == [("b", True)]
    assert b.links() == [("a", True)]
    assert a.bench.said(IslLinkChanged)[0].until == after(EPOCH, 1_990.0)
    assert a.bench.event_ids() == ["ISL_ACQUIRING", "ISL_UP"]
    assert a.bench.said(IslStatusChanged)[-1].lasers == "0:TRACK:b:400000000000 1:IDLE::0"


@pytest.mark.req("ISL-006")
def test_a_link_ends_at_its_lease_on_both_sides_and_the_terminals_rest() -> None:
    sky, a, b = pair()

    sky.live(2_000)

    assert a.links() == [("b", True), ("b", False)]
    assert b.links() == [("a", True), ("a", False)]
    assert a.bench.said(IslStatusChanged)[-1].lasers == "0:IDLE::0 1:IDLE::0"


@pytest.mark.req("ISL-002")
def test_the_next_neighbour_is_acquired_before_the_present_one_is_lost() -> None:
    sky = Sky()
    crafts = {name: sky.add(name, CHANGE) for name in "abc"}
    sky.boot()

    sky.live(1_100)

    assert crafts["a"].links() == [("b", True), ("c", True), ("b", False)]
    assert crafts["a"].handoffs() == [("b", "c", 0.0)]
    assert crafts["a"].bench.said(IslStatusChanged)[-1].handoffs == 1


@pytest.mark.req("ISL-006")
def test_a_terminal_that_turns_from_one_peer_to_the_next_offers_nothing_before_it_has_found_it() -> None:
    turn: Sights = {("a", "b"): [span(0, 1_000)], ("a", "c"): [span(990, 3_000)]}
    sky = Sky()
    a, *_ = [sky.add(name, turn) for name in "abc"]
    sky.boot()

    sky.live(1_100)

    assert a.links() == [("b", True), ("b", False), ("c", True)]
    assert [aim.peer for aim in a.aims] == ["c", ""]
    assert a.refused == 0


@pytest.mark.req("ISL-007")
def test_an_acquisition_that_takes_too_long_is_tried_again_while_the_window_lasts() -> None:
    sky = Sky()
    a, b = sky.add("a", PAIR), sky.add("b", PAIR)
    b.blind = True
    sky.boot()

    sky.live(310)
    assert len(a.bench.events_of("ISL_ACQUIRE_FAILED")) == 1
    b.blind = False
    sky.live(60)

    assert a.links() == [("b", True)]


@pytest.mark.req("ISL-007")
def test_a_broken_lock_is_acquired_again() -> None:
    sky, a, b = pair()

    sky.release(a, 0)
    a.report(0)
    sky.live(120)

    assert a.links() == [("b", True), ("b", False), ("b", True)]
    assert b.links() == [("a", True), ("a", False), ("a", True)]
    assert a.handoffs() == []


@pytest.mark.req("ISL-008")
@pytest.mark.parametrize("mode", [PowerMode.SURVIVAL, PowerMode.SAFE])
def test_terminals_rest_while_power_is_short(mode: PowerMode) -> None:
    sky, a, b = pair()

    a.bench.say(PowerModeChanged(PowerMode.NOMINAL, mode, ModeReason.LOW_BATTERY))
    sky.live(30)

    assert a.links() == [("b", True), ("b", False)]
    assert b.links() == [("a", True), ("a", False)]
    a.bench.say(PowerModeChanged(mode, PowerMode.NOMINAL, ModeReason.SUN))
    sky.live(400)
    assert a.links()[-1] == ("b", True)


@pytest.mark.req("ISL-008")
def test_links_that_the_ground_forbids_stay_down_after_a_reset() -> None:
    sky, a, _ = pair()

    a.bench.say(IslTc("tc-1", SetIslEnabled(enabled=False)))
    a.app.recover()
    a.app.start()
    sky.live(60)

    assert a.links()[-1] == ("b", False)
    assert [said.stage for said in a.bench.said(TcAnswered)] == [Stage.STARTED, Stage.COMPLETED]


@pytest.mark.req("ISL-008")
def test_a_full_disk_refuses_to_change_the_setting() -> None:
    _, a, _ = pair()
    a.disk.full = True

    a.bench.say(IslTc("tc-1", SetIslEnabled(enabled=False)))

    assert a.bench.said(TcAnswered)[-1].reason is Refusal.STORAGE_FULL
    assert a.links() == [("b", True)]


@pytest.mark.req("ISL-010")
def test_ends_whose_plans_differ_say_so_and_hold_to_the_earlier_end() -> None:
    sky = Sky()
    a = sky.add("a", PAIR)
    b = sky.add("b", {("a", "b"): [span(0, 1_500)]})
    sky.boot()

    sky.live(60)
    assert a.bench.event_ids().count("ISL_PLAN_DIFFERS") == 1
    assert b.bench.event_ids().count("ISL_PLAN_DIFFERS") == 1
    assert a.bench.said(IslLinkChanged)[0].until == after(EPOCH, 1_490.0)
    sky.live(1_600)

    assert a.links() == [("b", True), ("b", False)]
    assert a.points == 1


@pytest.mark.req("ISL-006")
def test_a_lost_offer_is_made_again() -> None:
    sky = Sky()
    a = sky.add("a", PAIR)
    sky.add("b", PAIR)
    sky.boot()
    sky.live(50)
    sky._mail.clear()

    sky.live(15)

    assert a.links() == [("b", True)]


@pytest.mark.req("ISL-006")
def test_a_link_that_outlives_a_failure_of_the_app_is_leased_again_without_a_new_acquisition() -> None:
    sky, a, _ = pair()

    a.app.recover()
    a.app.start()
    sky.live(5)

    assert a.links() == [("b", True), ("b", True)]
    assert [aim.since_s for aim in a.aims] == [0, 0]


# --- frames ---


def desk(node: str = "b", boot: int = 1, key: bytes = KEY, epoch: int = 3) -> FrameDesk:
    return FrameDesk(Identity(node, boot, key, epoch))


OFFER = LeaseOffer(until=after(EPOCH, 900.0), plan_hash="0" * 16)


def why(judged: IslMessage | Rejected) -> str:
    assert isinstance(judged, Rejected), judged
    return judged.detail


@pytest.mark.req("ISL-011")
def test_an_honest_frame_is_believed_once() -> None:
    mine, frame = desk("a"), desk().seal("a", OFFER, EPOCH)

    first = mine.judge(frame, "b", EPOCH)

    assert isinstance(first, IslMessage)
    assert first.body == OFFER
    assert "does not grow" in why(mine.judge(frame, "b", EPOCH))


@pytest.mark.req("ISL-011")
def test_frames_that_are_forged_stale_misrouted_or_garbage_are_rejected_with_a_reason() -> None:
    mine = desk("a")

    assert "seal" in why(mine.judge(desk(key=b"x" * 32).seal("a", OFFER, EPOCH), "b", EPOCH))
    assert "epoch" in why(mine.judge(desk(epoch=4).seal("a", OFFER, EPOCH), "b", EPOCH))
    assert "for c" in why(mine.judge(desk().seal("c", OFFER, EPOCH), "b", EPOCH))
    assert "from b" in why(mine.judge(desk().seal("a", OFFER, EPOCH), "c", EPOCH))
    assert "no node" in why(mine.judge(desk().seal("a", OFFER, EPOCH), None, EPOCH))
    assert "61 s ago" in why(mine.judge(desk().seal("a", OFFER, EPOCH), "b", after(EPOCH, 61.0)))
    assert "-61 s ago" in why(mine.judge(desk().seal("a", OFFER, after(EPOCH, 61.0)), "b", EPOCH))
    assert "msgpack" in why(mine.judge(b"\xc1", "b", EPOCH))
    assert why(mine.judge(encode(seal(b"junk", KEY)), "b", EPOCH))


@pytest.mark.req("ISL-011")
def test_a_sender_that_rebooted_counts_anew_and_its_old_frames_do_not_come_back() -> None:
    mine = desk("a")
    old = desk(boot=1).seal("a", OFFER, EPOCH)

    assert isinstance(mine.judge(desk(boot=2).seal("a", OFFER, EPOCH), "b", EPOCH), IslMessage)
    assert "does not grow" in why(mine.judge(old, "b", EPOCH))


@pytest.mark.req("ISL-011")
def test_a_bad_frame_is_an_event_and_changes_nothing() -> None:
    sky, a, _ = pair()

    a.bench.say(IslFrameReceived(0, b"junk"), IslFrameReceived(9, b"junk"))
    sky.live(5)

    assert a.bench.event_ids().count("ISL_FRAME_REJECTED") == 2
    assert a.links() == [("b", True)]


@pytest.mark.req("ISL-012")
def test_neighbours_are_told_our_condition_every_minute() -> None:
    sky, a, b = pair()
    frames: list[IslFrameReceived] = []
    b.bench.bus.subscribe("spy", IslFrameReceived, frames.append)

    sky.live(300)

    assert len(frames) == 5
    assert b.bench.event_ids().count("ISL_FRAME_REJECTED") == 0
    assert Condition().body(EPOCH).mode == "SURVIVAL"
    assert a.links() == [("b", True)]
