"""The codec: what is encoded comes back the same, and any bytes at all decode or raise DecodeError, soon."""

import math
import time
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from icd.codec import ENVELOPE_BYTES_MAX, DecodeError, decode, encode
from icd.envelope import INT_MAX, WIRE_VERSION, Message
from icd.events import EventReport, OutboxItem
from icd.tc import Telecommand
from icd.timebase import TimeAuthority
from icd.verification import VerificationReport
from tests.property import wires

pytestmark = pytest.mark.slow
ALL = wires.messages()
ERROR_CHARS_MAX = 400  # what an event's field takes
EXAMPLES_PER_KIND = 40
CPU_S_MAX = 1.0  # of one decode, with room for a machine that is busy
NOT_FINITE = (math.nan, math.inf, -math.inf)
TOO_LARGE = (INT_MAX + 1, 2**63, 2**64 - 1, -INT_MAX - 1, -(2**63))
TIME = TimeAuthority(session="s1", epoch=1, anchor_unix_ns=2, rate=60.0)

Path = tuple[str | int, ...]
HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=12)
    | st.binary(max_size=12)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=4)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.binary(max_size=4), inner),
    max_leaves=12,
)


def packed(body: object, kind: object = TIME.KIND, version: object = WIRE_VERSION) -> bytes:
    made: bytes = msgpack.packb([version, kind, body], use_bin_type=True)
    return made


def leaves(body: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every leaf with the way to it; what an outbox item carries is checked when it is opened, so not here."""
    pairs = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else None
    if pairs is None:
        yield path, body
        return
    for key, value in pairs:
        if key != "body" or "items" not in path:
            yield from leaves(value, (*path, key))


def with_leaf(body: Any, path: Path, value: object) -> Any:
    if not path:
        return value
    head, *rest = path
    changed: Any = dict(body) if isinstance(body, dict) else list(body)
    changed[head] = with_leaf(body[head], tuple(rest), value)
    return changed


def decoded_or_refused(payload: bytes) -> Message | None:
    """Return the message or None; whatever else comes out of decode is the test's failure."""
    try:
        return decode(payload, *ALL)
    except DecodeError as error:
        text = str(error)
    assert len(text) <= ERROR_CHARS_MAX
    assert "\n" not in text
    return None


def can_be_kept(value: object) -> bool:
    """Return whether a value fits where it is kept; a truth value is an int, and fits."""
    return math.isfinite(value) if isinstance(value, float) else not isinstance(value, int) or abs(value) <= INT_MAX


def test_every_message_has_a_kind_of_its_own() -> None:
    assert len(ALL) >= 12
    assert len({model.KIND for model in ALL}) == len(ALL)
    assert all(model.KIND and 0 < model.MAX_BYTES <= ENVELOPE_BYTES_MAX for model in ALL)


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.KIND)
@settings(max_examples=EXAMPLES_PER_KIND)
@given(data=st.data())
def test_what_is_encoded_comes_back_the_same(model: type[Message], data: st.DataObject) -> None:
    message = model.model_validate(data.draw(wires.bodies(model)))

    wire = encode(message)

    assert decode(wire, model) == message
    assert encode(decode(wire, *ALL)) == wire


@given(st.binary(max_size=4096))
def test_random_bytes_decode_or_are_refused(payload: bytes) -> None:
    assert decoded_or_refused(payload) is None or payload[:1] == b"\x93"


@given(kind=st.sampled_from([model.KIND for model in ALL]) | st.text(max_size=8), body=HOSTILE)
def test_a_sound_envelope_around_anything_decodes_or_is_refused(kind: str, body: Any) -> None:
    got = decoded_or_refused(packed(body, kind))

    assert got is None or kind == got.KIND


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.KIND)
@settings(max_examples=EXAMPLES_PER_KIND)
@given(data=st.data())
def test_a_message_with_one_leaf_exchanged_decodes_or_is_refused(model: type[Message], data: st.DataObject) -> None:
    body = data.draw(wires.bodies(model))
    path, _ = data.draw(st.sampled_from(list(leaves(body))))

    got = decoded_or_refused(packed(with_leaf(body, path, data.draw(HOSTILE)), model.KIND))

    assert got is None or decode(encode(got), model) == got


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.KIND)
@settings(max_examples=EXAMPLES_PER_KIND)
@given(data=st.data())
def test_mutated_and_truncated_messages_decode_or_are_refused(model: type[Message], data: st.DataObject) -> None:
    wire = bytearray(encode(model.model_validate(data.draw(wires.bodies(model)))))
    for _ in range(data.draw(st.integers(1, 8))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(wire)))

    decoded_or_refused(bytes(wire))
    assert decoded_or_refused(bytes(wire[:end])) is None or end == len(wire)


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.KIND)
@settings(max_examples=EXAMPLES_PER_KIND)
@given(data=st.data())
def test_no_number_that_is_not_finite_or_cannot_be_kept_passes(model: type[Message], data: st.DataObject) -> None:
    body = data.draw(wires.bodies(model))
    numbers = [(path, value) for path, value in leaves(body) if type(value) in (int, float)]
    if not numbers:
        return
    path, value = data.draw(st.sampled_from(numbers))
    bad = data.draw(st.sampled_from(NOT_FINITE if isinstance(value, float) else TOO_LARGE))

    got = decoded_or_refused(packed(with_leaf(body, path, bad), model.KIND))

    # Where a field takes a float as well, an integer too large becomes one, and that fits.
    assert got is None or all(can_be_kept(value) for _, value in leaves(got.model_dump(mode="json")))
    assert got is None or not isinstance(value, float)


@given(fields=st.dictionaries(st.text(max_size=8), st.sampled_from((*NOT_FINITE, *TOO_LARGE)), min_size=1, max_size=3))
def test_an_event_in_the_outbox_holds_no_such_number_either(fields: dict[str, float]) -> None:
    body = {"event_id": "NODE_BOOTED", "severity": "INFO", "at": 1, "app": "power", "fields": fields}
    item = OutboxItem(seq=1, kind="event", body=body)

    if all(math.isfinite(value) for value in fields.values()):
        report = item.report()
        assert isinstance(report, EventReport)
        assert all(can_be_kept(value) for value in report.fields.values())
    else:
        with pytest.raises(ValidationError):
            item.report()


@given(
    body=st.dictionaries(st.text(max_size=8), HOSTILE, max_size=6),
    kind=st.sampled_from(("verification", "event", "job")),
)
def test_a_report_that_is_none_raises_what_it_says_it_raises(body: dict[str, Any], kind: Any) -> None:
    item = OutboxItem(seq=1, kind=kind, body=body)

    with pytest.raises(ValidationError):
        item.report()


@given(wires.bodies(VerificationReport), wires.bodies(EventReport))
def test_an_outbox_item_opens_to_the_report_that_went_in(verification: dict[str, Any], event: dict[str, Any]) -> None:
    report = VerificationReport.model_validate(verification)
    rest = EventReport.model_validate(event)

    assert OutboxItem(seq=1, kind="verification", body=report.model_dump()).report() == report
    assert OutboxItem(seq=2, kind="event", body=rest.model_dump()).report() == rest


BOMBS = {
    "arrays in arrays": b"\x91" * 500_000 + b"\xc0",
    "arrays nested as deep as msgpack goes": packed("@").replace(b"\xa1@", b"\x91" * 900 + b"\xc0"),
    "maps in maps": b"\x81\xa1a" * 100_000 + b"\xc0",
    "an array that claims 4 billion items": b"\xdd\xff\xff\xff\xff",
    "a map that claims 4 billion pairs": b"\xdf\xff\xff\xff\xff",
    "a text that claims 4 GB": b"\xdb\xff\xff\xff\xff",
    "bytes that claim 4 GB": b"\xc6\xff\xff\xff\xff",
    "half a million nulls": b"\xdd\x00\x07\xff\x00" + b"\xc0" * 0x7FF00,
    "a timestamp of a year that is none": b"\x93\x01\xa4time\xc7\x0c\xff" + b"\xff" * 12,
    "a timestamp for a body": b"\x93\x01\xa4time\xd6\xff\x00\x00\x00\x00",
    "unknown keys by the ten thousand": packed({f"{index:x}": 0 for index in range(20_000)}, "outbox"),
    "a key of 100 kB": packed({"k" * 100_000: 0}, "outbox"),
    "a tag of 30 kB": packed(
        TimeAuthority.model_validate(TIME.model_dump()).model_dump() | {"command": {"name": "x" * 30_000}}, "tc"
    ),
    "a kind of 500 kB": packed({}, "k" * 500_000),
    "half a text": b"\x93\x01\xa4ti",
    "bytes that are no UTF-8": b"\x93\x01\xa2\xff\xfe\x80",
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_is_refused_soon_and_in_few_words(what: str) -> None:
    before = time.process_time()

    got = decoded_or_refused(BOMBS[what])

    assert got is None
    assert time.process_time() - before < CPU_S_MAX


@pytest.mark.parametrize("version", [0, 2, -1, True, 1.0, "1", None, 2**64 - 1])
def test_another_wire_version_is_refused(version: object) -> None:
    with pytest.raises(DecodeError, match="version"):
        decode(packed(TIME.model_dump(), version=version), TimeAuthority)


@pytest.mark.parametrize("content", [[], [1], [1, "time"], {"a": 1}, 7, None, "time", [1, "time", {}, 0], [1, 2, {}]])
def test_what_is_no_envelope_is_refused(content: object) -> None:
    with pytest.raises(DecodeError, match="envelope"):
        decode(msgpack.packb(content), TimeAuthority)


def test_a_message_of_another_kind_is_refused_and_the_allowed_kinds_are_named() -> None:
    with pytest.raises(DecodeError, match=r"kind 'time' is not expected here; allowed: tc"):
        decode(encode(TIME), Telecommand)


def test_bytes_after_a_message_are_refused() -> None:
    with pytest.raises(DecodeError):
        decode(encode(TIME) + b"\xc0", TimeAuthority)


def test_a_message_larger_than_its_kind_allows_is_refused_before_it_is_looked_at() -> None:
    large = packed(TIME.model_dump() | {"session": "s" * TimeAuthority.MAX_BYTES})

    with pytest.raises(DecodeError, match=f"larger than {TimeAuthority.MAX_BYTES}"):
        decode(large, TimeAuthority)


def test_a_payload_larger_than_any_kind_allows_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msgpack, "unpackb", lambda *_, **__: pytest.fail("opened"))

    with pytest.raises(DecodeError, match=f"larger than {ENVELOPE_BYTES_MAX}"):
        decode(b"\xc0" * (ENVELOPE_BYTES_MAX + 1), TimeAuthority)


def test_our_own_message_that_is_too_large_is_our_own_error() -> None:
    large = OutboxItem(seq=1, kind="event", body={"text": "x" * 200_000})
    batch = next(model for model in ALL if model.KIND == "outbox")

    with pytest.raises(ValueError, match="larger than") as caught:
        encode(batch.model_validate({"node": "n", "outbox_id": "0" * 16, "items": [large.model_dump()]}))

    assert not isinstance(caught.value, DecodeError)
