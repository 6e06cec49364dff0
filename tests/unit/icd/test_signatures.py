"""Telecommand signatures and laser frame seals: every changed bit is seen."""

import hashlib
import hmac
from dataclasses import replace
from random import Random
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from icd import hk, isl, tc
from icd.codec import DecodeError, encode
from icd.tc import Command, Ping, PowerMode, PublicKey, Role, Telecommand

SEED = 20260822
OPERATOR = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
BODY = encode(Telecommand(request_id="r-1", node="node-1", sequence=1, issued_at=0, expires_at=10**9, command=Ping()))
FLEET_KEY = bytes(range(32))


def public(key: Ed25519PrivateKey) -> PublicKey:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return PublicKey(key_id="operator", role=Role.OPERATOR, public_hex=raw.hex())


def flips(content: bytes) -> list[bytes]:
    """Return the content with each of its bits flipped, one at a time."""
    return [
        bytes((*content[:at], content[at] ^ (1 << bit), *content[at + 1 :]))
        for at in range(len(content))
        for bit in range(8)
    ]


def test_a_signed_telecommand_is_authentic_under_its_key() -> None:
    assert tc.is_authentic(tc.sign(BODY, "operator", OPERATOR), public(OPERATOR))


def test_no_flipped_bit_of_body_or_signature_passes() -> None:
    signed = tc.sign(BODY, "operator", OPERATOR)
    key = public(OPERATOR)
    changed = [signed.model_copy(update={"body": body}) for body in flips(signed.body)]
    changed += [signed.model_copy(update={"signature": one}) for one in flips(signed.signature)]

    assert [one for one in changed if tc.is_authentic(one, key)] == []


def test_another_key_does_not_pass_whatever_it_is_called() -> None:
    assert not tc.is_authentic(tc.sign(BODY, "operator", OTHER), public(OPERATOR))
    assert not tc.is_authentic(tc.sign(BODY, "operator", OPERATOR), public(OTHER))


def test_a_key_that_is_no_point_of_the_curve_passes_nothing() -> None:
    rng = Random(SEED)
    signed = tc.sign(BODY, "operator", OPERATOR)
    keys = [PublicKey(key_id="k", role=Role.OPERATOR, public_hex=rng.randbytes(32).hex()) for _ in range(200)]
    keys += [PublicKey(key_id="k", role=Role.OPERATOR, public_hex=one * 32) for one in ("00", "ff")]

    assert [key.public_hex for key in keys if tc.is_authentic(signed, key)] == []


def test_bytes_signed_for_another_purpose_are_no_telecommand() -> None:
    bare = tc.SignedTelecommand(key_id="operator", body=BODY, signature=OPERATOR.sign(BODY))

    assert not tc.is_authentic(bare, public(OPERATOR))


def test_every_command_is_some_roles_and_the_scheduler_has_few() -> None:
    names = {model.model_fields["name"].default for model in tc.COMMAND_TYPES}

    assert set(get_args(get_args(Command)[0])) == set(tc.COMMAND_TYPES)
    assert tc.ROLE_COMMANDS[Role.OPERATOR] == names
    assert tc.ROLE_COMMANDS[Role.SCHEDULER] < names
    assert all(refused < names for refused in tc.MODE_REFUSES.values())
    assert "leave_safe" not in tc.MODE_REFUSES[PowerMode.SAFE]


def test_no_flipped_bit_of_a_laser_frame_passes() -> None:
    frame = isl.seal(b"content of a frame", FLEET_KEY)
    changed = [frame.model_copy(update={"content": one}) for one in flips(frame.content)]
    changed += [frame.model_copy(update={"mac": one}) for one in flips(frame.mac)]

    assert isl.is_authentic(frame, FLEET_KEY)
    assert [one for one in changed if isl.is_authentic(one, FLEET_KEY)] == []


def test_a_frame_of_another_fleet_does_not_pass() -> None:
    assert not isl.is_authentic(isl.seal(b"content", FLEET_KEY), FLEET_KEY[::-1])


def test_a_seal_without_its_context_does_not_pass() -> None:
    bare = isl.IslFrame(content=b"content", mac=hmac.digest(FLEET_KEY, b"content", hashlib.sha256))

    assert not isl.is_authentic(bare, FLEET_KEY)


SAMPLE = hk.HkSample(
    mode="NOMINAL",
    mode_reason="sunlit",
    boot_count=1,
    sunlit_frac=1.0,
    soc_frac=None,
    battery_wh=42_000.0,
    solar_w=0.0,
    load_w=None,
    compute_w=None,
    compute_cap_w=7_000.0,
    module_temp_c=-3.5,
    clock_error_s=None,
    jobs_queued=2,
    jobs_running="a,b",
    job_progress_frac=0.5,
    hold_reason="",
    lasers="0:TRACK:node-2:400000000000",
    handoffs=3,
    outbox_rows=4,
    tc_accepted=5,
    tc_rejected=6,
    bus_depth_peak=7,
    bus_dropped=0,
    sandbox="landlock",
)


def test_a_sample_packs_and_unpacks_to_itself() -> None:
    assert hk.unpack(hk.pack("node-1", 7, 8, SAMPLE)) == SAMPLE


def test_a_packet_of_another_dictionary_is_refused() -> None:
    packet = hk.pack("node-1", 7, 8, SAMPLE).model_copy(update={"dictionary": "0" * 16})

    with pytest.raises(DecodeError, match="dictionary 0000000000000000 is not"):
        hk.unpack(packet)


@pytest.mark.parametrize("change", [lambda values: values[:-1], lambda values: (*values, None), lambda values: ()])
def test_a_packet_of_another_length_is_refused(change: object) -> None:
    assert callable(change)
    packet = hk.pack("node-1", 7, 8, SAMPLE)

    with pytest.raises(DecodeError):
        hk.unpack(packet.model_copy(update={"values": change(packet.values)}))


@pytest.mark.parametrize(
    ("name", "value"),
    [("soc_frac", "full"), ("soc_frac", True), ("mode", 3), ("mode", None), ("jobs_queued", None), ("handoffs", 1.5)],
)
def test_a_value_of_another_type_is_refused_by_name(name: str, value: object) -> None:
    packet = hk.pack("node-1", 7, 8, replace(SAMPLE, **{name: value}))  # type: ignore[arg-type]

    with pytest.raises(DecodeError, match=f"hk: {name} is a"):
        hk.unpack(packet)


def test_a_whole_number_may_stand_for_a_float() -> None:
    assert hk.unpack(hk.pack("node-1", 7, 8, replace(SAMPLE, solar_w=0))).solar_w == 0.0


def test_every_unit_is_of_a_parameter_that_exists() -> None:
    assert set(hk.HK_UNITS) <= set(hk.HK_NAMES)
