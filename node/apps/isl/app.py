"""Owns the laser terminals: follows the schedule, agrees on leases with neighbours, tells others which links stand."""

import logging
from typing import assert_never

from icd.hw import PatState, Quality
from icd.isl import LeaseAccept, LeaseOffer, PeerStatus
from icd.tc import PowerMode
from icd.timebase import MissionTime, after, seconds_between, to_iso
from icd.verification import Refusal, Stage
from node.apps.isl.almanac import Almanac
from node.apps.isl.frames import Condition, FrameDesk, Identity, Rejected
from node.apps.isl.handoff import Assignment, assignments
from node.apps.isl.pat import LeaseTrigger
from node.apps.isl.post import Due, Post, same
from node.apps.isl.tally import Handoff, Tally
from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.errors import StorageError
from node.messages import (
    GnssUpdated,
    IslFrameReceived,
    IslLinkChanged,
    IslPortChanged,
    IslStatusChanged,
    IslTc,
    PowerBudgetChanged,
    PowerModeChanged,
    QueueChanged,
    TcAnswered,
    TerminalUpdated,
)
from node.ports.devices import LaserTerminals
from node.ports.isl import IslPorts
from node.ports.store import SettingStore

ISL_ENABLED = "isl.enabled"  # "no" when the ground forbids links
STATUS_S = 60.0  # mission time between two words on our condition to a neighbour
OFFER_AGAIN_S = 10.0  # mission time before an unanswered offer is made again
POINT_AGAIN_S = 10.0  # mission time between the loss of a peer and the next try
SLEW_ROOM_S = 200.0  # mission time for the slower end to turn half round, and some, before the limit counts
STEP_S_MIN = 0.001
RESTING = frozenset((PowerMode.SURVIVAL, PowerMode.SAFE))

_log = logging.getLogger(__name__)


class IslApp(App):
    """Holds laser links to neighbours, and prepares the next before the present one is lost."""

    name = "isl"
    critical = False

    def __init__(
        self,
        kernel: Kernel,
        store: SettingStore,
        terminals: LaserTerminals,
        ports: IslPorts,
        identity: Identity,
        almanac: Almanac,
    ) -> None:
        super().__init__(kernel)
        self._store = store
        self._terminals = terminals
        self._ports = ports
        self._node = identity.node
        self._desk = FrameDesk(identity)
        self._almanac = almanac
        self._rules = almanac.rules
        self._posts = [Post(number, PatState.IDLE, port_up=False) for number in range(almanac.rules.terminals)]
        self._tally = Tally(almanac.rules.terminals)
        self._enabled = True
        self._mode = PowerMode.SURVIVAL
        self._condition = Condition()
        self._points = 0
        self._plan_hash = ""
        self._planned_to = MissionTime(0)
        self._said: IslStatusChanged | None = None

    # --- life ---

    def recover(self) -> None:
        """Restore the ground's word on links. Ports and terminals go on meanwhile, so their states are kept."""
        self._enabled = self._store.setting(ISL_ENABLED) != "no"
        self._posts = [Post(post.terminal, post.pat.state, post.port_up) for post in self._posts]
        self._planned_to = MissionTime(0)
        self._said = None

    def start(self) -> None:
        """Rest what has nothing to do; a link that outlived us is taken up where it stands."""
        self._refresh_plan(self.kernel.now)
        for post in self._posts:
            if self._wanted(post) is None:
                self._terminals.stop(post.terminal)
        self._step()

    # --- what decides whether to link ---

    @handles(PowerModeChanged)
    def on_mode(self, message: PowerModeChanged) -> None:
        """Rest the terminals while power is short."""
        self._mode = message.target
        self._step()

    @handles(IslTc)
    def on_tc(self, message: IslTc) -> None:
        """Allow or forbid links, durably."""
        enabled = message.command.enabled
        self.kernel.publish(TcAnswered(message.request_id, Stage.STARTED))
        try:
            self._store.set_setting(ISL_ENABLED, "yes" if enabled else "no")
        except StorageError as error:
            self.kernel.publish(TcAnswered(message.request_id, Stage.FAILED, Refusal.STORAGE_FULL, str(error)[:400]))
            return
        self._enabled = enabled
        self._step()
        self.kernel.publish(TcAnswered(message.request_id, Stage.COMPLETED))

    @on_timer("step")
    def on_step(self) -> None:
        """Something is due."""
        self._step()

    # --- what neighbours are told ---

    @handles(PowerBudgetChanged)
    def on_budget(self, message: PowerBudgetChanged) -> None:
        """Keep mode and charge for the next word to neighbours."""
        self._condition.mode, self._condition.soc_frac = message.mode, message.soc_frac

    @handles(QueueChanged)
    def on_queue(self, message: QueueChanged) -> None:
        """Keep the length of the queue for the next word to neighbours."""
        self._condition.jobs_queued = message.queued

    @handles(GnssUpdated)
    def on_gnss(self, message: GnssUpdated) -> None:
        """Keep whether a station is in view for the next word to neighbours."""
        self._condition.ground_in_view = bool(message.reading.ground_in_view)

    # --- terminals and ports ---

    @handles(TerminalUpdated)
    def on_terminal(self, message: TerminalUpdated) -> None:
        """Follow a terminal; point it again when it has lost its peer."""
        reading = message.reading
        if reading.terminal >= len(self._posts):
            return
        post, now = self._posts[reading.terminal], self.kernel.now
        lost_reading = reading.quality is not Quality.GOOD or reading.state is None
        state = PatState.OFF if lost_reading or reading.state is None else reading.state
        before = post.pat.state
        post.follow(state)
        post.peer = "" if lost_reading or state in (PatState.IDLE, PatState.OFF) else reading.peer
        post.rate_bps = reading.rate_bps if state is PatState.TRACK else 0.0
        if state is not before and post.target is not None:
            self._on_pat(post, state, now)
        self._say_status()

    def _on_pat(self, post: Post, state: PatState, now: MissionTime) -> None:
        match state:
            case PatState.TRACK:
                post.due = Due(None, post.due.offer_at, post.due.status_at)
            case PatState.ACQUIRE:
                pass  # the limit set when it was pointed allows for the slower slew of the peer
            case PatState.LOST | PatState.IDLE | PatState.OFF:
                self._drop_lease(post, f"terminal is {state}")
                soon = after(now, POINT_AGAIN_S)
                self._give_up_at(post, min(soon, post.due.give_up_at or soon))
            case PatState.SLEW:
                self._drop_lease(post, "terminal turns away")
                self._give_up_at(post, after(now, SLEW_ROOM_S + self._rules.acquire_limit_s))
            case _:
                assert_never(state)
        self._set_step()

    @handles(IslPortChanged)
    def on_port(self, message: IslPortChanged) -> None:
        """Offer a lease when the data port has found its peer's."""
        if message.terminal >= len(self._posts):
            return
        post = self._posts[message.terminal]
        post.port_up = message.up
        if not message.up:
            self._drop_lease(post, "data port closed")
        elif post.target is not None:
            self._offer(post)
        self._set_step()

    # --- frames ---

    @handles(IslFrameReceived)
    def on_frame(self, message: IslFrameReceived) -> None:
        """Judge a frame, then act on it."""
        post = self._posts[message.terminal] if message.terminal < len(self._posts) else None
        target = post.target if post is not None else None
        judged = self._desk.judge(message.payload, target.peer if target else None, self.kernel.now)
        if isinstance(judged, Rejected):
            self.kernel.report("ISL_FRAME_REJECTED", terminal=message.terminal, detail=judged.detail)
            return
        assert post is not None
        match judged.body:
            case LeaseOffer():
                self._on_offer(post, judged.body)
            case LeaseAccept():
                self._on_accept(post, judged.body)
            case PeerStatus():
                _log.debug("%s is %s", judged.sender, judged.body)
            case _:
                assert_never(judged.body)

    def _on_offer(self, post: Post, offer: LeaseOffer) -> None:
        assert post.target is not None
        until = MissionTime(min(offer.until, post.target.until))
        if offer.plan_hash != self._plan_hash and not post.plan_differs:
            post.plan_differs = True
            self.kernel.report("ISL_PLAN_DIFFERS", peer=post.target.peer)
        if until > self.kernel.now:
            frame = self._desk.seal(post.target.peer, LeaseAccept(until=until), self.kernel.now)
            self._ports.send(post.terminal, frame)

    def _on_accept(self, post: Post, accept: LeaseAccept) -> None:
        now = self.kernel.now
        if post.target is None or not post.port_up or post.due.offer_at is None:
            return
        until = MissionTime(min(accept.until, post.target.until))
        if until <= now:
            return
        changed = until != post.held_until
        post.held_until = until
        post.due = Due(post.due.give_up_at, None, post.due.status_at or now)
        if not post.held:
            post.lease.fire(LeaseTrigger.AGREED)
            self._link_up(post, post.target.peer, until)
        elif changed:
            self.kernel.publish(IslLinkChanged(post.terminal, post.target.peer, True, until))
        self._step()

    def _offer(self, post: Post) -> None:
        assert post.target is not None
        if post.lease.can_fire(LeaseTrigger.OFFER):
            post.lease.fire(LeaseTrigger.OFFER)
        body = LeaseOffer(until=post.target.until, plan_hash=self._plan_hash)
        self._ports.send(post.terminal, self._desk.seal(post.target.peer, body, self.kernel.now))
        post.due = Due(post.due.give_up_at, after(self.kernel.now, OFFER_AGAIN_S), post.due.status_at)

    # --- one look at everything ---

    def _step(self) -> None:
        """Bring every terminal to what the schedule wants now. Safe to run at any time: it acts on differences."""
        now = self.kernel.now
        self._refresh_plan(now)
        for post in self._posts:
            self._expire(post, now)
            self._retarget(post)
            if post.target is not None and post.due.give_up_at is not None and post.due.give_up_at <= now:
                self._point_again(post)
            if post.due.offer_at is not None and post.due.offer_at <= now and post.port_up:
                self._offer(post)
            if post.held and post.due.status_at is not None and post.due.status_at <= now:
                self._send_status(post, now)
        self._say_status()
        self._set_step()

    def _refresh_plan(self, now: MissionTime) -> None:
        if now < self._planned_to:
            return
        schedule = self._almanac.schedule(now)
        self._plan_hash, self._planned_to = schedule.plan_hash, schedule.end
        mine = assignments(schedule, self._node)
        for post in self._posts:
            post.plan = tuple(one for one in mine if one.terminal == post.terminal)

    def _expire(self, post: Post, now: MissionTime) -> None:
        if post.held and post.held_until is not None and post.held_until <= now:
            target = post.target
            self._drop_lease(post, "lease ended", LeaseTrigger.EXPIRE)
            post.closed = target

    def _wanted(self, post: Post) -> Assignment | None:
        return None if self._resting() else post.planned(self.kernel.now)

    def _resting(self) -> bool:
        return not self._enabled or self._mode in RESTING

    def _retarget(self, post: Post) -> None:
        wanted, target = self._wanted(post), post.target
        if wanted is None and target is None:
            return
        if wanted is not None and target is not None and same(wanted, target):
            if wanted.until != target.until:  # today's schedule sees further than yesterday's
                post.target = wanted
                if post.port_up:
                    self._offer(post)
            return
        self._drop_lease(post, "terminals rest" if self._resting() else "planned end")
        if target is not None:
            post.port_up = False  # whatever its port still says is about the old peer
        post.target, post.due, post.plan_differs = wanted, Due(), False
        if wanted is None:
            self._terminals.stop(post.terminal)
            return
        self.kernel.report("ISL_ACQUIRING", terminal=post.terminal, peer=wanted.peer)
        self._point(post)

    def _point(self, post: Post) -> None:
        assert post.target is not None
        self._points += 1
        target, now = post.target, self.kernel.now
        self._terminals.point(post.terminal, target.peer, target.peer_terminal, f"isl-{post.terminal}-{self._points}")
        self._give_up_at(post, after(now, SLEW_ROOM_S + self._rules.acquire_limit_s))
        if post.port_up:  # a link that outlived this app
            self._offer(post)

    def _point_again(self, post: Post) -> None:
        assert post.target is not None
        if post.pat.state in (PatState.SLEW, PatState.ACQUIRE):
            limit_s = self._rules.acquire_limit_s
            self.kernel.report("ISL_ACQUIRE_FAILED", terminal=post.terminal, peer=post.target.peer, limit_s=limit_s)
        self._point(post)

    # --- leases ---

    def _link_up(self, post: Post, peer: str, until: MissionTime) -> None:
        now = self.kernel.now
        self.kernel.report("ISL_UP", terminal=post.terminal, peer=peer, until=to_iso(until))
        self.kernel.publish(IslLinkChanged(post.terminal, peer, True, until))
        leaving = tuple(
            other.target.peer
            for other in self._posts
            if other is not post and other.held and other.target is not None and self._near_end(other, now)
        )
        self._report_handoff(self._tally.up(peer, leaving, now))

    def _near_end(self, post: Post, now: MissionTime) -> bool:
        return post.held_until is not None and seconds_between(now, post.held_until) <= self._rules.lead_s

    def _drop_lease(self, post: Post, why: str, trigger: LeaseTrigger = LeaseTrigger.DROP) -> None:
        was_held = post.held
        if post.lease.can_fire(trigger):
            post.lease.fire(trigger)
        post.held_until = None
        post.due = Due(post.due.give_up_at, None, None)
        if was_held and post.target is not None:
            peer = post.target.peer
            self.kernel.report("ISL_DOWN", terminal=post.terminal, peer=peer, why=why)
            self.kernel.publish(IslLinkChanged(post.terminal, peer, False, None))
            self._report_handoff(self._tally.down(peer, self.kernel.now))

    def _report_handoff(self, handoff: Handoff | None) -> None:
        if handoff is not None:
            gap_s = round(handoff.gap_s, 3)
            self.kernel.report("ISL_HANDOFF", source=handoff.source, target=handoff.target, gap_s=gap_s)

    def _send_status(self, post: Post, now: MissionTime) -> None:
        assert post.target is not None
        self._ports.send(post.terminal, self._desk.seal(post.target.peer, self._condition.body(now), now))
        post.due = Due(post.due.give_up_at, post.due.offer_at, after(now, STATUS_S))

    # --- time and housekeeping ---

    def _give_up_at(self, post: Post, at: MissionTime) -> None:
        post.due = Due(at, post.due.offer_at, post.due.status_at)

    def _set_step(self) -> None:
        """Wake when the next thing is due."""
        now = self.kernel.now
        times = [self._planned_to]
        for post in self._posts:
            times += post.due.times()
            if post.held_until is not None:
                times.append(post.held_until)
            change = post.next_change(now)
            if change is not None:
                times.append(change)
        self.kernel.set_timer("step", max(STEP_S_MIN, seconds_between(now, min(times))))

    def _say_status(self) -> None:
        lasers = " ".join(post.text() for post in self._posts)
        message = IslStatusChanged(lasers, self._tally.count)
        if message != self._said:
            self._said = message
            self.kernel.publish(message)
