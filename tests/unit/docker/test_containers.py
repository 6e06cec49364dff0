"""The containers as written: no root, nothing writable, bounded, healthy, and one port on loopback."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

DOCKER = Path("docker")
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
FINAL_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]

each_service = pytest.mark.parametrize("service", SERVICES)


@each_service
def test_a_service_runs_without_root_on_a_read_only_root(service: str) -> None:
    row = SERVICES[service]

    assert row["read_only"] is True
    assert row["user"].startswith("${DAWNLINE_UID:?")
    assert row["cap_drop"] == ["ALL"]
    assert row["security_opt"] == ["no-new-privileges:true"]


@each_service
def test_a_service_has_bounded_memory_and_processes(service: str) -> None:
    assert {"mem_limit", "pids_limit"} <= SERVICES[service].keys()


@each_service
def test_a_service_says_whether_it_is_healthy(service: str) -> None:
    own_image = "build" in SERVICES[service]

    assert "healthcheck" in SERVICES[service] or (own_image and "HEALTHCHECK" in FINAL_STAGE)


def test_the_console_alone_is_published_and_on_loopback() -> None:
    published = {name: row["ports"] for name, row in SERVICES.items() if "ports" in row}

    assert published == {"ground": ["127.0.0.1:8460:8460"]}


def test_all_talk_on_an_internal_network_and_only_the_ground_has_another() -> None:
    assert COMPOSE["networks"]["space"] == {"internal": True}
    assert {name for name, row in SERVICES.items() if row["networks"] != ["space"]} == {"ground"}


def test_a_node_sees_its_own_secrets_and_no_other_nodes() -> None:
    nodes = [name for name in SERVICES if name.startswith("node-")]

    for node in nodes:
        assert SERVICES[node]["secrets"] == [f"broker-{node}", f"broker-{node}-av", f"laser-{node}", "fleet.key"]


def test_every_secret_that_is_used_is_declared_and_every_declared_one_used() -> None:
    used = {secret for row in SERVICES.values() for secret in row.get("secrets", [])}

    assert used == COMPOSE["secrets"].keys()


def test_no_secret_and_no_password_stands_in_an_environment() -> None:
    assert [name for name, row in SERVICES.items() if "environment" in row or "env_file" in row] == []


def test_the_image_has_two_stages_and_its_last_word_on_users_is_not_root() -> None:
    users = re.findall(r"^USER (\S+)", FINAL_STAGE, re.MULTILINE)

    assert DOCKERFILE.count("\nFROM ") == 2
    assert users == ["10001:10001"]
    assert "pip" not in FINAL_STAGE


def test_the_image_installs_by_hash_alone() -> None:
    assert "--require-hashes" in DOCKERFILE
    for program in ("node", "ground", "hwsim"):
        lock = (DOCKER / f"requirements-{program}.lock").read_text()
        pins = re.findall(r"^\S+==\S+.*\\$", lock, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^\S+==", lock, re.MULTILINE)) > 5


def test_a_programs_lock_pins_what_the_runs_lock_pins() -> None:
    run = set(re.findall(r"^\S+==[^ ]+", Path("requirements.lock").read_text(), re.MULTILINE))

    for program in ("node", "ground", "hwsim"):
        lock = (DOCKER / f"requirements-{program}.lock").read_text()
        assert set(re.findall(r"^\S+==[^ ]+", lock, re.MULTILINE)) <= run


def test_the_image_gets_only_the_rooms_of_its_program() -> None:
    copied = re.findall(r"^COPY (?!--from)(?:\S+ )*?(\S+) /opt/rooms", DOCKERFILE, re.MULTILINE)

    assert copied == ["icd", "astro", "runtime", "${PROGRAM}"]
