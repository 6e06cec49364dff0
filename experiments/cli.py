"""`dawnline experiment`: lists and runs the experiments."""

import json
from typing import Annotated

import typer

from experiments import figures
from experiments.eclipse_table import STUDY as ECLIPSE_TABLE
from experiments.reserve_terminal import STUDY as RESERVE_TERMINAL

STUDIES: dict[str, figures.Study] = {study.name: study for study in (ECLIPSE_TABLE, RESERVE_TERMINAL)}

app = typer.Typer(help="Experiments: one command each, with its own baseline.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


@app.command("list", epilog="Example: dawnline experiment list --json")
def list_studies(as_json: AsJson = False) -> None:
    """Show the experiments."""
    if as_json:
        rows = [{"name": study.name, "title": study.title, "seeds": list(study.seeds)} for study in STUDIES.values()]
        typer.echo(json.dumps({"experiments": rows}, indent=1))
        return
    for study in STUDIES.values():
        typer.echo(f"{study.name}  {study.title}")


@app.command("run", epilog="Example: dawnline experiment run reserve-terminal --json")
def run_study(
    name: Annotated[str, typer.Argument(help="A name of `experiment list`.")], as_json: AsJson = False
) -> None:
    """Run one experiment; exit code 0 when every figure meets its requirement, 1 when one does not."""
    study = STUDIES.get(name)
    if study is None:
        typer.echo(f"dawnline: no experiment {name!r}; there are {', '.join(STUDIES)}", err=True)
        raise typer.Exit(2)
    raise typer.Exit(figures.run(study, as_json, figures.console()))
