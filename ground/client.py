"""A typed client of the ground service: for the command line, for tests, for a notebook.

GroundClientError
    UnreachableError    nobody answers, or what answers is no ground service
    AnswerError         the service answered no; it has `status` and `field`
        UnauthorizedError   401: no token, or a wrong one
        ForbiddenError      403: the user's roles do not allow it
        NotFoundError       404
        ConflictError       409: the id belongs to something else
        InvalidError        422: `field` breaks a rule
        BusyError           429, 507: a bound is reached; try again later
    WaitTimeoutError    what was waited for did not come in time

    async with GroundClient("http://127.0.0.1:8080", token) as ground:
        job = await ground.submit(request)
        job = await ground.wait_job(job["job_id"], timeout_wall_s=600)
        tar = await ground.result(job["job_id"])
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from ground.views import (
    CommandView,
    EventView,
    FleetView,
    HistoryView,
    JobDetailView,
    JobView,
    LiveView,
    NodeDetailView,
    NodeView,
    TcView,
)

ANSWER_WALL_S = 10.0
POLL_WALL_S = 0.25
RECONNECT_WALL_S = 1.0
LIVE_BYTES_MAX = 16 * 1024 * 1024
JOB_ENDS = ("SUCCEEDED", "FAILED", "CANCELLED")
TC_ENDS = ("COMPLETED", "FAILED", "EXPIRED")
V = TypeVar("V")


class GroundClientError(Exception):
    """Anything that can go wrong between a user and the ground."""


class UnreachableError(GroundClientError):
    """Nobody answers at the address, or what answers is no ground service."""


class AnswerError(GroundClientError):
    """The service refused; the text says why."""

    def __init__(self, status: int, text: str, field: str | None) -> None:
        super().__init__(text)
        self.status = status
        self.field = field


class UnauthorizedError(AnswerError):
    """No token, or one that the ground does not know."""


class ForbiddenError(AnswerError):
    """The user's roles do not allow it."""


class NotFoundError(AnswerError):
    """No such node, job, telecommand or file."""


class ConflictError(AnswerError):
    """It contradicts what is already there."""


class InvalidError(AnswerError):
    """A field breaks a rule; `field` names it."""


class BusyError(AnswerError):
    """A bound is reached; later it may work."""


class WaitTimeoutError(GroundClientError):
    """What was waited for did not come in time."""


_ERRORS: dict[int, type[AnswerError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidError,
    429: BusyError,
    507: BusyError,
}


class GroundClient:
    """The ground service's verbs. Use it as an asynchronous context, or call `close`."""

    def __init__(self, base_url: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._http = httpx.AsyncClient(
            base_url=self._base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=ANSWER_WALL_S,
            transport=transport,
            trust_env=False,  # a proxy of the environment has no business with a loopback service
        )

    async def __aenter__(self) -> "GroundClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def health(self) -> dict[str, Any]:
        """Return whether the service lives and hears its broker."""
        return cast(dict[str, Any], await self._get("/healthz"))

    async def fleet(self) -> FleetView:
        """Return the fleet now."""
        return cast(FleetView, await self._get("/fleet"))

    async def nodes(self) -> list[NodeView]:
        """Return every node now."""
        return cast(list[NodeView], await self._get("/nodes"))

    async def node(self, node: str) -> NodeDetailView:
        """Return one node with its eclipses, passes and sights."""
        return cast(NodeDetailView, await self._get(f"/nodes/{_part(node)}"))

    async def history(self, node: str, start_s: float, end_s: float, points: int = 600) -> HistoryView:
        """Return a node's past between two instants (seconds since the fleet's epoch)."""
        query = {"start_s": start_s, "end_s": end_s, "points": points}
        return cast(HistoryView, await self._get(f"/nodes/{_part(node)}/history", query))

    async def submit(self, request: Mapping[str, Any]) -> JobDetailView:
        """Submit a job: the fields of `POST /jobs`. The same request again gives the same job."""
        return cast(JobDetailView, await self._post("/jobs", request))

    async def jobs(self, *, state: str | None = None, node: str | None = None, limit: int = 200) -> list[JobView]:
        """Return jobs, newest first."""
        return cast(list[JobView], await self._get("/jobs", {"state": state, "node": node, "limit": limit}))

    async def job(self, job_id: str) -> JobDetailView:
        """Return a job with its reports."""
        return cast(JobDetailView, await self._get(f"/jobs/{_part(job_id)}"))

    async def wait_job(self, job_id: str, timeout_wall_s: float) -> JobDetailView:
        """Return a job once it has ended, and once its result is down if it succeeded.

        Raises:
            WaitTimeoutError: it has not ended in time.
        """

        def is_over(job: JobDetailView) -> bool:
            return job["state"] in JOB_ENDS and (job["state"] != "SUCCEEDED" or job["result_state"] == "READY")

        return await self._wait(lambda: self.job(job_id), is_over, timeout_wall_s, f"job {job_id}")

    async def log(self, job_id: str) -> str:
        """Return the last lines of a job's output."""
        return (await self._request("GET", f"/jobs/{_part(job_id)}/log")).text

    async def result(self, job_id: str) -> bytes:
        """Return a job's result, a tar archive."""
        return (await self._request("GET", f"/jobs/{_part(job_id)}/result")).content

    async def cancel(self, job_id: str) -> JobDetailView:
        """End a job, whatever its state."""
        return cast(JobDetailView, await self._post(f"/jobs/{_part(job_id)}/cancel", None))

    async def send_tc(self, node: str, command: Mapping[str, Any], expires_after_s: float = 3600.0) -> TcView:
        """Send a telecommand such as `{"name": "ping"}`."""
        body = {"node": node, "command": dict(command), "expires_after_s": expires_after_s}
        return cast(TcView, await self._post("/tcs", body))

    async def tcs(self, *, node: str | None = None, limit: int = 100) -> list[TcView]:
        """Return telecommands, newest first."""
        return cast(list[TcView], await self._get("/tcs", {"node": node, "limit": limit}))

    async def tc(self, request_id: str) -> TcView:
        """Return a telecommand with its stages."""
        return cast(TcView, await self._get(f"/tcs/{_part(request_id)}"))

    async def wait_tc(self, request_id: str, timeout_wall_s: float) -> TcView:
        """Return a telecommand once it is completed, failed or expired.

        Raises:
            WaitTimeoutError: it has not ended in time.
        """
        return await self._wait(
            lambda: self.tc(request_id), lambda tc: tc["stage"] in TC_ENDS, timeout_wall_s, f"telecommand {request_id}"
        )

    async def commands(self) -> list[CommandView]:
        """Return the dictionary of telecommands."""
        return cast(list[CommandView], await self._get("/commands"))

    async def events(
        self, *, after: int = 0, node: str | None = None, severity: str | None = None, limit: int = 100
    ) -> list[EventView]:
        """Return the newest events above a number, oldest first."""
        query = {"after": after, "node": node, "severity": severity, "limit": limit}
        return cast(list[EventView], await self._get("/events", query))

    async def follow(self) -> AsyncGenerator[LiveView, None]:
        """Yield the live data for ever: `hello` first, and again after each reconnection, `update` in between.

        Raises:
            UnauthorizedError: the token is not known.
        """
        scheme, host, path, _, _ = urlsplit(self._base_url)
        address = urlunsplit(("wss" if scheme == "https" else "ws", host, f"{path}/ws", "", ""))
        while True:
            try:
                async with connect(address, max_size=LIVE_BYTES_MAX, proxy=None) as socket:
                    await socket.send(json.dumps({"token": self._token}))
                    async for text in socket:
                        yield cast(LiveView, json.loads(text))
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code == 1008:
                    raise UnauthorizedError(401, "the ground does not know this token", None) from error
            except (OSError, WebSocketException):
                pass  # it may be restarting: try again
            await asyncio.sleep(RECONNECT_WALL_S)

    async def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        return _content(await self._request("GET", path, params=wanted))

    async def _post(self, path: str, body: Mapping[str, Any] | None) -> Any:
        return _content(await self._request("POST", path, json=None if body is None else dict(body)))

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise UnreachableError(f"{self._base_url}: {error or type(error).__name__}") from error
        if response.status_code < 400:
            return response
        raise _refusal(response)

    async def _wait(self, ask: Callable[[], Any], is_over: Callable[[V], bool], timeout_wall_s: float, what: str) -> V:
        newest: Any = None
        try:
            async with asyncio.timeout(timeout_wall_s):
                while True:
                    newest = await ask()
                    if is_over(newest):
                        return cast(V, newest)
                    await asyncio.sleep(POLL_WALL_S)
        except TimeoutError:
            stands = "" if newest is None else f", it is {newest.get('state', newest.get('stage'))}"
            raise WaitTimeoutError(f"{what} has not ended in {timeout_wall_s:g} s{stands}") from None


def _part(name: str) -> str:
    return httpx.URL("", path=name).raw_path.decode().replace("/", "%2F")


def _content(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise UnreachableError(f"{response.request.url}: the answer is not JSON; is it a ground service?") from error


def _refusal(response: httpx.Response) -> AnswerError:
    text, field = f"{response.status_code} {response.reason_phrase}", None
    try:
        content = response.json()
        text, field = str(content["error"]), content["field"]
    except (ValueError, KeyError, TypeError):
        pass
    return _ERRORS.get(response.status_code, AnswerError)(response.status_code, text, field)
