"""One table in virtual time: simulator, nodes and ground in one process, their broker and lasers in memory."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from hwsim.network import SpacePath
from hwsim.units.laser_terminal import TerminalKey
from node.adapters.boot_record import ResetCause
from node.adapters.files import MemoryFiles
from node.adapters.virtual_runner import VirtualRunner
from node.build import Links, Node, Surroundings, avionics_subscriptions, space_subscriptions
from node.config import NodeConfig
from runtime.laser_hub import MemoryLaserHub
from runtime.memory_broker import MemoryBroker
from runtime.pipe import Path as LinkPath
from runtime.seeds import stream
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, virtual_loop

FILES_BYTES_MAX = 512 * 1024 * 1024  # of one node, in memory
REBOOT_S = 5.0  # mission time from a reset to the first message


class MemoryChannels:
    """Lays the simulator's paths in memory: the other end of hwsim.channel.Channels."""

    def __init__(self, broker: MemoryBroker, hub: MemoryLaserHub) -> None:
        self._broker = broker
        self._hub = hub

    def set_space(self, node: str, path: SpacePath | None) -> None:
        """Give a node's space link a path, or cut it."""
        self._broker.set_path(node, None if path is None else LinkPath(path.delay_s, path.rate_bps))

    def set_laser(self, a: TerminalKey, b: TerminalKey, delay_s: float | None) -> None:
        """Join two terminals' data ports, or part them."""
        one, other = (a.node, a.index), (b.node, b.index)
        if delay_s is None:
            self._hub.cut(one)
            self._hub.cut(other)
        else:
            self._hub.join(one, other, delay_s)


@dataclass(slots=True)
class _Seat:
    """Where one node sits: what survives a reset of its processor, and the node of this boot."""

    config: NodeConfig
    data_dir: Path
    files: MemoryFiles
    ids: random.Random
    node: Node
    tasks: list[asyncio.Task[None]]
    boots: int = 1


class Table:
    """The bench's table. Made inside a running virtual loop."""

    def __init__(self, mission: Mission, seed: int, directory: Path) -> None:
        """Put everything on the table; `directory` holds the stores and is the caller's to remove."""
        loop = virtual_loop()
        self.mission = mission
        self.history = History()
        self.clock = VirtualClock(loop, mission.epoch)
        self.timers = LoopTimers(self.clock, loop)
        self.broker = MemoryBroker(self.timers, stream(seed, "broker"))
        self._hub = MemoryLaserHub(self.timers)
        self.recorders: dict[str, str] = {}  # each node's own hash, once it has stopped
        self._tasks: list[asyncio.Task[None]] = []
        self._seed = seed
        self._setting = _setting(mission, seed, directory)
        self.hwsim = self._make_hwsim()
        self.ground = self._make_ground()
        self._seats = {node: self._sit_down(node) for node in mission.node_ids}

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
        self._end(seat, None)
        self.history.write(self.clock.now(), node, "reset")
        self.timers.after_s(REBOOT_S, lambda: self._reboot(seat))

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
        self._run(link.run(hwsim.on_message, hwsim.on_state), "hwsim")
        return hwsim

    def _make_ground(self) -> Ground:
        config = GroundConfig.model_validate(ground_config(self._setting))
        link = self.broker.link("ground", GROUND_SUBSCRIPTIONS)
        ground = build_ground(config, self.clock, self.timers, link, load_secrets(config), durable=False)
        self._run(link.run(ground.service.on_message, ground.service.on_state), "ground")
        return ground

    def _sit_down(self, name: str) -> _Seat:
        config = NodeConfig.model_validate(node_config(self._setting, name))
        data_dir = self._setting.run.store(name)
        files = MemoryFiles(FILES_BYTES_MAX)
        ids = stream(self._seed, f"store-{name}")
        return _Seat(config, data_dir, files, ids, self._boot(config, data_dir, files, ids), [])

    def _boot(self, config: NodeConfig, data_dir: Path, files: MemoryFiles, ids: random.Random) -> Node:
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
            make_runner=lambda post: VirtualRunner(self.clock, self.timers, files, post, lambda order: None),
            fleet_key=bytes.fromhex(self._setting.run.keys.fleet_key.read_text()),
            record=self.history.append,
            durable=False,
            new_id=lambda: ids.randbytes(8).hex(),
        )
        return Node(config, around, request_reset=lambda: self.reset(name))

    def _start(self, seat: _Seat) -> None:
        seat.node.start()
        seat.tasks = [self._run(one, seat.config.node) for one in seat.node.connections()]

    def _reboot(self, seat: _Seat) -> None:
        seat.node = self._boot(seat.config, seat.data_dir, seat.files, seat.ids)
        seat.boots += 1
        self._start(seat)

    def _end(self, seat: _Seat, cause: ResetCause | None) -> None:
        for task in seat.tasks:
            task.cancel()
        seat.tasks = []
        seat.node.halt(cause)

    def _run(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
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
