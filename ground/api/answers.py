"""What goes out over HTTP: JSON, errors as JSON, and the headers that every answer carries."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ground.errors import ArchiveError, Refused, RefusedError

STATUS: dict[Refused, int] = {
    Refused.INVALID: 422,
    Refused.UNKNOWN: 404,
    Refused.CONFLICT: 409,
    Refused.FORBIDDEN: 403,
    Refused.BUSY: 429,
}


def to_json(content: Any) -> bytes:
    """Return JSON text; a number that JSON does not have is an error of ours, not a browser's riddle."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def answer(content: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(to_json(content), status, media_type="application/json", headers={"Cache-Control": "no-store"})


def failure(status: int, text: str, field: str | None = None) -> Response:
    """Return an error: one line for a human, and the field that is wrong where there is one."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(to_json({"error": text, "field": field}), status, headers, "application/json")


async def on_refused(_: Request, error: Exception) -> Response:
    """Answer a refusal."""
    assert isinstance(error, RefusedError), "registered for this type"
    return failure(STATUS[error.kind], error.text, error.field)


async def on_archive_error(_: Request, error: Exception) -> Response:
    """Answer a failure of the archive: nothing was kept, so the client may try again."""
    assert isinstance(error, ArchiveError), "registered for this type"
    return failure(507, f"the archive refused and nothing was kept: {error}")


class SecureHeaders:
    """Gives every HTTP answer the headers that keep a browser from doing what the console does not need."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)
