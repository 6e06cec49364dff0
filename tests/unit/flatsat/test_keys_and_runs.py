"""Keys, run directories and durations: what a run stands on."""

import hashlib
import json
import socket
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from flatsat import durations, run_dir
from flatsat.keys import KeyRing, KeysError, avionics_user, make_keys
from flatsat.mission import Mission, load_mission
from flatsat.run_dir import RunDirError
from icd.tc import Role

NODES = ("node-1", "node-2")
MISSION = Path("missions/first-light.toml")


@pytest.fixture(scope="module")
def mission() -> Mission:
    return load_mission(MISSION)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(directory: Path) -> dict[str, str]:
    return {str(p.relative_to(directory)): p.read_text() for p in sorted(directory.rglob("*")) if p.is_file()}


def test_only_the_owner_may_read_keys(tmp_path: Path) -> None:
    ring = make_keys(tmp_path / "keys", NODES)

    paths = [ring.directory, *ring.directory.rglob("*")]

    assert {mode(path) for path in paths if path.is_dir()} == {0o700}
    assert {mode(path) for path in paths if path.is_file()} == {0o600}


def test_an_empty_directory_that_others_may_read_is_closed_first(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)

    make_keys(tmp_path / "keys", NODES)

    assert mode(tmp_path / "keys") == 0o700


def test_every_program_and_role_has_its_key(tmp_path: Path) -> None:
    ring = make_keys(tmp_path / "keys", NODES)
    users = ("hwsim", "ground", "bench", *NODES, *(avionics_user(node) for node in NODES))

    passwords = [ring.broker_password(user).read_text() for user in users]

    assert len(set(passwords)) == len(users)
    assert {key.role for key in ring.commanding()} == set(Role)
    for key in ring.commanding():
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(ring.private_key(key.role).read_text().strip()))
        assert private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex() == key.public_hex
    tokens = json.loads(ring.laser_tokens.read_text())
    assert tokens == {node: ring.laser_token(node).read_text().strip() for node in NODES}
    assert len(bytes.fromhex(ring.fleet_key.read_text().strip())) == 32


def test_the_users_file_holds_hashes_and_no_token(tmp_path: Path) -> None:
    ring = make_keys(tmp_path / "keys", NODES)

    users = json.loads(ring.users.read_text())

    for user, row in users.items():
        token = ring.api_token(user)
        assert row["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()
        assert token not in ring.users.read_text()
    assert users["viewer"]["roles"] == ["viewer"]


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    ring = make_keys(tmp_path / "keys", NODES)
    before = contents(ring.directory)

    with pytest.raises(KeysError, match="is not empty: keys are never overwritten"):
        make_keys(tmp_path / "keys", NODES)

    assert contents(ring.directory) == before


def test_one_seed_makes_one_set_of_keys_and_no_seed_makes_new_ones(tmp_path: Path) -> None:
    made = [
        contents(make_keys(tmp_path / str(at), NODES, seed).directory) for at, seed in enumerate((7, 7, 8, None, None))
    ]

    assert made[0] == made[1]
    assert all(made[a] != made[b] for a, b in ((0, 2), (0, 3), (3, 4)))


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        (("a", "a"), "'a' stands twice"),
        (("a", "a-av"), "'a-av' stands twice"),
        (("ground",), "'ground' is another program's name"),
        (("broker",), "'broker' is another program's name"),
    ],
)
def test_two_programs_with_one_name_get_no_keys(tmp_path: Path, nodes: tuple[str, ...], says: str) -> None:
    with pytest.raises(KeysError, match=says):
        make_keys(tmp_path / "keys", nodes)

    assert not (tmp_path / "keys").exists()


def test_keys_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(KeysError, match=r"^cannot write keys to .*file/keys: Not a directory$"):
        make_keys(tmp_path / "file" / "keys", NODES)


def test_runs_are_numbered_and_latest_points_at_the_newest(tmp_path: Path, mission: Mission) -> None:
    first, second = run_dir.new_run(mission, tmp_path), run_dir.new_run(mission, tmp_path)

    assert [run.path.name for run in (first, second)] == ["first-light-0001", "first-light-0002"]
    assert (tmp_path / "latest").resolve() == second.path
    assert run_dir.resume_run(mission, tmp_path) == second
    assert mode(second.path) == 0o700
    assert second.store("node-1").is_dir()
    assert second.store("hwsim").is_dir()


def test_what_else_lies_among_the_runs_is_left_alone(tmp_path: Path, mission: Mission) -> None:
    for name in ("first-light-0007", "first-light-0007-backup", "first-light-2x", "first-light-x-0100", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "first-light-0041.txt").write_text("")

    assert run_dir.new_run(mission, tmp_path).path.name == "first-light-0008"


def test_a_run_that_cannot_be_made_is_one_line(tmp_path: Path, mission: Mission) -> None:
    (tmp_path / "runs").write_text("")

    with pytest.raises(RunDirError, match=r"^cannot make a run directory in .*runs: "):
        run_dir.new_run(mission, tmp_path / "runs")


def test_there_is_nothing_to_resume_where_nothing_flew(tmp_path: Path, mission: Mission) -> None:
    with pytest.raises(RunDirError, match=r"^no earlier run in .*: start one without --resume$"):
        run_dir.resume_run(mission, tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "7", "{not json"])
def test_a_run_whose_note_is_garbage_cannot_be_resumed(tmp_path: Path, mission: Mission, content: str) -> None:
    run = run_dir.new_run(mission, tmp_path)
    (run.path / "mission.json").write_text(content)

    with pytest.raises(RunDirError, match="no earlier run"):
        run_dir.resume_run(mission, tmp_path)


def test_another_missions_run_is_not_resumed(tmp_path: Path, mission: Mission) -> None:
    run = run_dir.new_run(mission, tmp_path)
    (run.path / "mission.json").write_text(json.dumps({"name": "other"}))

    with pytest.raises(RunDirError, match="flew 'other', not 'first-light': start one without --resume"):
        run_dir.resume_run(mission, tmp_path)


def test_a_run_that_lacks_a_node_of_the_mission_is_not_resumed(tmp_path: Path, mission: Mission) -> None:
    run = run_dir.new_run(mission, tmp_path)
    run.store("node-3").rmdir()

    with pytest.raises(RunDirError, match="has no node 'node-3': start one without --resume"):
        run_dir.resume_run(mission, tmp_path)


def test_a_taken_port_is_one_line_that_says_what_to_do(mission: Mission) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(RunDirError, match=f"^port {port} for the console is taken .*choose another with --port$"):
            run_dir.pick_ports(mission, port)


def test_all_ports_of_a_run_differ_and_are_free(mission: Mission) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]

    ports = run_dir.pick_ports(mission, free)
    numbers = [ports.http, ports.broker, ports.laser, *ports.space.values()]

    assert list(ports.space) == list(mission.node_ids)
    assert ports.http == free
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        with socket.create_server(("127.0.0.1", number)):
            assert number > 0


def test_the_access_file_holds_an_address_and_no_secret(tmp_path: Path, mission: Mission) -> None:
    run = run_dir.new_run(mission, tmp_path)
    run_dir.write_access(run, run_dir.Ports(8460, 1, 2, {"node-1": 3}))

    text = run.access.read_text()
    secrets = [one.strip() for one in contents(run.keys.directory).values() if not one.startswith(("{", "["))]

    assert json.loads(text)["url"] == "http://127.0.0.1:8460"
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize(
    ("text", "s"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), ("45", 45.0), (" 2m ", 120.0)]
)
def test_a_duration_reads_as_people_write_it(text: str, s: float) -> None:
    assert durations.seconds(text) == s


@pytest.mark.parametrize(
    "text", ["", "0s", "-1s", "1d", "1 h", "h", "1e3s", "nan", "inf", "٣s", "9" * 400, "1.s", "1m30s", "90S"]
)
def test_what_is_no_duration_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 90s, 10m or 1\.5h"):
        durations.seconds(text)


def test_a_key_ring_names_files_and_reads_none(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "nowhere")

    assert ring.private_key(Role.OPERATOR).name == "operator.key"
    assert ring.broker_password("bench").parent.name == "broker"
