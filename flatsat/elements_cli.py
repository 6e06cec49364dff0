"""`dawnline elements`: looks through element files, and makes element sets of shells and dawn-dusk planes."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from astro import screening, walker
from astro.elements import LeftOut, Reason, Satellite
from astro.walker import Pattern
from flatsat import element_sets
from icd.ids import is_name
from icd.timebase import MissionTime, from_iso, to_iso

EXIT_BAD_INPUT = 2

app = typer.Typer(help="Element sets: look through a file, or make a constellation.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
Epoch = Annotated[str, typer.Option("--at", help="Epoch of the elements, UTC: 2026-08-22T12:00:00Z.")]
Name = Annotated[str, typer.Option(help="What the satellites are called; plane and slot are added.")]
Altitude = Annotated[float, typer.Option(help="Mean semi-major axis less the equatorial radius.")]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look through an element file found."""

    at: MissionTime
    kept: tuple[Satellite, ...]
    left_out: tuple[LeftOut, ...]


def look(file: Path, at: MissionTime | None, age_days: float, horizon_days: float) -> Findings:
    """Return what of an element file serves from an instant on; without one, from the newest epoch in the file.

    Raises:
        flatsat.element_sets.ElementsError: the file cannot be read or holds no element sets.
    """
    found, left_out = element_sets.read(file)
    if not found:
        first = f": {left_out[0]}" if left_out else "; allowed are two-line sets and OMM as JSON, CSV, XML or KVN"
        raise element_sets.ElementsError(f"{file} holds no element set that can be read{first}")
    moment = max(one.epoch for one in found) if at is None else at
    kept, unfit = screening.screen(found, moment, age_days_max=age_days, horizon_days=horizon_days)
    return Findings(moment, kept, tuple(sorted((*left_out, *unfit), key=lambda one: one.row)))


@app.command("check", epilog="Example: dawnline elements check starlink.tle --at 2026-08-22T12:00:00Z")
def check(
    file: Annotated[Path, typer.Argument(help="Two-line sets, or OMM as JSON, CSV, XML or KVN.")],
    at: Annotated[str | None, typer.Option(help="UTC; without it, the newest epoch in the file.")] = None,
    age_days: Annotated[
        float, typer.Option(help="How far an epoch may lie from then.", min=0.0, max=10_000.0)
    ] = screening.AGE_DAYS_MAX,
    horizon_days: Annotated[
        float, typer.Option(help="For how long no orbit may decay.", min=0.0, max=3_660.0)
    ] = screening.HORIZON_DAYS,
    as_json: AsJson = False,
) -> None:
    """Say which element sets of a file would be left out, and why; exit code 1 when any is."""
    try:
        found = look(file, None if at is None else _epoch(at), age_days, horizon_days)
    except ValueError as error:
        raise _bad_input(str(error)) from None
    counts = Counter(one.reason for one in found.left_out)
    by_reason = {reason.value: counts[reason] for reason in Reason}
    if as_json:
        rows = [
            {"row": one.row, "name": one.name, "number": one.number, "reason": one.reason.value, "text": one.text}
            for one in found.left_out
        ]
        summary = {"file": str(file), "at": to_iso(found.at), "good": len(found.kept), **by_reason}
        typer.echo(json.dumps({**summary, "left_out": rows}, indent=1))
    else:
        for one in found.left_out:
            typer.echo(str(one))
        reasons = ", ".join(f"{count} {reason}" for reason, count in by_reason.items())
        typer.echo(f"{len(found.kept)} good at {to_iso(found.at)}, {len(found.left_out)} left out: {reasons}.")
    if found.left_out:
        raise typer.Exit(1)


@app.command(
    "shell",
    epilog="Example: dawnline elements shell --planes 72 --per-plane 22 --altitude-km 550 --inclination-deg 53"
    " --phasing 17 --at 2026-08-22T12:00:00Z > shell.tle",
)
def shell(
    planes: Annotated[int, typer.Option(help="Number of planes.")],
    per_plane: Annotated[int, typer.Option(help="Satellites in each plane.")],
    altitude_km: Altitude,
    inclination_deg: Annotated[float, typer.Option(help="Inclination of all planes.")],
    phasing: Annotated[int, typer.Option(help="Walker's F: neighbouring planes are F x 360/T degrees apart.")],
    at: Epoch,
    pattern: Annotated[Pattern, typer.Option(help="Planes over all the equator, or half of it.")] = Pattern.DELTA,
    node_deg: Annotated[float, typer.Option(help="Right ascension of the first plane's node.")] = 0.0,
    name: Name = "SHELL",
) -> None:
    """Print a Walker shell as two-line element sets."""
    _check_name(name)
    try:
        of = walker.Shell(planes, per_plane, phasing, altitude_km, inclination_deg, pattern, node_deg)
        made = walker.shell(of, _epoch(at), name)
    except ValueError as error:
        raise _bad_input(str(error)) from None
    typer.echo(walker.tle_text(made), nl=False)


@app.command(
    "dawn-dusk",
    epilog="Example: dawnline elements dawn-dusk --altitude-km 650 --count 4 --ltan-h 18 --at 2026-08-22T12:00:00Z",
)
def dawn_dusk(
    altitude_km: Altitude,
    count: Annotated[int, typer.Option(help="Satellites, equally spaced in one plane.")],
    at: Epoch,
    ltan_h: Annotated[float, typer.Option(help="Mean local time of the ascending node, hours.")] = 18.0,
    name: Name = "DAWNDUSK",
) -> None:
    """Print a sun-synchronous plane as two-line element sets."""
    _check_name(name)
    try:
        made = walker.dawn_dusk(altitude_km, count, ltan_h, _epoch(at), name)
    except ValueError as error:
        raise _bad_input(str(error)) from None
    typer.echo(walker.tle_text(made), nl=False)


def _epoch(text: str) -> MissionTime:
    try:
        return from_iso(text)
    except ValueError as error:
        raise ValueError(f"--at: {error}; write it as 2026-08-22T12:00:00Z") from None


def _check_name(name: str) -> None:
    if not is_name(name.lower()):
        raise _bad_input(f"--name {name!r}: allowed are 1 to 63 of letters, digits, _ and -, a letter or digit first")


def _bad_input(text: str) -> typer.Exit:
    typer.echo(f"dawnline: {text}", err=True)
    return typer.Exit(EXIT_BAD_INPUT)
