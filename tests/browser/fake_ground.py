"""A ground service made of formulas: four nodes at 60 x, with eclipses, jobs, events and telecommands.

It speaks the console's side of the ground service's interface and nothing else. Everything is a function of mission
time, so that a screenshot can be taken again. Run it by hand with `python -m tests.browser.fake_ground 8765`.
"""

import asyncio
import contextlib
import math
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.browser.fake_mission import START_S, STATIONS, STEP_S, Mission, iso
from tests.browser.fake_state import Ground

CONSOLE = Path(__file__).resolve().parents[2] / "ground" / "console"
TOKEN = "let-me-look"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PUSH_WALL_S = 0.2
COMMANDS = [
    {"name": "ping", "description": "Ask whether the node is alive.", "arguments": {}, "required": []},
    {
        "name": "enter_safe",
        "description": "Enter SAFE mode and stay there until told otherwise.",
        "arguments": {},
        "required": [],
    },
    {
        "name": "leave_safe",
        "description": "Leave SAFE mode; the power policy chooses the next mode.",
        "arguments": {},
        "required": [],
    },
    {
        "name": "set_hk_interval",
        "description": "Set the time between two housekeeping samples.",
        "arguments": {"interval_s": {"type": "number", "minimum": 1.0, "maximum": 3600.0}},
        "required": ["interval_s"],
    },
    {
        "name": "set_compute_cap",
        "description": "Cap the compute module's power below what the power mode allows.",
        "arguments": {"cap_w": {"anyOf": [{"type": "number", "minimum": 0.0, "maximum": 1e6}, {"type": "null"}]}},
        "required": ["cap_w"],
    },
    {
        "name": "set_isl_enabled",
        "description": "Allow or forbid laser links.",
        "arguments": {"enabled": {"type": "boolean"}},
        "required": ["enabled"],
    },
    {
        "name": "reset_unit",
        "description": "Power-cycle one hardware unit.",
        "arguments": {"unit": {"type": "string"}},
        "required": ["unit"],
    },
    {
        "name": "cancel_job",
        "description": "End a job and keep no result.",
        "arguments": {"job_id": {"type": "string"}},
        "required": ["job_id"],
    },
]


def inside(spans: list[dict[str, Any]], start_s: float, end_s: float) -> list[dict[str, Any]]:
    """Return the spans that touch a window."""
    return [one for one in spans if one["end_s"] > start_s and one["start_s"] < end_s]


def allowed(request: Request) -> bool:
    """Return whether a request carries the token."""
    return request.headers.get("authorization") == f"Bearer {TOKEN}"


class Api:
    """The routes."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    async def node(self, request: Request) -> Response:
        now_s, name = self.ground.now_s(), request.path_params["node"]
        if name not in self.ground.mission.fleet:
            return JSONResponse({"detail": f"no node {name}"}, 404)
        satellite = self.ground.mission.fleet[name]
        ahead = {"eclipses": satellite.eclipses, "passes": satellite.passes, "sights": self.ground.mission.sights[name]}
        seen = {kind: inside(spans, now_s - 3600, now_s + 16_000) for kind, spans in ahead.items()}
        return JSONResponse({**self.ground.node(name, now_s), **seen})

    async def history(self, request: Request) -> Response:
        now_s, name = self.ground.now_s(), request.path_params["node"]
        satellite = self.ground.mission.fleet[name]
        start_s, end_s = (float(request.query_params[key]) for key in ("start_s", "end_s"))
        end_s = min(end_s, now_s)
        step = max(1, int((end_s - start_s) / STEP_S / float(request.query_params["points"])))
        rows = [row for row in satellite.rows[::step] if start_s <= row["t_s"] <= end_s]
        if name == "node-d":
            rows = [row for row in rows if not START_S - 2600 < row["t_s"] < START_S - 1700]
        cut = {"t_s", "soc_frac", "solar_w", "load_w", "compute_w", "temp_c", "sunlit_frac"}
        columns = {key: [row[key] for row in rows] for key in sorted(cut)}
        spans = {"modes": satellite.modes, "jobs": satellite.attempts, "links": self.ground.mission.links(name)}
        past = {
            kind: [{**one, "end_s": min(one["end_s"], now_s)} for one in inside(found, start_s, end_s)]
            for kind, found in spans.items()
        }
        return JSONResponse({"node": name, "start_s": start_s, "end_s": end_s, "columns": columns, **past})

    async def job(self, request: Request) -> Response:
        now_s = self.ground.now_s()
        job = next((one for one in self.ground.jobs(now_s) if one["job_id"] == request.path_params["job"]), None)
        if job is None:
            return JSONResponse({"detail": "no such job"}, 404)
        reports = [
            {"state": "STAGING", "at_s": job["submitted_s"], "attempt": 0},
            {"state": "QUEUED", "at_s": job["submitted_s"] + 240, "attempt": 0},
        ]
        mine = [
            one
            for one in self.ground.mission.fleet[job["node"]].attempts
            if one["job_id"] == job["job_id"] and START_S - 19_000 < one["start_s"] < now_s
        ]
        for k, one in enumerate(mine):
            told = {"reason": "PREEMPTED_MODE", "checkpoint": f"epoch-{k}"} if one["state"] == "CHECKPOINTING" else {}
            reports.append({"state": one["state"], "at_s": one["start_s"], "attempt": 1 + k // 2, **told})
        if job["state"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            reports.append(
                {
                    "state": job["state"],
                    "at_s": job["updated_s"],
                    "attempt": 1,
                    "reason": job["reason"],
                    "detail": job["detail"],
                }
            )
        return JSONResponse({**job, "reports": reports})

    async def log(self, request: Request) -> Response:
        lines = [
            f"epoch {k:3d}  loss {0.9 * math.exp(-k / 9) + 0.11:.4f}  accuracy {0.97 - 0.6 * math.exp(-k / 7):.4f}"
            for k in range(1, 31)
        ]
        return PlainTextResponse("\n".join(["loading 8,192 samples", *lines]) + "\n")

    async def result(self, request: Request) -> Response:
        return Response(b"result", media_type="application/gzip")

    async def cancel(self, request: Request) -> Response:
        self.ground.cancelled[request.path_params["job"]] = self.ground.now_s() + 45.0
        return JSONResponse({"job_id": request.path_params["job"]}, 202)

    async def commands(self, request: Request) -> Response:
        return JSONResponse({"commands": COMMANDS})

    async def post_tc(self, request: Request) -> Response:
        body = await request.json()
        now_s = self.ground.now_s()
        return JSONResponse(self.ground.tc_view(self.ground.send(body["node"], body["command"], now_s), now_s), 202)

    async def live(self, socket: WebSocket) -> None:
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            if (await socket.receive_json()).get("token") != TOKEN:
                await socket.close(4401)
                return
            now_s = self.ground.now_s()
            hello = self.ground.update(now_s, START_S - 6000)
            about = {
                "type": "hello",
                "mission": "first-light",
                "epoch_iso": iso(0.0),
                "now_iso": iso(now_s),
                "stations": STATIONS,
            }
            await socket.send_json({**hello, **about, "events": hello["events"][-100:]})
            while True:
                await asyncio.sleep(PUSH_WALL_S)
                since_s, now_s = now_s, self.ground.now_s()
                await socket.send_json({"type": "update", **self.ground.update(now_s, since_s)})


class Guard:
    """Refuses requests without the token where one is needed, and sets the content policy on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] != "/" and not scope["path"].startswith("/console/") and not allowed(Request(scope)):
            await JSONResponse({"detail": "The token is missing or wrong."}, 401)(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", POLICY.encode()),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        await self.app(scope, receive, guarded)


def make_app(rate: float = 60.0, start_s: float = START_S, mission: Mission | None = None) -> Starlette:
    """Return the fake service."""
    api = Api(Ground(mission or Mission(), rate, start_s))

    async def index(_request: Request) -> Response:
        return FileResponse(CONSOLE / "index.html")

    routes = [
        Route("/", index),
        Route("/nodes/{node}", api.node),
        Route("/nodes/{node}/history", api.history),
        Route("/jobs/{job}", api.job),
        Route("/jobs/{job}/log", api.log),
        Route("/jobs/{job}/result", api.result),
        Route("/jobs/{job}/cancel", api.cancel, methods=["POST"]),
        Route("/commands", api.commands),
        Route("/tcs", api.post_tc, methods=["POST"]),
        WebSocketRoute("/ws", api.live),
        Mount("/console", StaticFiles(directory=CONSOLE)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard)])


if __name__ == "__main__":
    uvicorn.run(make_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", timeout_graceful_shutdown=1)
