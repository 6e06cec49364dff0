"""All laser terminals of the fleet: who points where, which two meet, at which rate, and when they part.

Two terminals that point at each other, are both in ACQUIRE and see each other go to TRACK at one instant: when the
later of the two (or the sight) was ready, plus the longer of their two drawn acquisition times. When the limits of
sight, the budget of the lowest rate, a drawn loss, a drive or an order ends the lock, both part at one instant.
"""

from collections.abc import Callable
from dataclasses import dataclass

from astro import sight
from astro.orbit import Ephemeris
from hwsim import plain
from hwsim.errors import OrderRefusedError
from hwsim.kernel import LINKS, Kernel, Slot
from hwsim.laser_drives import Drives
from hwsim.laser_sky import LaserSky
from hwsim.mishaps import Mishaps
from hwsim.models import pointing
from hwsim.units.laser_terminal import LaserTerminal, TerminalKey, key_of
from icd.hw import PatState, TerminalLink
from icd.timebase import after
from icd.vehicle import LasersProfile

_POINTING = (PatState.SLEW, PatState.ACQUIRE, PatState.TRACK)


@dataclass(frozen=True, slots=True)
class Lock:
    """Two terminals that track each other, the lesser key first; the light time, and the rate, 0 while it fades."""

    a: TerminalKey
    b: TerminalKey
    delay_s: float
    rate_bps: float


@dataclass(slots=True)
class _Pair:
    slot: Slot
    links: int = 0  # locks so far
    mishaps: Mishaps | None = None  # of the lock in force, None when there is none
    mode_bps: float = 0.0  # the rate mode in use


class Lasers:
    """The terminals of all nodes.

    `on_terminal` is told a terminal whose reading changed, `on_locks` that locks or their rates changed.
    """

    def __init__(
        self,
        kernel: Kernel,
        lasers: LasersProfile,
        ephemerides: dict[str, Ephemeris],
        seed: int,
        on_terminal: Callable[[TerminalKey], None],
        on_locks: Callable[[], None],
    ) -> None:
        self._kernel = kernel
        self._profile = lasers
        self._sky = LaserSky(lasers, ephemerides)
        self._seed = seed
        self._on_terminal = on_terminal
        self._on_locks = on_locks
        self._pairs: dict[tuple[TerminalKey, TerminalKey], _Pair] = {}
        keys = [TerminalKey(node, index) for node in ephemerides for index in range(lasers.terminals)]
        self.terminals = {key: LaserTerminal(key, self._link_of) for key in keys}
        self._drives = Drives(kernel, self._sky, seed, self.terminals, on_terminal, self._on_search)

    # --- orders and fault points ---

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
        aim = self._drives.aim(terminal)
        terminal.peer, terminal.request_id = peer, request_id
        self._drives.slew(terminal, aim)

    def stop(self, key: TerminalKey) -> None:
        """Drop the link and rest.

        Raises:
            OrderRefusedError: there is no such terminal.
        """
        terminal = self._terminal(key)
        if terminal.state is PatState.TRACK:
            self._part(terminal)
            self._drives.lose(terminal)
        elif terminal.state in _POINTING:
            self._drives.rest(terminal)

    def reset(self, node: str) -> None:
        """Power-cycle all terminals of a node: links drop, all rest."""
        for key, terminal in self.terminals.items():
            if key.node == node:
                self._part(terminal)
                self._drives.rest(terminal)

    def hold(self, key: TerminalKey, stuck: bool) -> None:
        """Begin or end a stuck drive: the link drops, and the terminal never leaves SLEW while it lasts."""
        terminal = self._terminal(key)
        if stuck == terminal.stuck:
            return
        aim = self._drives.aim(terminal)
        terminal.stuck = stuck
        if stuck and terminal.state is PatState.TRACK:
            self._part(terminal)
            self._drives.lose(terminal)
        elif terminal.state in (PatState.SLEW, PatState.ACQUIRE):
            self._drives.slew(terminal, aim)

    def weaken(self, key: TerminalKey, loss_db: float) -> None:
        """Set what a terminal's light has lost, dB: 0 is health. Rates and reach of its links follow.

        Raises:
            OrderRefusedError: there is no such terminal.
        """
        terminal = self._terminal(key)
        if loss_db == terminal.loss_db:
            return
        terminal.loss_db = loss_db
        self._sky.forget_ranges()
        pair = self._pair_of(terminal)
        if pair is not None:
            self._review(pair)

    # --- what others read ---

    def locks(self) -> tuple[Lock, ...]:
        """Return the locks in force, in the order of their keys."""
        now = self._kernel.now
        found = []
        for (a, b), pair in sorted(self._pairs.items(), key=lambda item: item[0]):
            if pair.mishaps is not None:
                delay_s = self._sky.range_km(a.node, b.node, now) / sight.LIGHT_KM_S
                found.append(Lock(a, b, delay_s, 0.0 if pair.mishaps.faded else pair.mode_bps))
        return tuple(found)

    def power_w(self, node: str) -> float:
        """Return what the terminals of a node draw now, W."""
        return sum(one.power_w(self._profile) for key, one in self.terminals.items() if key.node == node)

    # --- snapshots ---

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        pairs = []
        for (a, b), pair in self._pairs.items():
            entry: dict[str, object] = {"a": [a.node, a.index], "b": [b.node, b.index], "links": pair.links}
            if pair.mishaps is not None:
                entry["mishaps"] = pair.mishaps.dump()
            pairs.append(entry)
        return {"terminals": [terminal.dump() for terminal in self.terminals.values()], "pairs": pairs}

    def restore(self, state: dict[str, object]) -> None:
        """Take a dumped state; `resume` follows when the fault points are set.

        Raises:
            KeyError, TypeError, ValueError: it is not one of these terminals.
        """
        terminals, pairs = state["terminals"], state["pairs"]
        if not isinstance(terminals, list) or not isinstance(pairs, list) or len(terminals) != len(self.terminals):
            raise ValueError("the terminals are not those of this fleet")
        for entry in terminals:
            self.terminals[TerminalKey(entry["node"], entry["index"])].restore(entry)
        for entry in pairs:
            a, b = key_of(entry["a"]), key_of(entry["b"])
            if a not in self.terminals or b not in self.terminals:
                raise ValueError(f"no terminals {a} and {b}")
            pair = self._pair(a, b)
            pair.links = plain.whole(entry["links"])
            if "mishaps" in entry:
                pair.mishaps = self._mishaps((a, b), pair.links)
                pair.mishaps.restore(entry["mishaps"])

    def resume(self) -> None:
        """Predict from the states alone; after a snapshot was put in place."""
        self._drives.resume()
        for keys in list(self._pairs):
            self._review(keys)
        self._on_locks()

    def _terminal(self, key: TerminalKey) -> LaserTerminal:
        terminal = self.terminals.get(key)
        if terminal is None:
            raise OrderRefusedError(f"{key.node} has no terminal {key.index}")
        return terminal

    def _on_search(self, terminal: LaserTerminal) -> None:
        pair = self._pair_of(terminal)
        if pair is not None:
            self._review(pair)

    # --- two terminals ---

    def _pair_of(self, terminal: LaserTerminal) -> tuple[TerminalKey, TerminalKey] | None:
        """Return the pair that a terminal and its peer make when each points at the other."""
        if terminal.peer is None or self.terminals[terminal.peer].peer != terminal.key:
            return None
        a, b = sorted((terminal.key, terminal.peer))
        self._pair(a, b)
        return a, b

    def _pair(self, a: TerminalKey, b: TerminalKey) -> _Pair:
        if (a, b) not in self._pairs:
            self._pairs[a, b] = _Pair(self._kernel.slot(lambda: self._review((a, b)), LINKS))
        return self._pairs[a, b]

    def _mishaps(self, keys: tuple[TerminalKey, TerminalKey], number: int) -> Mishaps:
        a, b = keys
        name = f"link/{a.node}/{a.index}/{b.node}/{b.index}/{number}"
        return Mishaps(self._profile, self._seed, name)

    def _loss_db(self, keys: tuple[TerminalKey, TerminalKey]) -> float:
        """Return what the weaker direction of a link has lost."""
        return max(self.terminals[key].loss_db for key in keys)

    def _review(self, keys: tuple[TerminalKey, TerminalKey]) -> None:
        """Decide whether a pair is locked now and at which rate, and when to look again."""
        pair = self._pairs[keys]
        a, b = self.terminals[keys[0]], self.terminals[keys[1]]
        if pair.mishaps is not None:
            self._follow(keys, pair, pair.mishaps)
        elif a.peer == b.key and b.peer == a.key and a.state is b.state is PatState.ACQUIRE:
            self._meet(keys, pair)
        else:
            pair.slot.clear()

    def _follow(self, keys: tuple[TerminalKey, TerminalKey], pair: _Pair, mishaps: Mishaps) -> None:
        """Look at a lock: lost, faded, or at another rate."""
        now, (a, b), loss_db = self._kernel.now, keys, self._loss_db(keys)
        mode_bps = self._sky.rate_bps(a.node, b.node, loss_db, now)
        if mishaps.lost(now) or self._sky.window(a.node, b.node, loss_db, now) is None:
            self._part(self.terminals[a])
            self._drives.lose(self.terminals[a])
            return
        changed = mishaps.turn(now) or mode_bps != pair.mode_bps
        pair.mode_bps = mode_bps
        change = self._sky.next_change(a.node, b.node, loss_db, now)
        mishap_at = mishaps.next_at()
        pair.slot.set(change if mishap_at is None else min(change, mishap_at))
        if changed:
            for key in keys:
                self._on_terminal(key)
            self._on_locks()

    def _meet(self, keys: tuple[TerminalKey, TerminalKey], pair: _Pair) -> None:
        """Look at two terminals that search for each other: they lock, fail, or go on."""
        now, loss_db = self._kernel.now, self._loss_db(keys)
        a, b = self.terminals[keys[0]], self.terminals[keys[1]]
        window = self._sky.window(keys[0].node, keys[1].node, loss_db, now)
        change = self._sky.next_change(keys[0].node, keys[1].node, loss_db, now)
        if window is None:
            pair.slot.set(change)
            return
        fails = a.draw_s is None or b.draw_s is None
        takes_s = self._profile.acquire_limit_s if fails else max(a.draw_s or 0.0, b.draw_s or 0.0)
        done = after(max(a.since, b.since, window.start), takes_s)
        if now < done:
            pair.slot.set(min(done, change))
        elif fails:
            for terminal in (a, b):
                self._drives.lose(terminal)
        else:
            pair.links += 1
            pair.mishaps = self._mishaps(keys, pair.links)
            pair.mishaps.begin(now)
            pair.mode_bps = self._sky.rate_bps(keys[0].node, keys[1].node, loss_db, now)
            for terminal in (a, b):
                self._drives.track(terminal)
            self._follow(keys, pair, pair.mishaps)
            self._on_locks()

    def _part(self, terminal: LaserTerminal) -> None:
        """End the lock that a terminal is in, if any; its peer goes to LOST, what it does itself is the caller's."""
        keys = self._pair_of(terminal)
        if keys is None:
            return
        pair, now = self._pairs[keys], self._kernel.now
        pair.slot.clear()
        if pair.mishaps is None:
            return
        pair.mishaps = None
        assert terminal.peer is not None
        other = self.terminals[terminal.peer]
        for one in (terminal, other):
            one.held, one.held_until = one.peer, now
        self._drives.lose(other)
        self._on_locks()

    def _link_of(self, terminal: LaserTerminal) -> tuple[float, TerminalLink]:
        """Return rate and link of a terminal in TRACK."""
        keys, now, sky = self._pair_of(terminal), self._kernel.now, self._sky
        assert keys is not None
        assert terminal.peer is not None
        pair, here, there = self._pairs[keys], terminal.key.node, terminal.peer.node
        assert pair.mishaps is not None
        look = sky.look(here, there, now)
        azimuth_deg, elevation_deg = pointing.azimuth_elevation_deg(look.aim)
        link = TerminalLink(
            faded=pair.mishaps.faded,
            range_km=look.range_km,
            margin_db=sky.budget.over_db(look.range_km, pair.mode_bps, self._loss_db(keys)),
            azimuth_deg=azimuth_deg,
            elevation_deg=elevation_deg,
            point_ahead_rad=look.point_ahead_rad,
        )
        return (0.0 if pair.mishaps.faded else pair.mode_bps), link
