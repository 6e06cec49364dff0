"""All laser terminals of the fleet: who points where, which two meet, and when they part.

Two terminals that point at each other, are both in ACQUIRE and see each other go to TRACK at one instant: when the
later of the two (or the sight) was ready, plus the longer of their two drawn acquisition times.
"""

from collections.abc import Callable
from dataclasses import dataclass

from astro import contacts, sight
from astro.orbit import Ephemeris
from hwsim.errors import OrderRefusedError
from hwsim.kernel import LINKS, PHYSICS, Kernel, Slot
from hwsim.models import optics
from hwsim.spans import SpanBook
from hwsim.units.laser_terminal import GIVE_UP_FACTOR, LOST_DWELL_S, LaserTerminal, TerminalKey
from icd.hw import PatState
from icd.timebase import MissionTime, after
from icd.vehicle import VehicleProfile
from runtime import seeds

_POINTING = (PatState.SLEW, PatState.ACQUIRE, PatState.TRACK)


@dataclass(frozen=True, slots=True)
class Lock:
    """Two terminals that track each other, the lesser key first, and the light time between them."""

    a: TerminalKey
    b: TerminalKey
    delay_s: float


@dataclass(slots=True)
class _Pair:
    slot: Slot
    locked: bool = False


class Lasers:
    """The terminals of all nodes.

    `on_terminal` is told a terminal whose reading changed, `on_locks` that the set of locks changed.
    """

    def __init__(
        self,
        kernel: Kernel,
        profile: VehicleProfile,
        ephemerides: dict[str, Ephemeris],
        seed: int,
        on_terminal: Callable[[TerminalKey], None],
        on_locks: Callable[[], None],
    ) -> None:
        self._kernel = kernel
        self._profile = profile
        self._ephemerides = ephemerides
        self._seed = seed
        self._on_terminal = on_terminal
        self._on_locks = on_locks
        self._sights: dict[tuple[str, str], SpanBook] = {}
        self._pairs: dict[tuple[TerminalKey, TerminalKey], _Pair] = {}
        self.terminals = {
            TerminalKey(node, index): LaserTerminal(TerminalKey(node, index), profile.lasers.rate_bps)
            for node in ephemerides
            for index in range(profile.lasers.terminals)
        }
        self._phases = {key: kernel.slot(lambda key=key: self._on_phase(key), PHYSICS) for key in self.terminals}  # type: ignore[misc]

    def point(self, key: TerminalKey, peer: TerminalKey, request_id: str) -> None:
        """Point a terminal at a peer's; the same order again changes nothing but the request id.

        Raises:
            OrderRefusedError: there is no such terminal, or it would point at its own satellite.
        """
        terminal = self._terminal(key)
        if peer.node == key.node or peer not in self.terminals:
            raise OrderRefusedError(f"terminal {key.index} of {key.node} cannot point at {peer.node} {peer.index}")
        if terminal.peer == peer and terminal.state in _POINTING:
            if terminal.request_id != request_id:
                terminal.request_id = request_id
                self._on_terminal(key)
            return
        self._part(terminal)
        terminal.peer, terminal.request_id = peer, request_id
        self._slew(terminal)

    def stop(self, key: TerminalKey) -> None:
        """Drop the link and rest.

        Raises:
            OrderRefusedError: there is no such terminal.
        """
        terminal = self._terminal(key)
        if terminal.state is PatState.TRACK:
            self._part(terminal)
            self._lose(terminal)
        elif terminal.state in _POINTING:
            self._rest(terminal)

    def reset(self, node: str) -> None:
        """Power-cycle all terminals of a node: links drop, all rest."""
        for key, terminal in self.terminals.items():
            if key.node == node:
                self._part(terminal)
                self._rest(terminal)

    def hold(self, key: TerminalKey, stuck: bool) -> None:
        """Begin or end a stuck drive: the link drops, and the terminal never leaves SLEW while it lasts."""
        terminal = self._terminal(key)
        if stuck == terminal.stuck:
            return
        terminal.stuck = stuck
        if stuck and terminal.state is PatState.TRACK:
            self._part(terminal)
            self._lose(terminal)
        elif terminal.state in (PatState.SLEW, PatState.ACQUIRE):
            self._slew(terminal)

    def weaken(self, key: TerminalKey, loss_db: float) -> None:
        """Take this much from a terminal's light, 0 for nothing; a fault point. Too weak a terminal has no link."""
        terminal = self._terminal(key)
        if loss_db == terminal.loss_db:
            return
        terminal.loss_db = loss_db
        if terminal.dark and terminal.state is PatState.TRACK:
            self._part(terminal)
            self._lose(terminal)
        else:
            pair = self._pair_of(terminal)
            if pair is not None:
                self._review(pair)

    def locks(self) -> tuple[Lock, ...]:
        """Return the locks in force, in the order of their keys."""
        now = self._kernel.now
        found = []
        for a, b in sorted(pair for pair, state in self._pairs.items() if state.locked):
            distance = sight.range_km(self._ephemerides[a.node].position(now), self._ephemerides[b.node].position(now))
            found.append(Lock(a, b, distance / sight.LIGHT_KM_S))
        return tuple(found)

    def resume(self) -> None:
        """Predict from the terminals' states alone; after a snapshot was put in place."""
        for key, terminal in self.terminals.items():
            self._phases[key].set(None if terminal.stuck and terminal.state is PatState.SLEW else terminal.phase_ends)
        for terminal in self.terminals.values():
            pair = self._pair_of(terminal)
            if pair is not None and terminal.state is PatState.TRACK:
                self._pairs[pair].locked = True
            if pair is not None:
                self._review(pair)
        self._on_locks()

    def _terminal(self, key: TerminalKey) -> LaserTerminal:
        terminal = self.terminals.get(key)
        if terminal is None:
            raise OrderRefusedError(f"{key.node} has no terminal {key.index}")
        return terminal

    def _slew(self, terminal: LaserTerminal) -> None:
        now = self._kernel.now
        assert terminal.peer is not None
        here = self._ephemerides[terminal.key.node].position(now)
        towards = optics.direction(here, self._ephemerides[terminal.peer.node].position(now))
        duration_s = optics.slew_s(terminal.direction, towards, self._profile.lasers.slew_rate_rad_s)
        terminal.direction = towards
        self._enter(terminal, PatState.SLEW, None if terminal.stuck else after(now, duration_s))

    def _on_phase(self, key: TerminalKey) -> None:
        terminal = self.terminals[key]
        match terminal.state:
            case PatState.SLEW:
                self._acquire(terminal)
            case PatState.ACQUIRE:
                self._lose(terminal)
            case _:
                self._rest(terminal)

    def _acquire(self, terminal: LaserTerminal) -> None:
        profile, key = self._profile, terminal.key
        terminal.draws += 1
        rng = seeds.stream(self._seed, f"acquire/{key.node}/{key.index}/{terminal.draws}")
        terminal.draw_s = optics.acquisition_s(
            rng, profile.lasers.acquire_min_s, profile.lasers.acquire_median_s, profile.lasers.acquire_limit_s
        )
        give_up = after(self._kernel.now, GIVE_UP_FACTOR * profile.lasers.acquire_limit_s)
        self._enter(terminal, PatState.ACQUIRE, give_up)
        pair = self._pair_of(terminal)
        if pair is not None:
            self._review(pair)

    def _lose(self, terminal: LaserTerminal) -> None:
        self._enter(terminal, PatState.LOST, after(self._kernel.now, LOST_DWELL_S))

    def _rest(self, terminal: LaserTerminal) -> None:
        terminal.peer = None
        self._enter(terminal, PatState.IDLE, None)

    def _enter(self, terminal: LaserTerminal, state: PatState, ends: MissionTime | None) -> None:
        terminal.state, terminal.since, terminal.phase_ends = state, self._kernel.now, ends
        self._phases[terminal.key].set(ends)
        self._on_terminal(terminal.key)

    def _pair_of(self, terminal: LaserTerminal) -> tuple[TerminalKey, TerminalKey] | None:
        """Return the pair that a terminal and its peer make when each points at the other."""
        if terminal.peer is None or self.terminals[terminal.peer].peer != terminal.key:
            return None
        a, b = sorted((terminal.key, terminal.peer))
        if (a, b) not in self._pairs:
            self._pairs[a, b] = _Pair(self._kernel.slot(lambda: self._review((a, b)), LINKS))
        return a, b

    def _review(self, keys: tuple[TerminalKey, TerminalKey]) -> None:
        """Decide whether a pair is locked now, and when to look again."""
        pair, now = self._pairs[keys], self._kernel.now
        a, b = self.terminals[keys[0]], self.terminals[keys[1]]
        book = self._sight(keys[0].node, keys[1].node)
        span = None if a.dark or b.dark else book.covering(now)
        if pair.locked:
            if span is None:
                self._part(a)
                self._lose(a)
            else:
                pair.slot.set(book.next_change(now))
            return
        mutual = a.peer == b.key and b.peer == a.key
        if not mutual or a.state is not PatState.ACQUIRE or b.state is not PatState.ACQUIRE:
            pair.slot.clear()
            return
        ready = None if span is None else after(max(a.since, b.since, span.start), max(a.draw_s, b.draw_s))
        if ready is not None and now >= ready:
            pair.locked = True
            for terminal in (a, b):
                self._enter(terminal, PatState.TRACK, None)
            pair.slot.set(book.next_change(now))
            self._on_locks()
        else:
            change = book.next_change(now)
            pair.slot.set(change if ready is None else min(ready, change))

    def _part(self, terminal: LaserTerminal) -> None:
        """End the lock that a terminal is in, if any; its peer goes to LOST, what it does itself is the caller's."""
        pair = self._pair_of(terminal)
        if pair is None:
            return
        state = self._pairs[pair]
        state.slot.clear()
        if state.locked:
            state.locked = False
            assert terminal.peer is not None
            self._lose(self.terminals[terminal.peer])
            self._on_locks()

    def _sight(self, one: str, other: str) -> SpanBook:
        pair = (one, other)
        book = self._sights.get(pair)
        if book is None:
            a, b, profile = self._ephemerides[one], self._ephemerides[other], self._profile
            book = self._sights[pair] = SpanBook(
                lambda start, end: contacts.sights(
                    a, b, start, end, range_max_km=profile.lasers.range_km, graze_km=profile.lasers.graze_km
                )
            )
        return book
