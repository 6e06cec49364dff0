"""Whatever bytes come on whatever topic: nothing is raised, nothing moves, and what is refused is counted."""

import tempfile
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground.api.answers import to_json
from icd.codec import encode
from icd.envelope import WIRE_VERSION
from icd.hk import pack
from tests.unit.ground.bench import OUTBOX, Bench, sample

TOPICS = st.sampled_from(
    ["dl/node-a/hk", "dl/node-a/report", "dl/node-a/xfer", "dl/node-z/hk", "ul/node-a/tc", "av/node-a/frame", "x", ""]
) | st.text(max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=12,
)
HUGE = st.integers(-(2**63), 2**64 - 1)
REPORT = st.fixed_dictionaries(
    {
        "job_id": st.just("job-1"),
        "state": st.sampled_from(["RUNNING", "QUEUED", "FAILED", "NOWHERE"]),
        "attempt": HUGE,
        "at": HUGE,
        "reason": st.none(),
        "detail": st.text(max_size=20),
        "progress_frac": st.none() | st.floats(),
        "checkpoint": st.none(),
        "exit_code": st.none() | HUGE,
        "result_sha256": st.none(),
        "result_bytes": st.none() | HUGE,
        "energy_wh": st.floats(),
    }
)
EVENT = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(["JOB_ADMITTED", "NO_SUCH_EVENT", "x"]),
        "severity": st.sampled_from(["INFO", "HIGH", "?"]),
        "at": HUGE,
        "app": st.just("jobs"),
        "fields": st.dictionaries(st.text(max_size=8), SCALARS, max_size=4),
    }
)
ITEMS = st.fixed_dictionaries(
    {
        "seq": HUGE,
        "kind": st.sampled_from(["job", "event", "verification", "?"]),
        "body": REPORT | EVENT | st.dictionaries(st.text(max_size=8), VALUES, max_size=4),
    }
)
BATCHES = st.fixed_dictionaries(
    {
        "node": st.sampled_from(["node-a", "node-b", "node-z"]),
        "outbox_id": st.sampled_from([OUTBOX, "0" * 16, "zz"]),
        "items": st.lists(ITEMS, min_size=1, max_size=4),
    }
)
CHUNKS = st.fixed_dictionaries(
    {
        "transfer_id": st.sampled_from(["r-job-1", "l-job-1", "../../etc"]),
        "kind": st.sampled_from(["RESULT", "LOG", "BUNDLE"]),
        "job_id": st.sampled_from(["job-1", "job-2"]),
        "total_bytes": st.integers(0, 40),
        "sha256": st.just("0" * 64),
        "offset": st.integers(0, 40),
        "content": st.binary(max_size=40),
    }
)
SHAPED = st.one_of(
    st.tuples(st.just("outbox"), BATCHES), st.tuples(st.just("chunk"), CHUNKS), st.tuples(st.text(max_size=8), VALUES)
).map(lambda pair: bytes(msgpack.packb([WIRE_VERSION, *pair], use_bin_type=True)))


@pytest.fixture(scope="module")
def bench() -> Bench:
    made = Bench(Path(tempfile.mkdtemp(prefix="ground-fuzz-")))
    made.hear("node-a")
    made.submit("job-1", node="node-a")
    return made


@pytest.mark.slow
@pytest.mark.req("GND-003")
@given(topic=TOPICS, payload=st.binary(max_size=200) | SHAPED | VALUES.map(lambda v: bytes(msgpack.packb(v))))
def test_any_bytes_on_any_topic_raise_nothing(bench: Bench, topic: str, payload: bytes) -> None:
    bench.ground.on_message(topic, payload)

    assert [node["node"] for node in bench.ground.reader.nodes()] == ["node-a", "node-b"]
    assert bench.ground.reader.job("job-1")["node"] == "node-a"


@pytest.mark.slow
@pytest.mark.req("GND-003")
@given(payload=SHAPED, channel=st.sampled_from(["report", "xfer", "hk"]))
def test_any_shape_on_its_own_topic_raises_nothing_and_leaves_views_that_json_can_say(
    bench: Bench, payload: bytes, channel: str
) -> None:
    bench.ground.on_message(f"dl/node-a/{channel}", payload)

    assert to_json(bench.ground.reader.job("job-1"))
    assert to_json(bench.ground.reader.events())


@pytest.mark.req("GND-003")
@given(cut=st.integers(0, 400), flip=st.integers(0, 400), bit=st.integers(0, 7))
def test_a_damaged_sample_raises_nothing(bench: Bench, cut: int, flip: int, bit: int) -> None:
    good = bytearray(encode(pack("node-a", 1, bench.clock.now(), sample())))
    good[flip % len(good)] ^= 1 << bit

    bench.ground.on_message("dl/node-a/hk", bytes(good[: max(1, cut)]))

    assert to_json(bench.ground.reader.nodes())
