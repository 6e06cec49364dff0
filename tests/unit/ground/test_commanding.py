"""Telecommands out: durable, signed, sent until answered, and closed once."""

import json
from pathlib import Path

import pytest

from ground.adapters.sqlite_archive import open_archive
from ground.commanding import OPEN_MAX
from ground.errors import Refused, RefusedError
from ground.tables import TcRequest, parse
from ground.views import TcView
from icd.codec import decode
from icd.tc import PublicKey, Role, SignedTelecommand, Telecommand, is_authentic
from icd.verification import Refusal, Stage, VerificationReport
from tests.unit.ground.bench import Bench, secrets, user

UP = "ul/node-a/tc"


def ping(bench: Bench, expires_after_s: float = 3600.0) -> TcView:
    body = {"node": "node-a", "command": {"name": "ping"}, "expires_after_s": expires_after_s}
    return bench.ground.send_tc(parse(TcRequest, json.dumps(body).encode()), user("ops"))


def word(
    bench: Bench, request_id: str, stage: Stage, step: int = 0, reason: Refusal | None = None
) -> VerificationReport:
    return VerificationReport(
        request_id=request_id, stage=stage, step=step, at=bench.clock.now(), reason=reason, detail=""
    )


@pytest.mark.req("GND-010")
def test_a_telecommand_is_durable_before_the_first_byte_leaves(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    kept_at_send: list[bool] = []
    publish = bench.link.publish

    def watched(topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        row = bench.archive.tcs.find("tc-000001")
        kept_at_send.append(row is not None and row.sent and row.signed == payload)
        return publish(topic, payload, qos=qos, retain=retain)

    bench.link.publish = watched  # type: ignore[method-assign]  # the test listens in
    ping(bench)

    assert kept_at_send == [True]


@pytest.mark.req("GND-011")
def test_identical_bytes_go_again_until_the_node_answers(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    tc = ping(bench)
    bench.keep_hearing("node-a", 30.0)
    before = bench.link.take(UP)
    bench.report("node-a", word(bench, tc["request_id"], Stage.RECEIVED), word(bench, tc["request_id"], Stage.ACCEPTED))
    bench.keep_hearing("node-a", 30.0)

    assert len(before) >= 5
    assert len(set(before)) == 1
    assert bench.link.take(UP) == []


@pytest.mark.req("GND-011")
def test_nothing_goes_up_while_the_node_is_not_heard(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    ping(bench)
    bench.advance(60.0)
    silent = bench.link.take(UP)
    bench.hear("node-a")

    assert silent == []
    assert len(bench.link.take(UP)) == 1


@pytest.mark.req("GND-012")
def test_each_role_signs_with_its_own_key_and_counts_its_own_sequence(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1", node="node-a")
    ping(bench)
    ping(bench)

    signed = [decode(payload, SignedTelecommand) for payload in bench.link.take(UP)]
    inside = [decode(one.body, Telecommand) for one in signed]
    assert [(one.key_id, tc.sequence) for one, tc in zip(signed, inside, strict=True)] == [
        ("scheduler", 1),
        ("operator", 1),
        ("operator", 2),
    ]
    public = secrets().operator.key.public_key().public_bytes_raw().hex()
    assert is_authentic(signed[1], PublicKey(key_id="operator", role=Role.OPERATOR, public_hex=public))


@pytest.mark.req("GND-013")
def test_ids_and_sequences_go_on_after_a_restart(tmp_path: Path) -> None:
    file = str(tmp_path / "archive.sqlite")
    bench = Bench(tmp_path, open_archive(file, durable=False))
    first = ping(bench)
    bench.archive.close()

    again = Bench(tmp_path, open_archive(file, durable=False), bench.clock)
    second = ping(again)

    assert (first["request_id"], second["request_id"]) == ("tc-000001", "tc-000002")
    assert (first["sequence"], second["sequence"]) == (1, 2)


@pytest.mark.req("GND-014")
def test_stages_in_any_order_and_twice_make_one_history(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    name = ping(bench)["request_id"]
    early = word(bench, name, Stage.RECEIVED), word(bench, name, Stage.ACCEPTED)
    bench.advance(1.0)
    late = word(bench, name, Stage.STARTED), word(bench, name, Stage.COMPLETED)

    for report in (*late, *early, *late, *early):
        bench.report("node-a", report)

    tc = bench.ground.reader.tc(name)
    assert tc["stage"] == "COMPLETED"
    assert [stage["stage"] for stage in tc["stages"]] == ["RECEIVED", "ACCEPTED", "STARTED", "COMPLETED"]


@pytest.mark.req("GND-015")
def test_what_is_never_accepted_expires_and_is_still_asked_about(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    name = ping(bench, expires_after_s=60.0)["request_id"]
    bench.keep_hearing("node-a", 70.0)
    expired = bench.ground.reader.tc(name)
    bench.link.take(UP)
    bench.keep_hearing("node-a", 130.0)
    asked = len(bench.link.take(UP))
    bench.report("node-a", word(bench, name, Stage.FAILED, reason=Refusal.EXPIRED))
    bench.keep_hearing("node-a", 130.0)

    assert (expired["stage"], expired["reason"]) == ("EXPIRED", "EXPIRED")
    assert asked == 2
    assert bench.ground.reader.tc(name)["stage"] == "FAILED"
    assert bench.link.take(UP) == []


@pytest.mark.req("GND-015")
def test_the_nodes_word_wins_over_the_grounds_guess(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    name = ping(bench, expires_after_s=60.0)["request_id"]
    accepted = word(bench, name, Stage.ACCEPTED)
    bench.keep_hearing("node-a", 70.0)

    bench.report("node-a", accepted)

    assert bench.ground.reader.tc(name)["stage"] == "ACCEPTED"


@pytest.mark.req("GND-016")
def test_reports_of_another_node_move_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    name = ping(bench)["request_id"]

    bench.report("node-b", word(bench, name, Stage.COMPLETED))

    assert bench.ground.reader.tc(name)["stage"] == "ISSUED"
    assert bench.ground.notices.counts["messages_rejected"] == 1


@pytest.mark.req("GND-017")
def test_more_than_half_a_replay_window_is_not_issued(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for _ in range(OPEN_MAX):
        ping(bench)

    with pytest.raises(RefusedError) as refused:
        ping(bench)

    assert refused.value.kind is Refused.BUSY


def test_a_tenant_may_not_command(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    request = parse(TcRequest, b'{"node": "node-a", "command": {"name": "ping"}}')

    with pytest.raises(RefusedError) as refused:
        bench.ground.send_tc(request, user("acme"))

    assert refused.value.kind is Refused.FORBIDDEN
