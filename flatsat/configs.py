"""What each program of a mission is told, made from the mission, the run's directory and its ports."""

from dataclasses import dataclass

from flatsat.keys import avionics_user
from flatsat.mission import Mission
from flatsat.run_dir import Ports, RunDir
from icd.tc import Role
from runtime.embedded_broker import BrokerUser

LOOPBACK = "127.0.0.1"
Config = dict[str, object]


@dataclass(frozen=True, slots=True)
class Setting:
    """One run of one mission: what every configuration is made from."""

    mission: Mission
    run: RunDir
    ports: Ports
    session: str  # names this start of the time authority
    rate: float


def hwsim_config(setting: Setting) -> Config:
    """Return the hardware simulator's configuration."""
    mission, ports = setting.mission, setting.ports
    return {
        "fleet": _fleet(mission),
        "seed": mission.file.seed,
        "session": setting.session,
        "rate": setting.rate,
        "anchor_unix_ns": None,
        "terminals": mission.file.vehicle.laser_terminals,
        "broker": _broker(setting, "hwsim", ports.broker),
        "bind_host": LOOPBACK,
        "space_ports": ports.space,
        "laser_port": ports.laser,
        "laser_tokens_file": str(setting.run.keys.laser_tokens),
        "snapshot_file": str(setting.run.store("hwsim") / "world.json"),
        "soc_start_frac": mission.soc_start_frac,
        "faults": [fault.model_dump(mode="json") for fault in mission.faults],
    }


def node_config(setting: Setting, node: str) -> Config:
    """Return one node's configuration."""
    keys, ports = setting.run.keys, setting.ports
    return {
        "node": node,
        "seed": setting.mission.file.seed,
        "fleet": _fleet(setting.mission),
        "terminals": setting.mission.file.vehicle.laser_terminals,
        "space_link": _broker(setting, node, ports.space[node]),
        "avionics": _broker(setting, avionics_user(node), ports.broker),
        "isl": {
            "host": LOOPBACK,
            "port": ports.laser,
            "token_file": str(keys.laser_token(node)),
            "fleet_key_file": str(keys.fleet_key),
            "fleet_key_epoch": 0,
        },
        "keys": [key.model_dump(mode="json") for key in keys.commanding()],
        "data_dir": str(setting.run.store(node)),
        "hk_interval_s": setting.mission.file.jobs.hk_interval_s,
        "sandbox": setting.mission.file.jobs.sandbox,
    }


def ground_config(setting: Setting) -> Config:
    """Return the ground service's configuration."""
    keys, store = setting.run.keys, setting.run.store("ground")
    return {
        "fleet": _fleet(setting.mission),
        "broker": _broker(setting, "ground", setting.ports.broker),
        "http_host": LOOPBACK,
        "http_port": setting.ports.http,
        "archive_file": str(store / "archive.db"),
        "console_dir": None,
        "data_dir": str(store / "files"),
        "scheduler_key_file": str(keys.private_key(Role.SCHEDULER)),
        "operator_key_file": str(keys.private_key(Role.OPERATOR)),
        "users_file": str(keys.users),
        "clock": "authority",
        "seed": setting.mission.file.seed,
    }


def broker_users(setting: Setting) -> list[BrokerUser]:
    """Return who may speak to the broker, and of what: each program has its own topics alone."""

    def user(name: str, publish: tuple[str, ...], subscribe: tuple[str, ...]) -> BrokerUser:
        password = setting.run.keys.broker_password(name).read_text().strip()
        return BrokerUser(name, password, publish, subscribe)

    users = [
        user("hwsim", ("av/+/frame", "sim/time", "sim/faults"), ("av/+/cmd", "sim/fault")),
        user("ground", ("ul/+/tc", "ul/+/ack", "ul/+/xfer"), ("dl/+/hk", "dl/+/report", "dl/+/xfer", "sim/time")),
        user("bench", ("sim/fault",), ("sim/faults", "sim/time", "av/+/frame")),
    ]
    for node in setting.mission.node_ids:
        users.append(user(node, (f"dl/{node}/#",), (f"ul/{node}/#",)))
        users.append(user(avionics_user(node), (f"av/{node}/cmd",), (f"av/{node}/frame", "sim/time")))
    return users


def _fleet(mission: Mission) -> object:
    return mission.fleet.model_dump(mode="json")


def _broker(setting: Setting, user: str, port: int) -> Config:
    return {
        "host": LOOPBACK,
        "port": port,
        "username": user,
        "password_file": str(setting.run.keys.broker_password(user)),
    }
