"""What is prepared for the containers is what the programs accept and what the compose file names."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from docker import healthy, prepare
from flatsat.mission import load_mission
from hwsim import config as hwsim_config
from node import config as node_config

MISSION = Path("missions/first-light.toml")
COMPOSE: dict[str, Any] = yaml.safe_load(Path("docker/compose.yaml").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("docker") / "run"
    prepare.prepare(load_mission(MISSION), made)
    return made


def test_every_file_that_compose_names_is_prepared(folder: Path) -> None:
    secrets = [row["file"] for row in COMPOSE["secrets"].values()]
    mounted = [volume.split(":")[0] for row in COMPOSE["services"].values() for volume in row.get("volumes", [])]

    named = [path for path in (*secrets, *mounted) if path.startswith("./run/")]

    assert [path for path in named if not (folder / path.removeprefix("./run/")).exists()] == []
    assert len(named) > 20


def test_compose_has_a_service_for_every_node_of_the_mission() -> None:
    nodes = [name for name in COMPOSE["services"] if name.startswith("node-")]

    assert nodes == list(load_mission(MISSION).node_ids)


def test_the_node_accepts_its_configuration_and_finds_services_by_name(folder: Path) -> None:
    config = node_config.load_config(folder / "config" / "node-2.json")

    assert (config.avionics.host, config.space_link.host, config.isl.host) == ("broker", "hwsim", "hwsim")
    assert config.avionics.password_file == "/run/secrets/broker-node-2-av"
    assert config.data_dir == "/var/lib/dawnline"


def test_the_simulator_accepts_its_configuration_and_listens_for_other_containers(folder: Path) -> None:
    config = hwsim_config.load(folder / "config" / "hwsim.json")

    assert (config.bind_host, config.broker.host) == ("0.0.0.0", "broker")
    assert config.laser_tokens_file == "/run/secrets/laser-tokens.json"


def test_no_configuration_names_a_place_of_this_machine(folder: Path) -> None:
    for path in (folder / "config").iterdir():
        assert str(folder) not in path.read_text(), path.name


def test_every_secret_is_readable_by_its_owner_alone(folder: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder / "secrets").iterdir()}

    assert set(modes.values()) == {0o600}


def test_a_node_may_publish_and_hear_only_its_own_topics(folder: Path) -> None:
    access = (folder / "broker" / "access").read_text()

    own = access.partition("user node-1\n")[2].partition("user ")[0].split("\n")
    assert own[:2] == ["topic write dl/node-1/#", "topic read ul/node-1/#"]


def test_a_folder_that_is_there_already_is_left_alone(folder: Path) -> None:
    before = (folder / "secrets" / "fleet.key").read_text()

    with pytest.raises(FileExistsError):
        prepare.prepare(load_mission(MISSION), folder)

    assert (folder / "secrets" / "fleet.key").read_text() == before


def test_the_passwords_of_the_accounts_are_hashed(folder: Path) -> None:
    password = (folder / "secrets" / "broker-node-1").read_text().strip()
    accounts = (folder / "broker" / "passwords").read_text()

    assert password not in accounts
    assert "node-1:$7$" in accounts


@pytest.mark.parametrize(
    ("state", "port", "healthily"), [("01", "075B", True), ("06", "075B", False), ("01", "1F90", False)]
)
def test_a_node_is_healthy_while_it_holds_its_broker_connection(
    tmp_path: Path, state: str, port: str, healthily: bool
) -> None:
    table = tmp_path / "tcp"
    table.write_text(f"  sl  local rem st\n   0: 0200A8C0:D431 0300A8C0:{port} {state} 00000000:00000000\n")

    assert healthy.holds_broker_connection((table, tmp_path / "none")) is healthily


def test_the_settings_of_prepared_programs_are_json(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "config").iterdir())

    assert names == ["ground.json", "hwsim.json", "node-1.json", "node-2.json", "node-3.json", "node-4.json"]
    assert json.loads((folder / "config" / "ground.json").read_text())["http_host"] == "0.0.0.0"
