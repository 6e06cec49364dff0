"""`dawnline world`: shows what the simulated world does to a class of satellite."""

import json
import tomllib
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from icd.vehicle import VehicleProfile

EXIT_BAD_INPUT = 2
PROFILES = Path("missions/profiles")

app = typer.Typer(help="The simulated world: what it does to a class of satellite.", no_args_is_help=True)


class ProfileError(ValueError):
    """A vehicle profile that is not there, or not one."""


@app.callback()
def world() -> None:
    """Keep `picture` a word of its own: there will be others beside it."""


@app.command("picture", epilog="Example: dawnline world picture v3node --out docs/pictures")
def picture(
    profile: Annotated[str | None, typer.Argument(help="A class in missions/profiles, such as v3node.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every class in missions/profiles.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("docs/pictures"),
    profiles: Annotated[Path, typer.Option(help="Where the profiles are.")] = PROFILES,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Fly a class of satellite for two orbits and draw sun, power, battery, temperatures and lasers."""
    if (profile is None) == (not every):
        raise _bad_input("name a profile, or give --all")
    names = sorted(path.stem for path in profiles.glob("*.toml")) if every else [str(profile)]
    if not names:
        raise _bad_input(f"--profiles {profiles}: no *.toml there")
    from flatsat import orbit, orbit_picture  # here, because they load the simulator and the plotting library

    drawn = []
    for name in names:
        try:
            flown = orbit.fly(load_profile(profiles / f"{name}.toml"))
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"world-{name}.png"
            orbit_picture.draw(flown, path)
        except (ProfileError, orbit.NoEclipseError, OSError) as error:
            raise _bad_input(str(error)) from None
        drawn.append({"profile": name, "picture": str(path)})
        if not as_json:
            typer.echo(f"{name}: {path}")
    if as_json:
        typer.echo(json.dumps({"pictures": drawn}, indent=1))


def load_profile(path: Path) -> VehicleProfile:
    """Return the profile in a file.

    Raises:
        ProfileError: there is none, or a key is wrong; the text names file and key.
    """
    try:
        return VehicleProfile.model_validate(tomllib.loads(path.read_text()))
    except FileNotFoundError:
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.toml"))) or "none"
        raise ProfileError(f"{path}: no such profile; there are {known}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"{path}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProfileError(f"{path}: {where}: {first['msg']}") from None


def _bad_input(text: str) -> typer.Exit:
    typer.echo(f"dawnline: {text}", err=True)
    return typer.Exit(EXIT_BAD_INPUT)
