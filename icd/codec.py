"""Bytes on the wire to message models and back: msgpack array `[version, kind, body]`, checked for size and shape."""

from typing import Any, TypeVar

import msgpack
from pydantic import ValidationError

from icd.envelope import WIRE_VERSION, Message

M = TypeVar("M", bound=Message)

# Above every message's own MAX_BYTES: what a receiver reads at most before it looks.
ENVELOPE_BYTES_MAX = 512 * 1024
# Of what came in, an error shows this much: its text goes into events, which must stay small.
SHOWN_CHARS_MAX = 60
REASON_CHARS_MAX = 200


class DecodeError(ValueError):
    """Bytes from outside that are no legal message; the text says which rule they broke."""


def encode(message: Message) -> bytes:
    """Return the wire bytes of a message.

    Raises:
        ValueError: the message is larger than its kind allows (our own doing, so not a DecodeError).
    """
    packed: bytes = msgpack.packb([WIRE_VERSION, message.KIND, message.model_dump(mode="python")], use_bin_type=True)
    if len(packed) > message.MAX_BYTES:
        raise ValueError(f"{message.KIND} of {len(packed)} bytes is larger than {message.MAX_BYTES}")
    return packed


def decode(payload: bytes, *expected: type[M]) -> M:
    """Return the message in `payload`, which must be of one of the `expected` kinds.

    Raises:
        DecodeError: too large, not msgpack, wrong version, unexpected kind, or a body that its model refuses.
    """
    if len(payload) > ENVELOPE_BYTES_MAX:
        raise DecodeError(f"{len(payload)} bytes is larger than {ENVELOPE_BYTES_MAX}")
    kind, body = _open(payload)
    for model in expected:
        if kind == model.KIND:
            if len(payload) > model.MAX_BYTES:
                raise DecodeError(f"{kind} of {len(payload)} bytes is larger than {model.MAX_BYTES}")
            return _validate(model, body)
    allowed = ", ".join(model.KIND for model in expected)
    raise DecodeError(f"kind {_shown(kind)} is not expected here; allowed: {allowed}")


def _open(payload: bytes) -> tuple[str, Any]:
    try:
        content = msgpack.unpackb(payload, raw=False, strict_map_key=True)
    except (ValueError, RecursionError, OverflowError, msgpack.UnpackException) as error:
        raise DecodeError(f"not msgpack: {type(error).__name__}") from error
    match content:
        case [int(version), str(kind), body]:
            pass
        case _:
            raise DecodeError("envelope is not [version, kind, body]")
    if version is True or version != WIRE_VERSION:
        raise DecodeError(f"wire version {version} is not {WIRE_VERSION}")
    return kind, body


def _validate(model: type[M], body: Any) -> M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:SHOWN_CHARS_MAX] or "body"
        raise DecodeError(f"{model.KIND}: {where}: {first['msg'][:REASON_CHARS_MAX]}") from error
    except RecursionError as error:
        raise DecodeError(f"{model.KIND}: nested too deeply") from error


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}...")
