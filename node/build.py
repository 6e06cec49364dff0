"""The composition root: with flight.py the only file that names adapters. One `Node`, in real and in virtual time."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from node.adapters.avionics import Avionics
from node.adapters.boot_record import BootRecord, ResetCause
from node.adapters.edge import Edge
from node.adapters.files import WritableFiles
from node.adapters.isl_ports import LaserIslPorts
from node.adapters.mqtt_space_link import MqttSpaceLink
from node.adapters.sqlite_store import SqliteStore
from node.adapters.store_rules import StoreOptions
from node.apps.commanding.app import CommandingApp
from node.apps.commanding.lifecycle import TC_TABLE
from node.apps.fdir.app import FdirApp
from node.apps.isl.almanac import almanac_of
from node.apps.isl.app import IslApp
from node.apps.isl.frames import Identity
from node.apps.jobs.app import JobsApp
from node.apps.jobs.lifecycle import JOB_TABLE
from node.apps.power.app import PowerApp
from node.apps.power.forecast import forecast_of
from node.apps.telemetry.app import TelemetryApp, TelemetryOptions
from node.apps.telemetry.downlink import poll_interval_s
from node.apps.thermal.app import ThermalApp
from node.apps.transfer.app import TransferApp
from node.config import NodeConfig
from node.kernel.bus import BusMessage
from node.kernel.events import Events
from node.kernel.executive import Executive
from node.kernel.recorder import Entry, Recorder, Sink
from node.messages import ModeReason, PowerModeChanged, SafeModeRequested
from node.minimal import MinimalIdentity, MinimalNode
from node.ports.runner import Runner
from runtime.clock import MissionClock
from runtime.laser import LaserPort
from runtime.link import Link
from runtime.timers import Timers

STORE_FILE = "node.db"

Post = Callable[[BusMessage], bool]


class EdgeRunner(Runner, Protocol):
    """A runner as the composition root needs it."""

    @property
    def busy(self) -> bool:
        """Whether an attempt still runs."""
        ...

    def halt(self) -> None:
        """Say nothing more: the processor is being reset, or the node has stopped."""
        ...


@dataclass(frozen=True, slots=True)
class Links:
    """The three connections of a node."""

    space: Link
    avionics: Link
    lasers: tuple[LaserPort, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a node stands on, in one of the two worlds."""

    clock: MissionClock
    timers: Timers
    links: Links
    data_dir: Path
    files: WritableFiles
    make_runner: Callable[[Post], EdgeRunner]
    fleet_key: bytes
    record: Sink | None
    durable: bool  # wait for the disk at each commit; not in virtual time, where no power fails
    new_id: Callable[[], str]  # names a new store, 16 hex digits
    before_write: Callable[[int], None] | None = None  # hear each durable write: the bench cuts the power there
    after_write: Callable[[int], None] | None = None


def space_subscriptions(node: str) -> tuple[str, ...]:
    """Return what a node's space link listens to."""
    return (f"ul/{node}/+",)


def avionics_subscriptions(node: str) -> tuple[str, ...]:
    """Return what a node's avionics bus listens to."""
    return (f"av/{node}/frame",)


class Node:
    """One satellite's onboard computer, put together."""

    def __init__(self, config: NodeConfig, around: Surroundings, request_reset: Callable[[], None]) -> None:
        """Boot: count it, open the store, make every app. Nothing runs until `start`.

        Raises:
            StorageError: the data directory cannot be used.
        """
        self.config = config
        self._around = around
        self._boot_record = BootRecord(around.data_dir, durable=around.durable)
        self._boot = self._boot_record.boot()
        self.recorder = Recorder(config.node, around.record)
        self.store = SqliteStore(
            around.data_dir / STORE_FILE,
            _moves(JOB_TABLE.moves()),
            _moves(TC_TABLE.moves()),
            synchronous="FULL" if around.durable else "OFF",
            options=StoreOptions(around.new_id, self._on_commit, around.before_write, around.after_write),
        )
        edge = Edge(self._post, self._record_input, self._record_output, self._report)
        self._space = MqttSpaceLink(config.node, around.links.space, edge)
        self._avionics = Avionics(
            config.node, self._boot.boot_count, around.links.avionics, around.clock, around.timers, edge
        )
        self._isl = LaserIslPorts(around.links.lasers, edge)
        self.runner = around.make_runner(self._post)
        self.executive = Executive(
            around.clock, around.timers, self.recorder, Events(self.store.append_event), self._minimal(request_reset)
        )
        self.executive.on_app_given_up = self._on_app_given_up
        self._add_apps()
        self.executive.bus.subscribe("kernel", PowerModeChanged, self._on_mode)

    def start(self) -> None:
        """Recover, start every app, and listen for device frames."""
        opened = self.store.opened
        if opened.set_aside is not None:
            self._report("STORE_SET_ASIDE", why=opened.why, file=opened.set_aside)
        self._report("NODE_BOOTED", boot_count=self._boot.boot_count, cause=self._boot.cause.value)
        self.executive.start()
        self._avionics.begin()

    def connections(self) -> list[Coroutine[Any, Any, None]]:
        """Return what keeps the three connections: coroutines that run until cancelled."""
        links = self._around.links
        running = [
            links.avionics.run(self._avionics.on_message, self._avionics.on_state),
            links.space.run(self._space.on_message, self._space.on_state),
        ]
        running += [port.run(*self._isl.callbacks(terminal)) for terminal, port in enumerate(links.lasers)]
        return running

    def stop(self) -> None:
        """Begin an orderly stop: apps stop in reverse, running jobs are told to save themselves."""
        self._report("NODE_STOPPED")
        self.executive.stop()

    def halt(self, cause: ResetCause | None) -> None:
        """End at once. With a cause it is noted for the next boot; without one it is as if the power had gone."""
        if cause is not None:
            self.executive.drain()
            self._boot_record.note_stop(cause)
        self.runner.halt()
        self._avionics.end()
        self.executive.halt()
        self.store.close()

    # --- composition ---

    def _add_apps(self) -> None:
        config, around = self.config, self._around
        profile = config.fleet.profile.with_terminals(config.terminals)
        kernel_for, avionics, store = self.executive.kernel_for, self._avionics, self.store
        element = next(row for row in config.fleet.elements if row.node == config.node)
        forecast = forecast_of(element.line1, element.line2)
        identity = Identity(config.node, self._boot.boot_count, around.fleet_key, config.isl.fleet_key_epoch)
        almanac = almanac_of(config.fleet, config.terminals)
        options = TelemetryOptions(
            node=config.node,
            boot_count=self._boot.boot_count,
            sandbox=self.runner.sandbox_level(),
            hk_interval_s=config.hk_interval_s,
            poll_s=poll_interval_s(around.clock.rate),
        )
        for app in (
            TelemetryApp(kernel_for("telemetry"), self._space, store, store, lambda: self.executive.counters, options),
            CommandingApp(kernel_for("commanding"), config.node, config.keys, store),
            FdirApp(kernel_for("fdir"), avionics, avionics, store, profile.thermal.throttle_c),
            PowerApp(kernel_for("power"), store, avionics, avionics, profile, forecast),
            ThermalApp(kernel_for("thermal"), profile),
            TransferApp(kernel_for("transfer"), self._space, around.files, store),
            JobsApp(kernel_for("jobs"), store, self.runner, avionics, around.files, profile),
            IslApp(kernel_for("isl"), store, avionics, self._isl, identity, almanac),
        ):
            self.executive.add(app)

    def _minimal(self, request_reset: Callable[[], None]) -> MinimalNode:
        keys = {key.key_id: key for key in self.config.keys}
        identity = MinimalIdentity(self.config.node, keys, self._boot.boot_count, self.runner.sandbox_level())
        power = (self._avionics, self._avionics)
        return MinimalNode(identity, self._space, power, self._end_jobs, request_reset, self._around.clock.now)

    # --- what edges and adapters call ---

    def _post(self, message: BusMessage) -> bool:
        return self.executive.post(message)

    def _record_input(self, source: str, topic: str, payload: bytes) -> None:
        self.recorder.write(self._around.clock.now(), Entry.INPUT, source, topic, payload)

    def _record_output(self, source: str, topic: str, size_bytes: int) -> None:
        self.recorder.write(self._around.clock.now(), Entry.OUTPUT, source, topic, size_bytes)

    def _on_commit(self, kind: str, bodies: list[dict[str, Any]]) -> None:
        self.recorder.write(self._around.clock.now(), Entry.FACT, kind, bodies)

    def _report(self, event_id: str, **fields: str | int | float | bool | None) -> None:
        self.executive.report("edge", event_id, fields)

    def _on_app_given_up(self, app: str, error: str) -> None:
        self._post(SafeModeRequested(ModeReason.APP_FAILED, f"{app}: {error}"))

    def _on_mode(self, change: PowerModeChanged) -> None:
        self._boot_record.note_mode(change.target)

    def _end_jobs(self) -> None:
        for row in self.store.live_jobs():
            self.runner.kill(row.spec.job_id)


def _moves(pairs: tuple[tuple[Any, Any], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((str(source), str(target)) for source, target in pairs)
