"""What comes in over HTTP: who asks, bodies up to a bound, numbers in the query."""

import math

from starlette.requests import Request

from ground.errors import Refused, RefusedError
from ground.service import GroundService
from ground.users import User


class UnauthorizedError(Exception):
    """No token, or one that nobody has."""


class BodyTooLargeError(Exception):
    """A body above its bound."""


def service_of(request: Request) -> GroundService:
    """Return the service that the application serves."""
    service = request.app.state.service
    assert isinstance(service, GroundService), "set when the application was made"
    return service


def user_of(request: Request) -> User:
    """Return who asks.

    Raises:
        UnauthorizedError: no token, or an unknown one.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user = service_of(request).secrets.users.find(token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise UnauthorizedError
    return user


async def body_of(request: Request, bytes_max: int) -> bytes:
    """Return the body.

    Raises:
        BodyTooLargeError: it is larger than `bytes_max`.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise BodyTooLargeError(f"a body of {declared} bytes is larger than {bytes_max}")
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > bytes_max:
            raise BodyTooLargeError(f"the body is larger than {bytes_max} bytes")
    return bytes(content)


def number(request: Request, name: str, default: float) -> float:
    """Return a number of the query.

    Raises:
        RefusedError: not a finite number.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RefusedError(Refused.INVALID, f"{name}: {text[:40]!r} is not a number", name)
    return value


def count(request: Request, name: str, default: int) -> int:
    """Return a whole number of the query.

    Raises:
        RefusedError: not a whole number, or a very large one.
    """
    value = number(request, name, default)
    if value != int(value) or abs(value) >= 2**53:
        raise RefusedError(Refused.INVALID, f"{name}: not a whole number", name)
    return int(value)
