"""The HTTP API: JSON over Starlette, a token for everything but health, metrics and the console's files."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from ground import tables
from ground.api.answers import SecureHeaders, answer, failure, on_archive_error, on_refused
from ground.api.metrics import metrics_text
from ground.api.requests import BodyTooLargeError, UnauthorizedError, body_of, count, number, service_of, user_of
from ground.api.websocket import live
from ground.errors import ArchiveError, RefusedError
from ground.service import GroundService
from ground.tables import BODY_BYTES_MAX, JOB_BODY_BYTES_MAX, JobRequest, TcRequest
from icd.transfer import TransferKind

HISTORY_S = 6 * 3600.0  # what history answers when no start is given
POINTS = 600
_PACKAGED_CONSOLE = Path(__file__).parent.parent / "console"
_LOOPBACK = ("127.0.0.1", "::1")


def make_app(service: GroundService) -> Starlette:
    """Return the application that serves a service. It runs on the service's own loop and shares no thread with it."""
    console = service.config.console_dir
    directory = _PACKAGED_CONSOLE if console is None else Path(console)
    routes: list[BaseRoute] = [*_ROUTES]
    index = directory / "index.html"
    if index.is_file():
        files = StaticFiles(directory=directory, html=True)
        routes += [Mount("/console", files), Route("/", _index)]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(SecureHeaders)],
        exception_handlers={
            RefusedError: on_refused,
            ArchiveError: on_archive_error,
            UnauthorizedError: _on_unauthorized,
            BodyTooLargeError: _on_too_large,
            404: _on_not_found,
            405: _on_wrong_method,
        },
    )
    app.state.service = service
    app.state.index = index.read_bytes() if index.is_file() else b""
    return app


async def _healthz(request: Request) -> Response:
    service = service_of(request)
    return answer({"status": "ok", "link_up": service.link_up, "mission": service.config.fleet.mission})


async def _metrics(request: Request) -> Response:
    if request.client is None or request.client.host not in _LOOPBACK:
        user_of(request)
    return Response(metrics_text(service_of(request)), media_type="text/plain; version=0.0.4")


async def _fleet(request: Request) -> Response:
    user_of(request)
    return answer(service_of(request).reader.fleet())


async def _nodes(request: Request) -> Response:
    user_of(request)
    return answer(service_of(request).reader.nodes())


async def _node(request: Request) -> Response:
    user_of(request)
    return answer(service_of(request).reader.node_detail(request.path_params["node"]))


async def _history(request: Request) -> Response:
    user_of(request)
    service = service_of(request)
    end_s = number(request, "end_s", service.reader.now_s())
    start_s = number(request, "start_s", end_s - HISTORY_S)
    service.flush()
    return answer(service.reader.history(request.path_params["node"], start_s, end_s, count(request, "points", POINTS)))


async def _jobs(request: Request) -> Response:
    user_of(request)
    query = request.query_params
    limit = count(request, "limit", 200)
    return answer(service_of(request).reader.jobs(query.get("state"), query.get("node"), limit))


async def _submit(request: Request) -> Response:
    user = user_of(request)
    body = tables.parse(JobRequest, await body_of(request, JOB_BODY_BYTES_MAX))
    view, is_new = service_of(request).submit_job(body, user)
    return answer(view, 201 if is_new else 200)


async def _job(request: Request) -> Response:
    user_of(request)
    return answer(service_of(request).reader.job(request.path_params["job_id"]))


async def _job_log(request: Request) -> Response:
    content = _job_file(request, TransferKind.LOG)
    return Response(content.decode("utf-8", "replace"), media_type="text/plain; charset=utf-8")


async def _job_result(request: Request) -> Response:
    content = _job_file(request, TransferKind.RESULT)
    name = request.path_params["job_id"]
    return Response(
        content, media_type="application/x-tar", headers={"Content-Disposition": f'attachment; filename="{name}.tar"'}
    )


def _job_file(request: Request, kind: TransferKind) -> bytes:
    user, reader = user_of(request), service_of(request).reader
    job_id = request.path_params["job_id"]
    user.require_reader_of(reader.job_row(job_id).spec.tenant)
    return reader.job_file(job_id, kind)


async def _cancel(request: Request) -> Response:
    user = user_of(request)
    return answer(service_of(request).cancel_job(request.path_params["job_id"], user))


async def _tcs(request: Request) -> Response:
    user_of(request)
    limit = count(request, "limit", 100)
    return answer(service_of(request).reader.tcs(request.query_params.get("node"), limit))


async def _send_tc(request: Request) -> Response:
    user = user_of(request)
    user.require_operator()
    body = tables.parse(TcRequest, await body_of(request, BODY_BYTES_MAX))
    return answer(service_of(request).send_tc(body, user), 201)


async def _tc(request: Request) -> Response:
    user_of(request)
    return answer(service_of(request).reader.tc(request.path_params["request_id"]))


async def _commands(request: Request) -> Response:
    user_of(request)
    return answer(tables.command_dictionary())


async def _events(request: Request) -> Response:
    user_of(request)
    query = request.query_params
    after, limit = count(request, "after", 0), count(request, "limit", 100)
    return answer(service_of(request).reader.events(after, query.get("node"), query.get("severity"), limit))


async def _index(request: Request) -> Response:
    return HTMLResponse(request.app.state.index)


async def _on_unauthorized(_: Request, __: Exception) -> Response:
    return failure(401, "a token is needed: send the header Authorization: Bearer TOKEN")


async def _on_too_large(_: Request, error: Exception) -> Response:
    return failure(413, str(error))


async def _on_not_found(request: Request, _: Exception) -> Response:
    return failure(404, f"nothing at {request.url.path[:120]}")


async def _on_wrong_method(request: Request, _: Exception) -> Response:
    return failure(405, f"{request.method} is not for {request.url.path[:120]}")


_ROUTES: tuple[BaseRoute, ...] = (
    Route("/healthz", _healthz),
    Route("/metrics", _metrics),
    Route("/fleet", _fleet),
    Route("/nodes", _nodes),
    Route("/nodes/{node}", _node),
    Route("/nodes/{node}/history", _history),
    Route("/jobs", _jobs, methods=["GET"]),
    Route("/jobs", _submit, methods=["POST"]),
    Route("/jobs/{job_id}", _job),
    Route("/jobs/{job_id}/log", _job_log),
    Route("/jobs/{job_id}/result", _job_result),
    Route("/jobs/{job_id}/cancel", _cancel, methods=["POST"]),
    Route("/tcs", _tcs, methods=["GET"]),
    Route("/tcs", _send_tc, methods=["POST"]),
    Route("/tcs/{request_id}", _tc),
    Route("/commands", _commands),
    Route("/events", _events),
    WebSocketRoute("/ws", live),
)
