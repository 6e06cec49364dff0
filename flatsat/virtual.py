"""One table in virtual time: simulator, nodes and ground in one process, their broker and lasers in memory."""

import asyncio
import random
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from flatsat.broken_disk import BreakableFiles, refuse_if
from flatsat.configs import Setting, ground_config, hwsim_config, node_config
from flatsat.history import History
from flatsat.keys import make_keys
from flatsat.mission import Mission
from flatsat.run_dir import Ports, RunDir
from ground.build import Ground, build_ground
from ground.config import GroundConfig
from ground.secrets import load_secrets
from ground.service import SUBSCRIPTIONS as GROUND_SUBSCRIPTIONS
from hwsim.build import SUBSCRIPTIONS as HWSIM_SUBSCRIPTIONS
from hwsim.build import Host, HwSim, authority_of
from hwsim.config import HwsimConfig
from hwsim.network import LaserPath, SpacePath
from hwsim.units.laser_terminal import TerminalKey
from icd.faults import FaultKind
from node.adapters.boot_record import ResetCause
from node.adapters.files import MemoryFiles
from node.adapters.virtual_runner import Mishap, Script, VirtualRunner
from node.build import Links, Node, Surroundings, avionics_subscriptions, space_subscriptions
from node.config import NodeConfig
from node.ports.runner import JobStart
from runtime.laser_hub import MemoryLaserHub
from runtime.memory_broker import MemoryBroker
from runtime.pipe import LinkFaults
from runtime.pipe import Path as LinkPath
from runtime.seeds import stream
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, virtual_loop

FILES_BYTES_MAX = 512 * 1024 * 1024  # of one node, in memory
REBOOT_S = 5.0  # mission time from a reset to the first message
GROUND_REBOOT_S = 10.0  # mission time from a crash of the ground service to its next start


class MemoryChannels:
    """Lays the simulator's paths in memory: the other end of hwsim.channel.Channels."""

    def __init__(self, broker: MemoryBroker, hub: MemoryLaserHub) -> None:
        self._broker = broker
        self._hub = hub
        self._spoilt: dict[str, tuple[float, float]] = {}  # what faults do to the messages of a node

    def set_space(self, node: str, path: SpacePath | None) -> None:
        """Give a node's space link a path, or cut it."""
        spoilt = (0.0, 0.0) if path is None else (path.loss_frac, path.copy_frac)
        if spoilt != self._spoilt.get(node, (0.0, 0.0)):
            self._spoilt[node] = spoilt
            self._broker.set_faults(node, LinkFaults(drop_qos0_frac=spoilt[0], duplicate_qos1_frac=spoilt[1]))
        self._broker.set_path(node, None if path is None else LinkPath(path.delay_s, path.rate_bps))

    def set_laser(self, a: TerminalKey, b: TerminalKey, path: LaserPath | None) -> None:
        """Join two terminals' data ports with a delay and a rate, or part them."""
        one, other = (a.node, a.index), (b.node, b.index)
        if path is None:
            self._hub.cut(one)
            self._hub.cut(other)
        else:
            self._hub.join(one, other, path.delay_s, path.rate_bps)


class ProcessorResetError(BaseException):
    """Cuts a node short wherever it is: raised from a hook of its store, it passes every handler of the node."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.node = node


def _no_mishap(order: JobStart) -> Mishap | None:
    return None


@dataclass(frozen=True, slots=True)
class Meddling:
    """What the bench does to programs from inside.

    `script` says what befalls an attempt of a job. `before_write` and `after_write` hear the node and the count of
    its durable writes since the table was laid, whatever its boots; one that raises ProcessorResetError resets it.
    """

    script: Script = _no_mishap
    before_write: Callable[[str, int], None] | None = None
    after_write: Callable[[str, int], None] | None = None


@dataclass(slots=True)
class _Seat:
    """Where one node sits: what survives a reset of its processor, and the node of this boot."""

    config: NodeConfig
    data_dir: Path
    files: BreakableFiles
    ids: random.Random
    node: Node
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    boots: int = 1
    down: bool = False  # reset, and not yet booted again
    writes: int = 0  # durable writes of every boot


class Table:
    """The bench's table. Made inside a running virtual loop."""

    def __init__(self, mission: Mission, seed: int, directory: Path, meddling: Meddling) -> None:
        """Put everything on the table; `directory` holds the stores and is the caller's to remove.

        The seed takes the place of the mission file's: every stream of every program is drawn from it.
        """
        loop = virtual_loop()
        self._otherwise = loop.get_exception_handler()
        loop.set_exception_handler(self._on_exception)
        self.mission = mission = replace(mission, file=mission.file.model_copy(update={"seed": seed}))
        self.history = History()
        self.clock = VirtualClock(loop, mission.epoch)
        self.timers = LoopTimers(self.clock, loop)
        self.broker = MemoryBroker(self.timers, stream(seed, "broker"))
        self._hub = MemoryLaserHub(self.timers)
        self.recorders: dict[str, str] = {}  # each node's own hash, once it has stopped
        self._tasks: list[asyncio.Task[None]] = []
        self._broken_disks: list[str] = []
        self._seed = seed
        self._meddling = meddling
        self._setting = _setting(mission, seed, directory)
        self._seats: dict[str, _Seat] = {}
        self.hwsim = self._make_hwsim()
        self.ground_up = True
        self.ground, self._ground_task = self._make_ground()
        for node in mission.node_ids:
            self._sit_down(node)

    @property
    def nodes(self) -> dict[str, Node]:
        """The node of each seat, in the mission's order."""
        return {name: seat.node for name, seat in self._seats.items()}

    def start(self) -> None:
        """Start the simulator, the ground, then the nodes."""
        self.hwsim.start()
        self.ground.service.start()
        for seat in self._seats.values():
            self._start(seat)

    def reset(self, node: str) -> None:
        """Reset a node's processor, as a watchdog does: what was not committed is gone. It boots REBOOT_S later."""
        seat = self._seats[node]
        if seat.down:
            return
        self._end(seat, None)
        seat.down = True
        self.history.write(self.clock.now(), node, "reset")
        self.timers.after_s(REBOOT_S, lambda: self._reboot(seat))

    def reset_ground(self) -> None:
        """Crash the ground service: what was not committed is gone. It starts on its archive GROUND_REBOOT_S later."""
        if not self.ground_up:
            return
        self.ground_up = False
        self._ground_task.cancel()
        self.ground.halt()
        self.history.write(self.clock.now(), "ground", "reset")
        self.timers.after_s(GROUND_REBOOT_S, self._reboot_ground)

    def boots(self, node: str) -> int:
        """Return how often a node has booted."""
        return self._seats[node].boots

    def writes(self, node: str) -> int:
        """Return how many durable writes a node has made."""
        return self._seats[node].writes

    async def close(self) -> None:
        """End every task and close every store."""
        for seat in self._seats.values():
            self._end(seat, ResetCause.ORDERLY)
            self.recorders[seat.config.node] = seat.node.recorder.hexdigest()
        self.ground.close()
        self.hwsim.stop()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            await asyncio.gather(task, return_exceptions=True)

    # --- putting on the table ---

    def _make_hwsim(self) -> HwSim:
        config = HwsimConfig.model_validate(hwsim_config(self._setting))
        link = self.broker.link("hwsim", HWSIM_SUBSCRIPTIONS)
        host = Host(self.clock, self.timers, link, MemoryChannels(self.broker, self._hub))
        hwsim = HwSim(config, host, authority_of(config, None, 0), None, self.reset)
        hwsim.world.faults.watch(self._on_faults)
        self.spawn(link.run(hwsim.on_message, hwsim.on_state), "hwsim")
        return hwsim

    def _on_faults(self) -> None:
        """Do what a fault asks of the broker, which is no hardware, and write down what befalls a disk."""
        board = self.hwsim.world.faults
        self.broker.set_stopped(bool(board.active("", FaultKind.BROKER_STOP)))
        self.broker.set_paused(bool(board.active("", FaultKind.BROKER_PAUSE)))
        broken = [node for node in self.mission.node_ids if self._disk_broken(node)]
        for node in (*self._broken_disks, *broken):
            if (node in broken) is not (node in self._broken_disks):
                self.history.write(self.clock.now(), node, "disk", "broken" if node in broken else "works")
        self._broken_disks = broken

    def _disk_broken(self, node: str) -> bool:
        return bool(self.hwsim.world.faults.active(node, FaultKind.STORAGE_FAIL))

    def _make_ground(self) -> tuple[Ground, asyncio.Task[None]]:
        config = GroundConfig.model_validate(ground_config(self._setting))
        link = self.broker.link("ground", GROUND_SUBSCRIPTIONS)
        ground = build_ground(config, self.clock, self.timers, link, load_secrets(config), durable=False)
        return ground, self.spawn(link.run(ground.service.on_message, ground.service.on_state), "ground")

    def _reboot_ground(self) -> None:
        self.ground, self._ground_task = self._make_ground()
        self.ground.service.start()
        self.ground_up = True

    def _sit_down(self, name: str) -> None:
        config = NodeConfig.model_validate(node_config(self._setting, name))
        data_dir = self._setting.run.store(name)
        files = BreakableFiles(MemoryFiles(FILES_BYTES_MAX), partial(self._disk_broken, name))
        ids = stream(self._seed, f"store-{name}")
        self._seats[name] = _Seat(config, data_dir, files, ids, self._boot(config, data_dir, files, ids))

    def _boot(self, config: NodeConfig, data_dir: Path, files: BreakableFiles, ids: random.Random) -> Node:
        name = config.node
        links = Links(
            space=self.broker.link(name, space_subscriptions(name)),
            avionics=self.broker.link(f"{name}-av", avionics_subscriptions(name)),
            lasers=tuple(self._hub.port(name, terminal) for terminal in range(config.terminals)),
        )
        around = Surroundings(
            clock=self.clock,
            timers=self.timers,
            links=links,
            data_dir=data_dir,
            files=files,
            make_runner=lambda post: VirtualRunner(self.clock, self.timers, files, post, self._meddling.script),
            fleet_key=bytes.fromhex(self._setting.run.keys.fleet_key.read_text()),
            record=self.history.append,
            durable=False,
            new_id=lambda: ids.randbytes(8).hex(),
            before_write=partial(self._before_write, name),
            after_write=partial(self._after_write, name),
        )
        return Node(config, around, request_reset=lambda: self.reset(name))

    def _start(self, seat: _Seat) -> None:
        seat.down = False
        try:
            seat.node.start()
        except ProcessorResetError as cut:
            self._cut(cut)
            return
        seat.tasks = [self.spawn(one, seat.config.node) for one in seat.node.connections()]

    def _reboot(self, seat: _Seat) -> None:
        seat.node = self._boot(seat.config, seat.data_dir, seat.files, seat.ids)
        seat.boots += 1
        self._start(seat)

    def _end(self, seat: _Seat, cause: ResetCause | None) -> None:
        for task in seat.tasks:
            task.cancel()
        seat.tasks = []
        seat.node.halt(cause)

    def _before_write(self, node: str, _: int) -> None:
        refuse_if(self._disk_broken(node))
        if self._meddling.before_write is not None:
            self._meddling.before_write(node, self._seats[node].writes + 1)

    def _after_write(self, node: str, _: int) -> None:
        seat = self._seats[node]
        seat.writes += 1
        if self._meddling.after_write is not None:
            self._meddling.after_write(node, seat.writes)

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, ProcessorResetError):
            self._cut(error)
        elif self._otherwise is not None:
            self._otherwise(loop, context)

    def _cut(self, cut: ProcessorResetError) -> None:
        # Frames that were cut short may hold open statements, and with them the lock on the store's file.
        traceback.clear_frames(cut.__traceback__)
        self.reset(cut.node)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Let a coroutine run until the table is closed."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.append(task)
        return task


def _setting(mission: Mission, seed: int, directory: Path) -> Setting:
    run = RunDir(directory)
    for program in ("hwsim", "ground", "broker", *mission.node_ids):
        run.store(program).mkdir(parents=True)
    make_keys(directory / "keys", mission.node_ids, seed)
    # No socket is opened in virtual time; the configurations want ports all the same.
    ports = Ports(1, 1, 1, dict.fromkeys(mission.node_ids, 1))
    return Setting(mission, run, ports, "virtual", 1.0)
