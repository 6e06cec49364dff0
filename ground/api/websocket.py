"""Live data over a WebSocket: a greeting with everything, then what has changed, at most five times a second.

Nothing is queued for a client. Each remembers the version it has; a slow one is told less often, and then the newest.
"""

import asyncio
import json

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ground.api.answers import to_json
from ground.errors import ArchiveError
from ground.reader import ROWS_MAX
from ground.service import GroundService
from ground.views import HelloView, UpdateView

PUSH_WALL_S = 0.2  # between two messages to one client
IDLE_WALL_S = 1.0  # a message comes at least this often: the clock goes on, and the client sees that we live
TOKEN_WALL_S = 5.0  # for the client's first message
CLIENTS_MAX = 64
FIRST_BYTES_MAX = 4096
EVENTS_FIRST, JOBS_FIRST, TCS_FIRST = 100, 200, 100
_POLICY, _BUSY, _INTERNAL = 1008, 1013, 1011  # RFC 6455 section 7.4, and the IANA registry


async def live(socket: WebSocket) -> None:
    """Serve one client until it leaves."""
    service: GroundService = socket.app.state.service
    clients = socket.app.state.clients = getattr(socket.app.state, "clients", 0) + 1
    try:
        await socket.accept()
        if clients > CLIENTS_MAX:
            await socket.close(_BUSY, "too many live clients")
        elif not await _is_known(socket, service):
            await socket.close(_POLICY, 'send {"token": "..."} first')
        else:
            await _serve(socket, service)
    except WebSocketDisconnect:
        pass
    except ArchiveError as error:
        if socket.application_state is WebSocketState.CONNECTED:
            await socket.close(_INTERNAL, str(error)[:100])
    finally:
        socket.app.state.clients -= 1


def hello(service: GroundService) -> HelloView:
    """Return the greeting: the fleet, and the newest events, jobs and telecommands."""
    reader = service.reader
    return {
        "type": "hello",
        **reader.fleet(),
        "events": reader.events(limit=EVENTS_FIRST),
        "jobs": reader.jobs(limit=JOBS_FIRST),
        "tcs": reader.tcs(limit=TCS_FIRST),
    }


class Cursor:
    """What one client has been told."""

    def __init__(self, service: GroundService) -> None:
        self._service = service
        self._version = -1
        self._event_id = 0

    @property
    def is_behind(self) -> bool:
        """Whether anything has changed since."""
        return self._version < self._service.feed.version

    def next(self) -> HelloView | UpdateView:
        """Return what to say now: the greeting first and after a gap, otherwise what has changed."""
        feed, reader = self._service.feed, self._service.reader
        changes = feed.since(self._version)
        first = self._version < 0 or not changes.complete
        self._version = changes.version
        if first:
            greeting = hello(self._service)
            self._event_id = max([self._event_id, *(event["id"] for event in greeting["events"])])
            return greeting
        events = reader.events(after_id=self._event_id, limit=ROWS_MAX)
        self._event_id = max([self._event_id, *(event["id"] for event in events)])
        return {
            "type": "update",
            "now_s": reader.now_s(),
            "rate": self._service.reader.rate(),
            "nodes": reader.nodes(),
            "events": events,
            "jobs": reader.jobs_by_id(changes.jobs),
            "tcs": reader.tcs_by_id(changes.tcs),
        }


async def _serve(socket: WebSocket, service: GroundService) -> None:
    """Push until the client leaves; what it says is read and ignored, so that its leaving is seen."""
    listener = asyncio.create_task(_drain(socket), name="live client")
    cursor = Cursor(service)
    quiet_s = IDLE_WALL_S
    try:
        while not listener.done():
            if cursor.is_behind or quiet_s >= IDLE_WALL_S:
                await socket.send_text(to_json(cursor.next()).decode())
                quiet_s = 0.0
            await asyncio.sleep(PUSH_WALL_S)
            quiet_s += PUSH_WALL_S
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def _drain(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _is_known(socket: WebSocket, service: GroundService) -> bool:
    try:
        async with asyncio.timeout(TOKEN_WALL_S):
            text = await socket.receive_text()
        first = json.loads(text) if len(text) <= FIRST_BYTES_MAX else None
    except (TimeoutError, ValueError, KeyError, RecursionError):
        return False
    token = first.get("token") if isinstance(first, dict) else None
    return isinstance(token, str) and service.secrets.users.find(token) is not None
