"""The avionics bus over a broker connection: frames to readings, orders to commands, silence to LOST."""

from dataclasses import dataclass

from icd import topics
from icd.codec import DecodeError, decode, encode
from icd.hw import (
    READING_STALE_S,
    READING_STALE_WALL_S,
    ComputeAllocate,
    ComputePower,
    ComputeRelease,
    ComputeReleaseAll,
    ComputeSetCap,
    DeviceCommand,
    DeviceFrame,
    DeviceOrder,
    EpsSetProfile,
    LoadProfile,
    TerminalPoint,
    TerminalStop,
    UnitReset,
    WatchdogServe,
)
from icd.timebase import MissionTime, seconds_between
from node.adapters.edge import Edge
from node.adapters.readings import implausible, lost, message_of
from node.adapters.wanted import Wanted
from node.messages import AvionicsChanged
from runtime.clock import MissionClock
from runtime.link import Link
from runtime.timers import TimerHandle, Timers

SOURCE = "avionics"
FUTURE_S = 5.0  # mission time by which a frame may lie ahead of our clock
FUTURE_WALL_S = 1.0  # and never less than this wall time
UNIT_RESET_S = 10.0  # mission time that a power-cycled unit gets before it hears again what is wanted
FRAME_BYTES_MAX = DeviceFrame.MAX_BYTES


@dataclass(slots=True)
class AvionicsCounters:
    """What came over the avionics bus."""

    frames: int = 0  # taken
    rejected: int = 0  # not decodable, of another node, too old, from the future
    copies: int = 0  # seen before
    missed: int = 0  # by the gaps in the counter
    implausible: int = 0  # readings turned LOST here
    resent: int = 0  # times that all orders were said again


class Avionics:
    """Implements every Protocol of node/ports/devices.py. Its link subscribes to `av/NODE/frame`.

    Orders are remembered and said again whenever the hardware may have missed or forgotten them: after the link or
    the frames come back, after the frame counter starts anew, after a refused publish, after a unit's reset.
    """

    def __init__(self, node: str, boot_count: int, link: Link, clock: MissionClock, timers: Timers, edge: Edge) -> None:
        self.counters = AvionicsCounters()
        self._node = node
        self._link = link
        self._clock = clock
        self._timers = timers
        self._edge = edge
        self._wanted = Wanted()
        self._command_topic = topics.avionics(node, "cmd")
        self._frame_topic = topics.avionics(node, "frame")
        self._prefix = f"b{boot_count}"
        self._requests = 0
        self._alive: bool | None = None  # None: not known yet
        self._counter: int | None = None
        self._frame_at = MissionTime(0)
        self._heard_at = clock.now()
        self._unsaid = False  # an order was refused by the link
        self._stale_timer: TimerHandle | None = None
        self._link_timer: TimerHandle | None = None

    def begin(self) -> None:
        """Begin to watch for silence."""
        self._heard_at = self._clock.now()
        self._watch()

    def end(self) -> None:
        """Watch no more."""
        for timer in (self._stale_timer, self._link_timer):
            if timer is not None:
                timer.cancel()
        self._stale_timer = self._link_timer = None

    # --- what arrives ---

    def on_message(self, topic: str, payload: bytes) -> None:
        """Take a frame; whatever it holds, nothing is raised."""
        if topic != self._frame_topic or len(payload) > FRAME_BYTES_MAX:
            self._reject(f"{len(payload)} bytes on {topic[:80]}")
            return
        self._edge.record_input(SOURCE, topic, payload)
        try:
            frame = decode(payload, DeviceFrame)
        except DecodeError as error:
            self._reject(str(error)[:200])
            return
        now = self._clock.now()
        reason = self._not_credible(frame, now)
        if reason:
            self._reject(reason)
        elif self._is_copy(frame):
            self.counters.copies += 1
        else:
            self._take(frame, now)

    def on_state(self, up: bool) -> None:
        """Take the link's word that it came up or went down."""
        if self._link_timer is not None:
            self._link_timer.cancel()
            self._link_timer = None
        if up:
            self._say_all_again()
        else:
            self._link_timer = self._timers.after_wall_s(READING_STALE_WALL_S, self._on_link_gone)

    # --- orders: node/ports/devices.py ---

    def set_profile(self, profile: LoadProfile) -> None:
        """Choose what the bus feeds besides compute."""
        self._order(EpsSetProfile(profile=profile))

    def allocate(self, job_id: str, power_w: float) -> None:
        """Give a job its share: the module draws this much more."""
        self._order(ComputeAllocate(job_id=job_id, power_w=power_w))

    def release(self, job_id: str) -> None:
        """Take a job off the module."""
        self._order(ComputeRelease(job_id=job_id))

    def release_all(self) -> None:
        """Take every job off the module."""
        self._order(ComputeReleaseAll())

    def set_cap(self, cap_w: float) -> None:
        """Cap what the module draws."""
        self._order(ComputeSetCap(cap_w=cap_w))

    def set_power(self, on: bool) -> None:
        """Switch the module on or off."""
        self._order(ComputePower(on=on))

    def point(self, terminal: int, peer: str, peer_terminal: int, request_id: str) -> None:
        """Slew to a peer and acquire it. SLEW, ACQUIRE, then TRACK or LOST arrive with the request id."""
        self._order(TerminalPoint(terminal=terminal, peer=peer, peer_terminal=peer_terminal), request_id)

    def stop(self, terminal: int) -> None:
        """Drop the link and rest."""
        self._order(TerminalStop(terminal=terminal))

    def serve(self) -> None:
        """Restart the watchdog's time."""
        self._order(WatchdogServe())

    def reset(self, unit: str) -> None:
        """Power-cycle a unit of icd.hw.UNITS; what was wanted of it is said again when it is back."""
        self._order(UnitReset(unit=unit))
        self._timers.after_s(UNIT_RESET_S, self._say_all_again)

    # --- frames ---

    def _not_credible(self, frame: DeviceFrame, now: MissionTime) -> str:
        if frame.node != self._node:
            return f"frame of {frame.node}"
        age_s = seconds_between(MissionTime(frame.at), now)
        if age_s > self._stale_s():
            return f"frame is {age_s:.0f} s old"
        if -age_s > max(FUTURE_S, FUTURE_WALL_S * self._clock.rate):
            return f"frame is {-age_s:.0f} s ahead of the clock"
        return ""

    def _is_copy(self, frame: DeviceFrame) -> bool:
        """Return whether the frame came before. A lower counter at a later instant is a simulator that restarted."""
        return self._counter is not None and frame.counter <= self._counter and frame.at <= self._frame_at

    def _take(self, frame: DeviceFrame, now: MissionTime) -> None:
        self.counters.frames += 1
        restarted = self._counter is not None and frame.counter <= self._counter
        if self._counter is not None and frame.counter > self._counter + 1:
            missed = frame.counter - self._counter - 1
            self.counters.missed += missed
            self._edge.report("FRAMES_MISSED", count=missed)
        self._counter, self._frame_at, self._heard_at = frame.counter, MissionTime(frame.at), now
        came_back = self._alive is False
        self._tell(alive=True)
        if came_back or restarted or self._unsaid:
            self._say_all_again()
        for reading in frame.readings:
            wrong = implausible(reading)
            if wrong:
                self.counters.implausible += 1
                self._edge.report("FRAME_REJECTED", detail=wrong)
                reading = lost(reading)
            self._edge.post(message_of(MissionTime(frame.at), reading))

    def _reject(self, detail: str) -> None:
        self.counters.rejected += 1
        self._edge.report("FRAME_REJECTED", detail=detail)

    # --- silence ---

    def _stale_s(self) -> float:
        return max(READING_STALE_S, READING_STALE_WALL_S * self._clock.rate)

    def _watch(self) -> None:
        """Look whether frames still come; the timer follows the last frame instead of starting anew with each."""
        left_s = self._stale_s() - seconds_between(self._heard_at, self._clock.now())
        if left_s <= 0.0:
            self._tell(alive=False)
            left_s = self._stale_s()
        self._stale_timer = self._timers.after_s(left_s, self._watch)

    def _on_link_gone(self) -> None:
        self._link_timer = None
        self._tell(alive=False)

    def _tell(self, *, alive: bool) -> None:
        if alive is not self._alive:
            self._alive = alive
            self._edge.record_input(SOURCE, "alive", b"yes" if alive else b"no")
            self._edge.post(AvionicsChanged(alive))

    # --- commands ---

    def _order(self, order: DeviceOrder, request_id: str = "") -> None:
        self._wanted.note(request_id, order)
        self._say(order, request_id)

    def _say(self, order: DeviceOrder, request_id: str) -> None:
        self._requests += 1
        command = DeviceCommand(
            node=self._node, request_id=request_id or f"{self._prefix}-{self._requests}", order=order
        )
        payload = encode(command)
        if self._link.publish(self._command_topic, payload, qos=1):
            self._edge.record_output(SOURCE, self._command_topic, len(payload))
        else:
            self._unsaid = True

    def _say_all_again(self) -> None:
        self._unsaid = False
        orders = self._wanted.orders()
        self.counters.resent += bool(orders)
        for request_id, order in orders:
            self._say(order, request_id)
