"""Bad bytes on every topic and hostile jobs, while it flies: counted with a reason, and everything stays up."""

import asyncio
import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flatsat.keys import KeyRing
from flatsat.plugin import LiveRun, launch
from icd.codec import encode
from icd.tc import Command, Ping, Role, SetHkInterval, Telecommand, sign
from icd.timebase import MissionTime, after
from tests.system.audit import audit
from tests.system.flights import attempts_of, dawnline, processes_of, until, write_mission
from tests.system.wreck import NODES

pytestmark = pytest.mark.slow

RATE = 1.5  # node-3 stays in contact for 79 s of wall time, node-4 for 55 s
SEED = 5
HEARD_WALL_S = 30.0
OVERSIZED = bytes(200_000)  # more than any message may have, less than the broker takes
VICTIM, TARGET = "node-4", "node-3"
ENDS = ("SUCCEEDED", "FAILED", "CANCELLED")
REJECTIONS = ("TC_GARBAGE", "TC_REJECTED", "UPLINK_REJECTED", "FRAME_REJECTED")
JOB = """
command = ["python3", "-I", "-S", "job.py"]
class = "HOT"
priority = 50
power_w = 300.0
slots = 1
memory_mb = {memory_mb}
disk_mb = 2
time_limit_s = {time_limit_s}
grace_s = 0.5
work_s = 20.0
checkpoint_every_s = 20.0
retries_max = 0
"""
HEAD = """
import json, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
out = os.environ["DAWNLINE_OUTPUT_DIR"]
"""
# Name, program, what else its job.toml says, how it must end.
HOSTILE: dict[str, tuple[str, dict[str, float], tuple[str, str]]] = {
    "forks": (
        "while True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        {},
        ("FAILED", "PROCESS_LIMIT"),
    ),
    "eats": ("held = bytearray(os.urandom(1) * 200_000_000)\ntime.sleep(60)", {}, ("FAILED", "MEMORY_LIMIT")),
    "fills": (
        "for n in range(40):\n    open(os.path.join(out, str(n)), 'wb').write(bytes(100_000))\ntime.sleep(60)",
        {},
        ("FAILED", "DISK_LIMIT"),
    ),
    "stubborn": ("time.sleep(600)", {}, ("CANCELLED", "CANCELLED")),
    "lingers": ("time.sleep(600)", {"time_limit_s": 2.0}, ("FAILED", "TIME_LIMIT")),
    "crashes": ("sys.exit(3)", {}, ("FAILED", "EXIT_CODE")),
    # Walks up from its own directory to the root and tries to leave a file everywhere.
    "writes-outside": (
        """
place, left = os.path.dirname(os.path.dirname(out)), []
while True:
    try:
        open(os.path.join(place, "intruder"), "w").close()
        left.append(place)
    except OSError:
        pass
    if place == "/":
        break
    place = os.path.dirname(place)
sys.exit(9 if left else 0)
""",
        {},
        ("SUCCEEDED", "DONE"),
    ),
}


@dataclass
class Attack:
    """A run under attack."""

    run: LiveRun
    pids: dict[str, int]
    keys: KeyRing
    port: int
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))

    def publish(self, user: str, *messages: tuple[str, bytes]) -> None:
        """Publish as one of the run's users, in order, and return when the broker has taken the last."""

        async def send() -> None:
            password = self.keys.broker_password(user).read_text().strip()
            client = aiomqtt.Client(
                "127.0.0.1", self.port, username=user, password=password, identifier=f"attacker-{user}"
            )
            async with client:
                for topic, payload in messages:
                    await client.publish(topic, payload, qos=0)

        asyncio.run(send())

    def events(self, node: str, *kinds: str) -> list[dict[str, Any]]:
        """Return what a node has noted on board, of some kinds."""
        found = _rows(self.run, node, "SELECT body FROM event ORDER BY ordinal")
        rows = [msgpack.unpackb(body) for (body,) in found]
        return [row for row in rows if row["event_id"] in kinds]

    def garbage(self) -> list[bytes]:
        """Return bytes that are no message of any topic."""
        return [b"", b"\xff", b"{}", self.rng.randbytes(300), OVERSIZED]


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    folder = tmp_path_factory.mktemp("attack")
    run = launch(write_mission(folder, rate=RATE), folder / "runs")
    pids = {program: run.pid_of(program) for program in ("broker", "hwsim", "ground", *NODES)}
    port = int(json.loads((run.path / "access.json").read_text())["ports"]["broker"])
    for name, (program, limits, _) in HOSTILE.items():
        bundle = _bundle(folder, name, program, limits)
        dawnline(run, "job", "submit", str(bundle), "--id", name, "--node", TARGET)
    yield Attack(run, pids, KeyRing(run.path / "keys"), port)
    assert run.stop() == 0
    assert processes_of(run.path) == {}
    assert audit(run.path, NODES) == []


@pytest.fixture(autouse=True)
def _all_stay_up(attack: Attack) -> Iterator[None]:
    yield
    assert {program: attack.run.pid_of(program) for program in attack.pids} == attack.pids


def test_nobody_can_publish_on_the_topics_of_another(attack: Attack) -> None:
    theirs = [f"dl/{VICTIM}/{channel}" for channel in ("hk", "report", "xfer")]
    theirs += [f"av/{VICTIM}/{channel}" for channel in ("frame", "cmd")] + ["sim/time", "sim/faults"]
    uplink = [f"ul/{node}/{channel}" for node in (VICTIM, "node-1") for channel in ("tc", "ack", "xfer")]
    forbidden = {
        "node-1": [*theirs, *uplink, "av/node-1/cmd", "av/node-1/frame", "sim/fault"],
        "node-1-av": [*theirs, *uplink, "dl/node-1/hk", "av/node-1/frame", "sim/fault"],
        "bench": [*theirs, *uplink, "av/node-1/cmd"],
        "ground": [*theirs, "sim/fault"],
        "hwsim": [*theirs[:3], *uplink, f"av/{VICTIM}/cmd", "sim/fault"],
    }
    for user, topics in forbidden.items():
        attack.publish(user, *((topic, b"intruder") for topic in topics))
    attack.publish("node-1", ("dl/node-1/hk", b"allowed"))  # what is allowed is heard, and after all of those

    until("the ground rejects what was allowed", lambda: _rejected_topics(attack), HEARD_WALL_S)
    assert _rejected_topics(attack) == ["dl/node-1/hk"]
    assert attack.events(VICTIM, *REJECTIONS) == []
    assert "rejected" not in attack.run.log("hwsim")


def test_a_job_that_ignores_sigterm_is_cancelled_all_the_same(attack: Attack) -> None:
    until("it runs", lambda: attempts_of(attack.run.path, "stubborn"), HEARD_WALL_S)

    ended = dawnline(attack.run, "job", "cancel", "stubborn", "--wait")

    assert ended["state"] == "CANCELLED"
    assert attempts_of(attack.run.path, "stubborn") == {}


def test_every_bad_telecommand_is_counted_with_its_reason(attack: Attack) -> None:
    real = dawnline(attack.run, "tc", "send", TARGET, "ping", "--wait")
    topic, stranger = f"ul/{TARGET}/tc", Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    operator = _operator_key(attack)
    good = encode(sign(_tc(attack, "good", TARGET, real["sequence"] + 1), "operator", operator))
    hostile = {
        "NOT_DECODABLE": good[:-10],
        "BAD_SIGNATURE": encode(sign(_tc(attack, "forged", TARGET, 90), "operator", stranger)),
        "UNKNOWN_KEY": encode(sign(_tc(attack, "strange", TARGET, 91), "stranger", stranger)),
        "WRONG_NODE": encode(sign(_tc(attack, "astray", VICTIM, real["sequence"] + 2), "operator", operator)),
        "REPLAYED": encode(sign(_tc(attack, "again", TARGET, real["sequence"]), "operator", operator)),
        "ID_REUSED": encode(sign(_tc(attack, real["request_id"], TARGET, 5, interval_s=9.0), "operator", operator)),
        "EXPIRED": encode(sign(_tc(attack, "late", TARGET, real["sequence"] + 3, -60.0), "operator", operator)),
    }

    attack.publish("ground", *((topic, payload) for payload in hostile.values()))
    attack.publish("ground", *((topic, payload) for payload in attack.garbage()))

    def reasons() -> set[str]:
        return {row["fields"]["reason"] for row in attack.events(TARGET, "TC_GARBAGE", "TC_REJECTED")}

    until("every reason is said", lambda: reasons() >= hostile.keys(), HEARD_WALL_S)
    assert _stages(attack, TARGET, real["request_id"]) == ["RECEIVED", "ACCEPTED", "STARTED", "COMPLETED"]


def test_the_same_bytes_again_do_nothing_again(attack: Attack) -> None:
    operator = _operator_key(attack)
    once = encode(sign(_tc(attack, "once", TARGET, 1_000), "operator", operator))

    attack.publish("ground", *[(f"ul/{TARGET}/tc", once)] * 5)

    until("it is carried out", lambda: "COMPLETED" in _stages(attack, TARGET, "once"), HEARD_WALL_S)
    assert _stages(attack, TARGET, "once") == ["RECEIVED", "ACCEPTED", "STARTED", "COMPLETED"]


def test_bad_bytes_on_the_other_channels_are_counted_with_their_reason(attack: Attack) -> None:
    for channel in ("ack", "xfer"):
        attack.publish("ground", *((f"ul/{TARGET}/{channel}", payload) for payload in attack.garbage()))
    for channel in ("hk", "report", "xfer"):
        attack.publish("node-1", *((f"dl/node-1/{channel}", payload) for payload in attack.garbage()))
    attack.publish("hwsim", *((f"av/{TARGET}/frame", payload) for payload in attack.garbage()))
    attack.publish("hwsim", *((topic, payload) for topic in ("sim/time", "sim/faults") for payload in attack.garbage()))
    attack.publish(f"{TARGET}-av", *((f"av/{TARGET}/cmd", payload) for payload in attack.garbage()))
    attack.publish("bench", *(("sim/fault", payload) for payload in attack.garbage()))

    def channels() -> set[str]:
        return {row["fields"]["channel"] for row in attack.events(TARGET, "UPLINK_REJECTED")}

    until("the node counts its uplink", lambda: channels() >= {"ack", "xfer"}, HEARD_WALL_S)
    until("the node counts its frames", lambda: attack.events(TARGET, "FRAME_REJECTED"), HEARD_WALL_S)
    wanted = {f"dl/node-1/{channel}" for channel in ("hk", "report", "xfer")}
    until("the ground counts", lambda: wanted <= set(_rejected_topics(attack)), HEARD_WALL_S)
    until("the simulator counts", lambda: "is rejected, on" in attack.run.log("hwsim"), HEARD_WALL_S)
    assert all(row["fields"]["detail"] for row in attack.events(TARGET, "UPLINK_REJECTED", "FRAME_REJECTED"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_job_ends_with_the_right_reason_and_leaves_nothing(attack: Attack, name: str) -> None:
    if name == "writes-outside" and "landlock" not in str(dawnline(attack.run, "node", "show", TARGET)["sandbox"]):
        pytest.skip("this kernel offers no confinement to jobs")

    until(f"{name} ends", lambda: _job(attack, TARGET, name)[0] in ENDS, HEARD_WALL_S)

    assert _job(attack, TARGET, name) == HOSTILE[name][2]
    assert attempts_of(attack.run.path, name) == {}
    assert list(attack.run.path.rglob("intruder")) == []


def _tc(
    attack: Attack, request_id: str, node: str, sequence: int, life_s: float = 600.0, interval_s: float | None = None
) -> bytes:
    issued_at = _now(attack.run)
    command: Command = Ping() if interval_s is None else SetHkInterval(interval_s=interval_s)
    return encode(
        Telecommand(
            request_id=request_id,
            node=node,
            sequence=sequence,
            issued_at=min(issued_at, after(issued_at, life_s - 1.0)),
            expires_at=after(issued_at, life_s),
            command=command,
        )
    )


def _operator_key(attack: Attack) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(attack.keys.private_key(Role.OPERATOR).read_text()))


def _now(run: LiveRun) -> MissionTime:
    world = json.loads((run.path / "store" / "hwsim" / "world.json").read_text().splitlines()[1])
    return MissionTime(world["at"])


def _rows(run: LiveRun, node: str, query: str, *values: str) -> list[Any]:
    """Ask a copy of a node's store: the node has locked its own for as long as it runs."""

    def ask() -> tuple[list[Any], ...]:
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-wal"):
                shutil.copyfile(run.path / "store" / node / f"node.db{suffix}", Path(folder) / f"node.db{suffix}")
            try:
                with closing(sqlite3.connect(Path(folder) / "node.db")) as store:
                    return (store.execute(query, values).fetchall(),)
            except sqlite3.DatabaseError:  # it was written while it was copied
                return ()

    return until(f"a whole copy of the store of {node}", ask, HEARD_WALL_S)[0]


def _stages(attack: Attack, node: str, request_id: str) -> list[str]:
    query = "SELECT body FROM tc_report WHERE request_id = ? ORDER BY ordinal"
    return [msgpack.unpackb(body)["stage"] for (body,) in _rows(attack.run, node, query, request_id)]


def _job(attack: Attack, node: str, job_id: str) -> tuple[str, str]:
    found = _rows(attack.run, node, "SELECT state, reason FROM job WHERE job_id = ?", job_id)
    return found[0] if found else ("", "")


def _rejected_topics(attack: Attack) -> list[str]:
    rows = dawnline(attack.run, "event", "list", "--limit", "1000")["events"]
    texts = [row["text"] for row in rows if row["event_id"] == "MESSAGE_REJECTED"]
    return list(dict.fromkeys(text.removeprefix("Message on ").partition(" ")[0] for text in texts))


def _bundle(folder: Path, name: str, program: str, limits: dict[str, float]) -> Path:
    bundle = folder / f"job-{name}"
    shutil.rmtree(bundle, ignore_errors=True)
    bundle.mkdir()
    (bundle / "job.py").write_text(HEAD + program + "\n")
    (bundle / "job.toml").write_text(JOB.format(**{"memory_mb": 64, "time_limit_s": 60.0, **limits}))
    return bundle
