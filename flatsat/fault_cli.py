"""`dawnline fault`: the catalogue of faults, and a fault ordered in the run that is flying."""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flatsat import durations, faults
from flatsat.run_dir import LATEST, RUNS
from icd.fault_catalogue import CATALOGUE, FaultRule, Need, fields_of, problem
from icd.faults import ActiveFaults, FaultEvent, FaultKind, FaultOrder
from icd.ids import is_name

EXIT_BAD_INPUT = 2
FOR_DEFAULT = "10m"
EVER = "ever"

# The option that stands for each key of an order.
_OPTIONS = {
    "fault_id": "--id",
    "node": "NODE",
    "duration_s": "--for",
    "after_s": "--after",
    "on_event": "--on",
    "rate_per_day": "--per-day",
}

fault_app = typer.Typer(help="Faults: of the simulated hardware, links, broker, storage, clock.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
RunOption = Annotated[Path, typer.Option("--run", help="Directory of the run.")]


def _bad_input(text: str) -> typer.Exit:
    typer.echo(f"dawnline: {text}", err=True)
    return typer.Exit(EXIT_BAD_INPUT)


@fault_app.command("list", epilog="Example: dawnline fault list --json")
def fault_list(run: RunOption = RUNS / LATEST, as_json: AsJson = False) -> None:
    """Show the catalogue of faults and, where a run is flying, those in force and those that wait."""
    try:
        said = asyncio.run(faults.active(faults.access(run)))
    except faults.FaultError:
        said = ActiveFaults(at=0, active=(), waiting=(), latest="", refused=None)
    if as_json:
        kinds = {kind.value: catalogue_row(rule) for kind, rule in CATALOGUE.items()}
        events = [event.value for event in FaultEvent]
        typer.echo(json.dumps({"kinds": kinds, "events": events, **_rows(said)}, indent=1))
        return
    table = Table(title="Faults that can be ordered")
    for heading in ("kind", "what it does", "names", "magnitude"):
        table.add_column(heading, no_wrap=heading == "kind")
    for kind, rule in CATALOGUE.items():
        row = catalogue_row(rule)
        named = escape(", ".join(names(rule)))  # optional names stand in brackets, which are markup otherwise
        table.add_row(kind.value, rule.what.replace("`", ""), named or "-", str(row["magnitude"] or "-"))
    console = Console()
    console.print(table)
    console.print(f"Events to wait for (--on): {', '.join(FaultEvent)}.", highlight=False)
    for one in said.active:
        console.print(f"in force: {one.order.fault_id} {one.order.kind} on {one.order.target}", highlight=False)
    for order in said.waiting:
        console.print(f"waits: {order.fault_id} {order.kind} on {order.target}", highlight=False)


@fault_app.command(
    "inject",
    epilog="Example: dawnline fault inject VALUE_BIAS node-1 --unit eps --field soc_frac --magnitude -0.2"
    " --on ECLIPSE_IN --nth 2 --for 20m",
)
def fault_inject(
    kind: Annotated[FaultKind, typer.Argument(help="A kind of `dawnline fault list`.")],
    node: Annotated[str, typer.Argument(help="The node that it strikes; none for the broker.")] = "",
    unit: Annotated[str, typer.Option(help="The unit, where the kind needs one.")] = "",
    terminal: Annotated[int | None, typer.Option(help="The laser terminal, where the kind takes one.")] = None,
    field: Annotated[str, typer.Option(help="The number of the unit's reading, where the kind takes one.")] = "",
    magnitude: Annotated[float | None, typer.Option(help="How much, in the kind's unit.")] = None,
    after: Annotated[str | None, typer.Option(help="Mission time until it begins, or begins to wait.")] = None,
    on: Annotated[FaultEvent | None, typer.Option(help="Wait for this to happen to the node.")] = None,
    nth: Annotated[int, typer.Option(help="Wait for it to happen so often.")] = 1,
    per_day: Annotated[float | None, typer.Option(help="Strike by chance, so often a day on average.")] = None,
    times: Annotated[int, typer.Option(help="Strike so often in all, with --on or --per-day.")] = 1,
    for_: Annotated[
        str | None, typer.Option("--for", help=f"Mission time: 90s, 10m, 1h, or {EVER}. Left out: {FOR_DEFAULT}.")
    ] = None,
    fault_id: Annotated[str | None, typer.Option("--id", help="A name for it.")] = None,
    run: RunOption = RUNS / LATEST,
    as_json: AsJson = False,
) -> None:
    """Make something go wrong in the run that is flying: now, later, at an event, or by chance."""
    # The simulator takes an id once, so that an order delivered twice is one order: each call has its own.
    named = fault_id or f"{kind.value.lower().replace('_', '-')}-{secrets.token_hex(3)}"
    if not is_name(named):
        raise _bad_input(f"--id {named!r}: a name is 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit")
    order = _order(
        fault_id=named,
        kind=kind,
        node=node,
        unit=unit,
        terminal=terminal,
        field=field,
        magnitude=magnitude,
        after_s=0.0 if after is None else _seconds("--after", after),
        on_event=on,
        nth=nth,
        rate_per_day=per_day,
        times=times,
        duration_s=_duration_s(kind, for_),
    )
    try:
        answer = asyncio.run(faults.inject(faults.access(run), order))
    except faults.FaultError as error:
        raise _bad_input(str(error)) from None
    if as_json:
        typer.echo(json.dumps(_rows(answer), indent=1))
    else:
        typer.echo(_told(order, answer))


def catalogue_row(rule: FaultRule) -> dict[str, object]:
    """Return a line of the catalogue as plain values."""
    span = rule.magnitude
    return {
        "group": rule.group,
        "what": rule.what.replace("`", ""),
        "names": names(rule),
        "units": list(rule.units),
        "fields": {unit: list(fields_of(unit)) for unit in rule.units} if rule.field is not Need.NO else {},
        "magnitude": None if span is None else str(span),
        "lasts": not rule.instant,
        "cure": rule.cure,
    }


def names(rule: FaultRule) -> list[str]:
    """Return what a kind may name of its target; what it need not name stands in brackets."""
    keys = [("node", Need.MUST if rule.node else Need.NO), ("unit", Need.MUST if rule.units else Need.NO)]
    keys += [("terminal", rule.terminal), ("field", rule.field)]
    return [key if need is Need.MUST else f"[{key}]" for key, need in keys if need is not Need.NO]


def _order(**fields: object) -> FaultOrder:
    try:
        order = FaultOrder.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _bad_input(f"{_option(str(first['loc'][0]))} {str(first['input'])[:60]!r}: {first['msg']}") from None
    found = problem(order)
    if found is not None:
        raise _bad_input(f"{_option(found.key)}: {found.text}")
    return order


def _option(key: str) -> str:
    return _OPTIONS.get(key, f"--{key}")


def _seconds(option: str, text: str) -> float:
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise _bad_input(f"{option} {error}") from None


def _duration_s(kind: FaultKind, text: str | None) -> float | None:
    if text is None:
        return None if CATALOGUE[kind].instant else durations.seconds(FOR_DEFAULT)
    return None if text == EVER else _seconds("--for", text)


def _rows(said: ActiveFaults) -> dict[str, object]:
    active = [{**one.order.model_dump(mode="json"), **one.model_dump(exclude={"order"})} for one in said.active]
    return {"active": active, "waiting": [order.model_dump(mode="json") for order in said.waiting]}


def _told(order: FaultOrder, answer: ActiveFaults) -> str:
    if any(row.fault_id == order.fault_id for row in answer.waiting):
        return f"{order.fault_id} waits."
    if order.duration_s is None:
        return f"{order.fault_id} has struck." if CATALOGUE[order.kind].instant else f"{order.fault_id} is in force."
    return f"{order.fault_id} is in force for {order.duration_s:g} s."
