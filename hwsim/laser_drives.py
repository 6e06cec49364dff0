"""Each laser terminal by itself: it turns to where its peer should be, searches, and gives up or rests again."""

from collections.abc import Callable

from astro.frames import Vector
from hwsim.kernel import PHYSICS, Kernel
from hwsim.laser_sky import LaserSky
from hwsim.models import optics, pointing
from hwsim.units.laser_terminal import GIVE_UP_FACTOR, LOST_DWELL_S, LaserTerminal, TerminalKey
from icd.hw import PatState
from icd.timebase import MissionTime, after, seconds_between
from icd.vehicle import LasersProfile
from runtime import seeds

_ON_PEER = (PatState.ACQUIRE, PatState.TRACK)


class Drives:
    """The phases of all terminals.

    `on_terminal` is told a terminal that entered another phase, `on_search` one that begins to search.
    """

    def __init__(
        self,
        kernel: Kernel,
        sky: LaserSky,
        seed: int,
        terminals: dict[TerminalKey, LaserTerminal],
        on_terminal: Callable[[TerminalKey], None],
        on_search: Callable[[LaserTerminal], None],
    ) -> None:
        self._kernel = kernel
        self._sky = sky
        self._profile: LasersProfile = sky.lasers
        self._seed = seed
        self._terminals = terminals
        self._on_terminal = on_terminal
        self._on_search = on_search
        self._phases = {key: kernel.slot(lambda key=key: self._on_phase(key), PHYSICS) for key in terminals}  # type: ignore[misc]

    def resume(self) -> None:
        """Predict from the terminals' states alone."""
        for key, terminal in self._terminals.items():
            self._phases[key].set(None if terminal.stuck and terminal.state is PatState.SLEW else terminal.phase_ends)

    def aim(self, terminal: LaserTerminal) -> Vector:
        """Return where a terminal points now, in its satellite's frame."""
        if terminal.state in _ON_PEER and terminal.peer is not None:
            return self._sky.towards(terminal.key.node, terminal.peer.node, self._kernel.now)
        if terminal.state is not PatState.SLEW:
            return terminal.direction
        if terminal.stuck:
            return terminal.origin
        turn_rad, profile = pointing.angle_rad(terminal.origin, terminal.direction), self._profile
        for_s = seconds_between(terminal.since, self._kernel.now)
        done_rad = pointing.slewed_rad(turn_rad, profile.slew_rate_rad_s, profile.slew_accel_rad_s2, for_s)
        return pointing.turned(terminal.origin, terminal.direction, done_rad)

    def slew(self, terminal: LaserTerminal, aim: Vector) -> None:
        """Turn to the peer, or as near to it as the drive reaches."""
        now, profile = self._kernel.now, self._profile
        assert terminal.peer is not None
        towards = self._sky.towards(terminal.key.node, terminal.peer.node, now)
        terminal.origin, terminal.direction = aim, self._sky.reachable(towards)
        terminal.turn_rad = pointing.angle_rad(aim, terminal.direction)
        duration_s = pointing.slew_s(terminal.turn_rad, profile.slew_rate_rad_s, profile.slew_accel_rad_s2)
        self._enter(terminal, PatState.SLEW, None if terminal.stuck else after(now, duration_s))

    def _on_phase(self, key: TerminalKey) -> None:
        terminal = self._terminals[key]
        match terminal.state:
            case PatState.SLEW:
                self._aimed(terminal)
            case PatState.ACQUIRE:
                self.lose(terminal)
            case _:
                self.rest(terminal)

    def _aimed(self, terminal: LaserTerminal) -> None:
        """Search for the peer; a terminal whose peer is outside its field of regard has nothing to search."""
        profile, key, now = self._profile, terminal.key, self._kernel.now
        assert terminal.peer is not None
        towards = self._sky.towards(key.node, terminal.peer.node, now)
        if self._sky.reachable(towards) != towards:
            self.lose(terminal)
            return
        just_now = seconds_between(terminal.held_until, now) <= optics.REACQUIRE_WITHIN_S
        prior = optics.Prior(terminal.turn_rad, terminal.held == terminal.peer and just_now)
        terminal.draws += 1
        rng = seeds.stream(self._seed, f"acquire/{key.node}/{key.index}/{terminal.draws}")
        terminal.draw_s = optics.acquisition_s(rng, profile, prior)
        self._enter(terminal, PatState.ACQUIRE, after(now, GIVE_UP_FACTOR * profile.acquire_limit_s))
        self._on_search(terminal)

    def track(self, terminal: LaserTerminal) -> None:
        """Hold the peer."""
        self._enter(terminal, PatState.TRACK, None)

    def lose(self, terminal: LaserTerminal) -> None:
        """Have lost the peer, or not found it."""
        terminal.direction = self.aim(terminal)
        self._enter(terminal, PatState.LOST, after(self._kernel.now, LOST_DWELL_S))

    def rest(self, terminal: LaserTerminal) -> None:
        """Have nothing to do."""
        terminal.direction = self.aim(terminal)
        terminal.peer = None
        self._enter(terminal, PatState.IDLE, None)

    def _enter(self, terminal: LaserTerminal, state: PatState, ends: MissionTime | None) -> None:
        terminal.state, terminal.since, terminal.phase_ends = state, self._kernel.now, ends
        self._phases[terminal.key].set(ends)
        self._on_terminal(terminal.key)
