"""What the bench does with its own hands, in real time: faults of the broker and of a node's disk are no hardware's.

The simulator's board says what is in force (`sim/faults`); the bench acts on the processes that it supervises. A disk
fault is a limit of the kernel on one process (RLIMIT_FSIZE 0: no file can be written), so the node itself holds no
code for it and none of it can happen outside the bench.
"""

import asyncio
import logging
import resource
from collections.abc import Callable

from flatsat.supervisor import Supervisor
from icd.faults import ActiveFaults, FaultInForce, FaultKind
from icd.timebase import MissionTime, seconds_between

BROKER = "broker"
GRACE_WALL_S = 0.5  # before the broker is struck: its word of the fault goes out first
HOLD_WALL_S = 0.05  # between two looks at the disks: a node that is started meanwhile is found by its new process
_DONE_MAX = 256  # strikes on the broker remembered, so that a repeated word strikes once

_LOG = logging.getLogger(__name__)


class BenchHands:
    """Acts on faults that no hardware feels. `rate` is mission seconds a wall second."""

    def __init__(self, supervisor: Supervisor, rate: float, complain: Callable[[str], None]) -> None:
        self._supervisor = supervisor
        self._rate = rate
        self._complain = complain
        self._done: list[tuple[str, int]] = []
        self._broken: dict[str, float | None] = {}  # node -> loop time at which its disk works again
        self._limited: dict[str, tuple[int, int]] = {}  # node -> its process, and the limit that it had
        self._strikes: list[asyncio.TimerHandle] = []

    def on_faults(self, said: ActiveFaults) -> None:
        """Take the board's word."""
        now = asyncio.get_running_loop().time()
        self._broken = {}
        for fault in said.active:
            left_s = self._left_wall_s(said, fault)
            match fault.order.kind:
                case FaultKind.BROKER_STOP | FaultKind.BROKER_PAUSE:
                    self._strike_broker(fault, left_s or 0.0)
                case FaultKind.STORAGE_FAIL:
                    self._broken[fault.order.node] = None if left_s is None else now + left_s
                case _:
                    continue

    async def run(self) -> None:
        """Hold the disks that are broken, until cancelled; then let every disk work."""
        try:
            while True:
                now = asyncio.get_running_loop().time()
                for node, until in list(self._broken.items()):
                    if until is not None and now >= until:  # the simulator's word of its end may never come
                        del self._broken[node]
                for node in list(dict.fromkeys((*self._broken, *self._limited))):
                    self._hold(node)
                await asyncio.sleep(HOLD_WALL_S)
        finally:
            self._broken = {}
            for node in list(self._limited):
                self._hold(node)
            for strike in self._strikes:
                strike.cancel()

    def _left_wall_s(self, said: ActiveFaults, fault: FaultInForce) -> float | None:
        if fault.until is None:
            return None
        return max(0.0, seconds_between(MissionTime(said.at), MissionTime(fault.until)) / self._rate)

    def _strike_broker(self, fault: FaultInForce, left_s: float) -> None:
        strike = (fault.order.fault_id, fault.strikes)
        if strike in self._done:
            return
        self._done = [*self._done[-_DONE_MAX:], strike]
        act = self._supervisor.stop_for if fault.order.kind is FaultKind.BROKER_STOP else self._supervisor.freeze_for
        loop = asyncio.get_running_loop()
        self._strikes = [one for one in self._strikes if one.when() > loop.time()]
        self._strikes.append(loop.call_later(GRACE_WALL_S, act, BROKER, left_s))

    def _hold(self, node: str) -> None:
        """Put the limit on a node's present process, or take it off."""
        try:
            pid = self._supervisor.pid(node)
            limited = self._limited.get(node)
            if limited is not None and (limited[0] != pid or node not in self._broken):
                del self._limited[node]
                if limited[0] == pid:
                    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limited[1], hard))
            if node in self._broken and pid is not None and node not in self._limited:
                soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
                self._limited[node] = (pid, soft)
        except ProcessLookupError:
            return  # it has just ended; what is started in its place is found at the next look
        except (OSError, AttributeError) as error:
            self._broken.pop(node, None)
            self._complain(f"the disk of {node} cannot be broken here: {error}")
