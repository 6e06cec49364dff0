"""Makes what the containers mount: keys as secret files, one configuration a program, the broker's accounts.

    .venv/bin/python docker/prepare.py missions/first-light.toml docker/run

The folder must be new; nothing in it is ever overwritten. Its layout is what compose.yaml names.
"""

import argparse
import os
import sys
from pathlib import Path

from flatsat.configs import Setting, broker_users, ground_config, hwsim_config, node_config
from flatsat.keys import KeysError, make_keys
from flatsat.mission import Mission, MissionError, load_mission
from flatsat.run_dir import Ports, RunDir
from runtime.embedded_broker import mosquitto_access, mosquitto_password

BROKER_PORT = 1883
HTTP_PORT = 8460
LASER_PORT = 7001
SPACE_PORT_FIRST = 7101  # of the first node's relay, then one a node
CONTAINER_UID = 10001  # who the programs are when root prepares the folder
SECRETS = "/run/secrets"
STATE = "/var/lib/dawnline"

Config = dict[str, object]


def main() -> int:
    """Prepare the folder; return 2 with one line when that is not possible."""
    parser = argparse.ArgumentParser(description="Make keys and configurations for docker/compose.yaml.")
    parser.add_argument("mission", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        prepare(load_mission(given.mission), given.folder)
    except (MissionError, KeysError, OSError) as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 2
    print(f"{given.folder} is ready: docker compose --file docker/compose.yaml up --build")
    return 0


def prepare(mission: Mission, folder: Path) -> None:
    """Fill a new folder.

    Raises:
        OSError: the folder is there already, or cannot be written.
        KeysError: the keys cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True)
    run = RunDir(folder.resolve())
    make_keys(run.keys.directory, mission.node_ids)
    space = {node: SPACE_PORT_FIRST + index for index, node in enumerate(mission.node_ids)}
    setting = Setting(mission, run, Ports(HTTP_PORT, BROKER_PORT, LASER_PORT, space), "compose", mission.file.rate)
    write_config(run, "hwsim", hwsim_config(setting) | {"bind_host": "0.0.0.0"})
    write_config(run, "ground", ground_config(setting) | {"http_host": "0.0.0.0"})
    for node in mission.node_ids:
        write_config(run, node, node_config(setting, node))
    for program in ("hwsim", "ground", *mission.node_ids):
        run.store(program).mkdir(parents=True)
    write_secrets(run)
    write_accounts(run, setting)
    uid = os.getuid() or CONTAINER_UID
    (folder / "compose.env").write_text(f"DAWNLINE_UID={uid}\nDAWNLINE_GID={os.getgid() or CONTAINER_UID}\n")
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, CONTAINER_UID, CONTAINER_UID)


def write_config(run: RunDir, program: str, config: Config) -> None:
    """Write one program's configuration with the hosts and paths of its container."""
    content = moved(config, run, program)
    assert isinstance(content, dict)
    run.write_config(program, content)


def moved(value: object, run: RunDir, program: str) -> object:
    """Return a configuration as it reads inside: secrets and state in their places, services by their names."""
    if isinstance(value, dict):
        return {key: host_of(key, moved(each, run, program)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [moved(each, run, program) for each in value]
    if isinstance(value, str):
        if value.startswith(str(run.keys.directory)):
            return f"{SECRETS}/{secret_name(run, Path(value))}"
        return value.replace(str(run.store(program)), STATE)
    return value


def host_of(key: str, value: object) -> object:
    """Return an entry of a configuration with the service's name for its host: relays and lasers are hwsim's."""
    if key in ("broker", "avionics", "space_link", "isl") and isinstance(value, dict):
        return value | {"host": "hwsim" if key in ("space_link", "isl") else "broker"}
    return value


def secret_name(run: RunDir, path: Path) -> str:
    """Return the name under which compose mounts a key file: broker/node-1 becomes broker-node-1."""
    return path.relative_to(run.keys.directory).as_posix().replace("/", "-")


def write_secrets(run: RunDir) -> None:
    """Copy every key file to one flat folder, by its secret's name, readable by its owner alone."""
    flat = run.path / "secrets"
    flat.mkdir(mode=0o700)
    for path in sorted(run.keys.directory.rglob("*")):
        if path.is_file():
            write_private(flat / secret_name(run, path), path.read_text())


def write_accounts(run: RunDir, setting: Setting) -> None:
    """Write Mosquitto's password file and access list: one account a program, its own topics alone."""
    users = broker_users(setting)
    folder = run.path / "broker"
    folder.mkdir(mode=0o700)
    passwords = [f"{user.username}:{mosquitto_password(user)}" for user in users]
    write_private(folder / "passwords", "\n".join(passwords) + "\n")
    write_private(folder / "access", "\n".join(line for user in users for line in mosquitto_access(user)) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, from its first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
