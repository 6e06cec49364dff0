"""The ground's part of the `dawnline` command: job, tc, node, event. All of it goes through ground.client.

Where the service is: `--url` and `--token-file`, or the environment (DAWNLINE_URL, DAWNLINE_TOKEN), or the latest run
of `dawnline up` below `runs/`. A token never stands on a command line.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ground.client import GroundClient, GroundClientError

RUN = Path("runs/latest")
WAIT_WALL_S = 3600.0
EXIT_REFUSED = 1
EXIT_BAD_INPUT = 2
T = TypeVar("T")

Url = Annotated[str | None, typer.Option(envvar="DAWNLINE_URL", help="Address of the ground service.")]
TokenFile = Annotated[Path | None, typer.Option(help="File with your API token.")]
RunDir = Annotated[Path, typer.Option("--run", help="Run of `dawnline up` to talk to.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end.")]

job_app = typer.Typer(help="Jobs of tenants.", no_args_is_help=True)
tc_app = typer.Typer(help="Telecommands of operators.", no_args_is_help=True)
node_app = typer.Typer(help="The nodes of the fleet.", no_args_is_help=True)
event_app = typer.Typer(help="Events of nodes and ground.", no_args_is_help=True)


def connect(url: str | None, token_file: Path | None, run: Path) -> GroundClient:
    """Return a client of the service that the options name.

    Raises:
        typer.Exit: there is none to be found; one line on standard error says what to do.
    """
    try:
        address = url or str(json.loads((run / "access.json").read_text())["url"])
        token = os.environ.get("DAWNLINE_TOKEN") if token_file is None else token_file.read_text().strip()
        return GroundClient(address, token or (run / "keys" / "tokens" / "operator").read_text().strip())
    except (OSError, ValueError, KeyError):
        typer.echo(
            f"dawnline: no ground service known: start `dawnline up`, or name one with --url and --token-file"
            f" (looked in {run})",
            err=True,
        )
        raise typer.Exit(EXIT_BAD_INPUT) from None


def ask(client: GroundClient, question: Callable[[GroundClient], Awaitable[T]]) -> T:
    """Return the service's answer; a refusal is one line on standard error and exit code 1."""

    async def run() -> T:
        async with client:
            return await question(client)

    try:
        return asyncio.run(run())
    except GroundClientError as error:
        typer.echo(f"dawnline: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from None


def show(rows: list[Any], columns: tuple[str, ...], as_json: bool, name: str) -> None:
    """Print rows as a table of some columns, or all of them as JSON under a name."""
    if as_json:
        typer.echo(json.dumps({name: rows}, indent=1))
        return
    table = Table()
    for column in columns:
        table.add_column(column.replace("_", " "), no_wrap=column.endswith("id"))
    for row in rows:
        table.add_row(*(escape(_cell(row[column])) for column in columns))  # a reason may hold brackets
    Console().print(table)


def show_one(row: Any, as_json: bool) -> None:
    """Print one object, a line a field, or as JSON."""
    if as_json:
        typer.echo(json.dumps(row, indent=1))
        return
    for key, value in row.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            typer.echo(f"{key}:")
            for item in value:
                told = (f"{name}={_cell(part)}" for name, part in item.items() if part not in ("", None))
                typer.echo("  " + "  ".join(told))
        else:
            typer.echo(f"{key}: {_cell(value)}")


@job_app.command("list", epilog="Example: dawnline job list --state RUNNING")
def job_list(
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    node: Annotated[str | None, typer.Option(help="Only jobs of this node.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 50,
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Show jobs, newest first."""
    rows = ask(connect(url, token_file, run), lambda ground: ground.jobs(state=state, node=node, limit=limit))
    show(
        rows,
        ("job_id", "state", "node", "attempt", "progress_frac", "hold_reason", "reason", "result_state"),
        as_json,
        "jobs",
    )


@job_app.command("show", epilog="Example: dawnline job show train --json")
def job_show(
    job_id: Annotated[str, typer.Argument(help="Id of the job.")],
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Show a job and everything that happened to it."""
    show_one(ask(connect(url, token_file, run), lambda ground: ground.job(job_id)), as_json)


@job_app.command("logs", epilog="Example: dawnline job logs train")
def job_logs(
    job_id: Annotated[str, typer.Argument(help="Id of the job.")],
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Print the last lines of a job's output, once they are down."""
    text = ask(connect(url, token_file, run), lambda ground: ground.log(job_id))
    typer.echo(json.dumps({"job_id": job_id, "log": text}) if as_json else text, nl=as_json)


@job_app.command("fetch", epilog="Example: dawnline job fetch train --out train.tar")
def job_fetch(
    job_id: Annotated[str, typer.Argument(help="Id of the job.")],
    out: Annotated[Path | None, typer.Option(help="File to write; JOB.tar unless named.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Write a job's result, a tar archive, to a file."""
    content = ask(connect(url, token_file, run), lambda ground: ground.result(job_id))
    path = out or Path(f"{job_id}.tar")
    try:
        path.write_bytes(content)
    except OSError as error:
        typer.echo(f"dawnline: cannot write {path}: {error.strerror}; choose another file with --out", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    told = {"job_id": job_id, "file": str(path), "bytes": len(content)}
    typer.echo(json.dumps(told) if as_json else f"{len(content)} bytes in {path}")


@job_app.command("cancel", epilog="Example: dawnline job cancel train")
def job_cancel(
    job_id: Annotated[str, typer.Argument(help="Id of the job.")],
    wait: Wait = False,
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """End a job, whatever its state, and keep no result."""

    async def cancel(ground: GroundClient) -> Any:
        job = await ground.cancel(job_id)
        return await ground.wait_job(job_id, WAIT_WALL_S) if wait else job

    show_one(ask(connect(url, token_file, run), cancel), as_json)


@tc_app.command("send", epilog="Example: dawnline tc send node-1 set_hk_interval interval_s=10 --wait")
def tc_send(
    node: Annotated[str, typer.Argument(help="The node to command.")],
    name: Annotated[str, typer.Argument(help="The command; docs/dictionary.md lists them.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Arguments as key=value; values are JSON or text.")
    ] = None,
    expires_after_s: Annotated[float, typer.Option(help="Mission time after which it is not carried out.")] = 3600.0,
    wait: Wait = False,
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Sign a telecommand, send it until the node has it, and follow its stages."""
    command: dict[str, Any] = {"name": name}
    for argument in arguments or []:
        key, equals, text = argument.partition("=")
        if not equals:
            typer.echo(f"dawnline: {argument!r} is not key=value", err=True)
            raise typer.Exit(EXIT_BAD_INPUT)
        command[key] = _value(text)

    async def send(ground: GroundClient) -> Any:
        tc = await ground.send_tc(node, command, expires_after_s)
        return await ground.wait_tc(tc["request_id"], WAIT_WALL_S) if wait else tc

    tc = ask(connect(url, token_file, run), send)
    show_one(tc, as_json)
    if wait and tc["stage"] != "COMPLETED":
        raise typer.Exit(EXIT_REFUSED)


@tc_app.command("list", epilog="Example: dawnline tc list --node node-1")
def tc_list(
    node: Annotated[str | None, typer.Option(help="Only those of this node.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 50,
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Show telecommands, newest first."""
    rows = ask(connect(url, token_file, run), lambda ground: ground.tcs(node=node, limit=limit))
    named = [row if as_json else {**row, "command": row["command"]["name"]} for row in rows]
    show(named, ("request_id", "node", "command", "user", "stage", "reason", "issued_iso"), as_json, "tcs")


@tc_app.command("show", epilog="Example: dawnline tc show tc-000001")
def tc_show(
    request_id: Annotated[str, typer.Argument(help="Id of the telecommand.")],
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Show a telecommand with its stages."""
    show_one(ask(connect(url, token_file, run), lambda ground: ground.tc(request_id)), as_json)


@node_app.command("list", epilog="Example: dawnline node list --json")
def node_list(url: Url = None, token_file: TokenFile = None, run: RunDir = RUN, as_json: AsJson = False) -> None:
    """Show the nodes of the fleet."""
    rows = ask(connect(url, token_file, run), lambda ground: ground.nodes())
    columns = (
        "node",
        "satellite",
        "mode",
        "mode_reason",
        "soc_frac",
        "solar_w",
        "load_w",
        "jobs_queued",
        "jobs_running",
    )
    show(rows, (*columns, "in_contact", "heard_s_ago"), as_json, "nodes")


@node_app.command("show", epilog="Example: dawnline node show node-1")
def node_show(
    node: Annotated[str, typer.Argument(help="Id of the node.")],
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Show a node with the eclipses, passes and laser sights ahead of it."""
    show_one(ask(connect(url, token_file, run), lambda ground: ground.node(node)), as_json)


@event_app.command("list", epilog="Example: dawnline event list --severity HIGH")
def event_list(
    node: Annotated[str | None, typer.Option(help="Only those of this node.")] = None,
    severity: Annotated[str | None, typer.Option(help="INFO, LOW, MEDIUM or HIGH.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 50,
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Show the newest events, oldest first."""
    rows = ask(connect(url, token_file, run), lambda ground: ground.events(node=node, severity=severity, limit=limit))
    if as_json:
        typer.echo(json.dumps({"events": rows}, indent=1))
        return
    for row in rows:
        typer.echo(_event_line(row))


@event_app.command("follow", epilog="Example: dawnline event follow --json")
def event_follow(url: Url = None, token_file: TokenFile = None, run: RunDir = RUN, as_json: AsJson = False) -> None:
    """Print events as they arrive, until Ctrl-C."""

    async def follow(ground: GroundClient) -> None:
        async for live in ground.follow():
            if live["type"] == "update":
                for row in live["events"]:
                    typer.echo(json.dumps(row) if as_json else _event_line(row))

    async def until_interrupted(ground: GroundClient) -> None:
        # A handler of our own: a shell that starts us in the background has SIGINT ignored, and we are to end by it.
        following = asyncio.ensure_future(follow(ground))
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, following.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await following

    ask(connect(url, token_file, run), until_interrupted)


def _event_line(row: Any) -> str:
    return f"{row['at_iso']}  {row['severity']:<6}  {row['node']:<10}  {row['text']}"


def _cell(value: Any) -> str:
    match value:
        case None | "" | []:
            return "—"
        case float():
            return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
        case list():
            return ", ".join(str(item) for item in value)
        case dict():
            return json.dumps(value)
        case _:
            return str(value)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
