"""The directory of one run: keys, configurations, stores, logs. A fresh one each time; `--resume` goes on in one."""

import json
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from flatsat.keys import KeyRing, KeysError, make_keys
from flatsat.mission import Mission

RUNS = Path("runs")
LATEST = "latest"


class RunDirError(ValueError):
    """A run directory that cannot be made or resumed."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of a run."""

    http: int
    broker: int
    laser: int
    space: dict[str, int]  # by node: the relay of its space link


@dataclass(frozen=True, slots=True)
class RunDir:
    """Where everything of a run lies."""

    path: Path

    @property
    def keys(self) -> KeyRing:
        """The keys of the run."""
        return KeyRing(self.path / "keys")

    def config(self, program: str) -> Path:
        """Return the configuration file of a program."""
        return self.path / "config" / f"{program}.json"

    def log(self, program: str) -> Path:
        """Return the log file of a program."""
        return self.path / "logs" / f"{program}.log"

    def store(self, program: str) -> Path:
        """Return the directory in which a program keeps what must survive."""
        return self.path / "store" / program

    @property
    def access(self) -> Path:
        """Where the command line finds the running service: its address."""
        return self.path / "access.json"

    def write_config(self, program: str, content: dict[str, object]) -> Path:
        """Write a program's configuration and return the file."""
        path = self.config(program)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n")
        return path


def new_run(mission: Mission, root: Path = RUNS) -> RunDir:
    """Make the directory of a fresh run, with its keys, and point `runs/latest` at it.

    Raises:
        RunDirError: the directory cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        number = 1 + max(_numbers(root, mission.file.name), default=0)
        path = root / f"{mission.file.name}-{number:04d}"
        path.mkdir(mode=0o700)
        for sub in ("config", "logs", "store"):
            (path / sub).mkdir()
        for program in ("hwsim", "ground", "broker", *mission.node_ids):
            (path / "store" / program).mkdir()
        (path / "mission.json").write_text(
            json.dumps({"mission": str(mission.path.resolve()), "name": mission.file.name})
        )
        make_keys(path / "keys", mission.node_ids)
        _point_latest(root, path)
    except OSError as error:
        raise RunDirError(f"cannot make a run directory in {root}: {error.strerror}") from error
    except KeysError as error:
        raise RunDirError(str(error)) from error
    return RunDir(path.resolve())


def resume_run(mission: Mission, root: Path = RUNS) -> RunDir:
    """Return the directory of the latest run of this mission.

    Raises:
        RunDirError: there is none, or it was another mission's or lacks one of its nodes.
    """
    path = (root / LATEST).resolve()
    try:
        name = json.loads((path / "mission.json").read_text())["name"]
    except (OSError, ValueError, KeyError, TypeError):
        raise RunDirError(f"no earlier run in {root}: start one without --resume") from None
    if name != mission.file.name:
        raise RunDirError(
            f"the latest run in {root} flew {name!r}, not {mission.file.name!r}: start one without --resume"
        )
    run = RunDir(path)
    for node in mission.node_ids:
        if not run.store(node).is_dir() or not run.keys.laser_token(node).is_file():
            raise RunDirError(f"the latest run in {root} has no node {node!r}: start one without --resume")
    return run


def pick_ports(mission: Mission, http_port: int) -> Ports:
    """Return the ports of a run: the console's as asked, the others free ones.

    Raises:
        RunDirError: the console's port is taken.
    """
    console = socket.socket()
    try:
        console.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        console.bind(("127.0.0.1", http_port))
    except OSError as error:
        console.close()
        raise RunDirError(
            f"port {http_port} for the console is taken ({error.strerror}):"
            " end what uses it, or choose another with --port"
        ) from error
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2 + len(mission.node_ids))]
    numbers = [int(s.getsockname()[1]) for s in sockets]
    for held in (console, *sockets):  # held until all are chosen, so that no two are the same
        held.close()
    return Ports(http_port, numbers[0], numbers[1], dict(zip(mission.node_ids, numbers[2:], strict=True)))


def write_access(run: RunDir, ports: Ports) -> None:
    """Write down where the command line finds the running service."""
    run.access.write_text(json.dumps({"url": f"http://127.0.0.1:{ports.http}", "ports": asdict(ports)}))


def _numbers(root: Path, name: str) -> Iterator[int]:
    """Yield the numbers of a mission's runs; what else lies there is somebody's own."""
    for path in root.iterdir():
        found = re.fullmatch(rf"{re.escape(name)}-([0-9]{{4,9}})", path.name)
        if found is not None:
            yield int(found[1])


def _point_latest(root: Path, path: Path) -> None:
    link = root / LATEST
    fresh = root / f".{LATEST}-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(path.name)
    fresh.replace(link)
