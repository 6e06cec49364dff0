"""The `dawnline` command: composes what each room brings."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from experiments.cli import app as experiment_app
from flatsat import durations
from flatsat.elements_cli import app as elements_app
from flatsat.fault_cli import fault_app
from flatsat.keys import KeysError, make_keys
from flatsat.live_table import LiveTable
from flatsat.mission import Mission, MissionError, load_mission
from flatsat.run_dir import RUNS
from flatsat.submit import job_submit
from flatsat.world import app as world_app
from ground.cli import event_app, job_app, node_app, tc_app
from icd.ids import is_name

if TYPE_CHECKING:
    from flatsat import up

EXIT_BAD_INPUT = 2
PLAIN_WIDTH = 140  # columns of what is piped into a file

app = typer.Typer(
    name="dawnline",
    help="Flight software for satellites that are data centres: fly it, command it, give it work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys_app = typer.Typer(help="Keys of a run or a fleet.", no_args_is_help=True)
for name, sub in (
    ("keys", keys_app),
    ("job", job_app),
    ("tc", tc_app),
    ("node", node_app),
    ("event", event_app),
    ("fault", fault_app),
    ("elements", elements_app),
    ("experiment", experiment_app),
    ("world", world_app),
):
    app.add_typer(sub, name=name)

job_app.command("submit", epilog="Example: dawnline job submit missions/jobs/image --id my-first --wait")(job_submit)

MissionPath = Annotated[Path, typer.Argument(help="Mission file (TOML).", metavar="MISSION")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


def main() -> None:
    """Run the command line."""
    app()


def bad_input(text: str) -> typer.Exit:
    """Print one line on standard error and return the exit to raise: code 2."""
    typer.echo(f"dawnline: {text}", err=True)
    return typer.Exit(EXIT_BAD_INPUT)


@app.command("up", epilog="Example: dawnline up missions/first-light.toml --for 2m")
def up_command(
    mission: MissionPath,
    port: Annotated[int, typer.Option(help="Port of the console, on loopback.", min=1, max=65535)] = 8460,
    broker: Annotated[str, typer.Option(help="embedded or mosquitto.")] = "embedded",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the latest run of this mission.")] = False,
    for_: Annotated[str | None, typer.Option("--for", help="End after this wall time: 90s, 10m, 1h.")] = None,
    rate: Annotated[float | None, typer.Option(help="Mission seconds a second, instead of the mission's.")] = None,
    runs: Annotated[Path, typer.Option(help="Where runs are kept.")] = RUNS,
    as_json: AsJson = False,
) -> None:
    """Fly a mission as real processes: broker, simulator, nodes, ground with console. Ctrl-C ends it in order."""
    if broker not in ("embedded", "mosquitto"):
        raise bad_input(f"--broker {broker!r} is not one of embedded, mosquitto")
    if rate is not None and not 0.0 < rate <= 1000.0:
        raise bad_input(f"--rate {rate:g} is not above 0 and at most 1000")
    try:
        for_s = None if for_ is None else durations.seconds(for_)
    except ValueError as error:
        raise bad_input(f"--for {error}") from None
    loaded = _load(mission)
    from flatsat import up  # here, because every other command starts faster without it

    options = up.Options(port, broker, resume, for_s, rate, runs)
    console = _console(stderr=as_json)
    table = LiveTable(console, quiet=as_json)
    try:
        with table:
            outcome = asyncio.run(up.up(loaded, options, lambda text: console.print(text, soft_wrap=True), table))
    except up.UpError as error:
        raise bad_input(str(error)) from None
    except KeyboardInterrupt:  # before the run heeds signals by itself, and has started nothing
        raise typer.Exit(0) from None
    if as_json:
        typer.echo(up.summary_json(outcome))
    else:
        _print_outcome(console, outcome)


@app.command("fly", epilog="Example: dawnline fly missions/first-light.toml --hours 24 --seed 7 --out flights/a")
def fly_command(
    mission: MissionPath,
    hours: Annotated[float, typer.Option(help="Mission time to fly.", min=0.01, max=24.0 * 366)] = 24.0,
    seed: Annotated[int | None, typer.Option(help="Instead of the mission's.", min=0)] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("flights/latest"),
    as_json: AsJson = False,
) -> None:
    """Fly a mission in one process in virtual time; write report.json, the history and a picture a node."""
    loaded = _load(mission, hours)
    from flatsat import fly  # here, because it loads the node, the ground and the simulator

    chosen = loaded.file.seed if seed is None else seed
    try:
        report = fly.fly_to(loaded, hours, chosen, out, show_progress=sys.stderr.isatty())
    except fly.FlyError as error:
        raise bad_input(str(error)) from None
    if as_json:
        typer.echo(json.dumps(report, indent=1))
    else:
        fly.print_report(_console(), report, out)
    if any(row["violated"] for row in report["invariants"]):
        raise typer.Exit(1)


@keys_app.command("init", epilog="Example: dawnline keys init keys --node node-1 --node node-2")
def keys_init(
    directory: Annotated[Path, typer.Argument(help="New directory for the keys.")],
    node: Annotated[list[str], typer.Option(help="A node of the fleet; give it again for each.")],
    as_json: AsJson = False,
) -> None:
    """Make the keys of a fleet: commanding keys, broker credentials, laser tokens, API tokens. Owner-only files."""
    for one in node:
        if not is_name(one):
            raise bad_input(f"--node {one!r}: a name is 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit")
    try:
        make_keys(directory, tuple(node))
    except KeysError as error:
        raise bad_input(str(error)) from None
    files = sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
    if as_json:
        typer.echo(json.dumps({"directory": str(directory), "files": files}))
    else:
        typer.echo(f"{len(files)} files in {directory}, readable by their owner alone.")


def _console(stderr: bool = False) -> Console:
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=PLAIN_WIDTH)


def _load(path: Path, hours: float | None = None) -> Mission:
    try:
        return load_mission(path, hours)
    except MissionError as error:
        raise bad_input(str(error)) from None


def _print_outcome(console: Console, outcome: "up.Outcome") -> None:
    jobs = ", ".join(f"{count} {state}" for state, count in sorted(outcome.jobs.items())) or "none"
    restarts = ", ".join(f"{name} {count}" for name, count in outcome.restarts.items()) or "none"
    console.print(f"Flew {outcome.mission_s / 60:.1f} min of mission time in {outcome.wall_s:.1f} s.", highlight=False)
    console.print(f"Jobs: {jobs}. Preemptions: {outcome.preemptions}. Restarts: {restarts}.", highlight=False)
    if outcome.killed_at_stop:
        console.print(f"Killed at the stop: {', '.join(outcome.killed_at_stop)}.", highlight=False)
    console.print(f"Run kept in {outcome.run}; go on with --resume.", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
