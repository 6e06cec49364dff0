"""`dawnline job submit`: a folder becomes a bundle and a job of the run that flies."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flatsat import bundles
from flatsat.workload import Submission, job_request
from ground.cli import (
    EXIT_BAD_INPUT,
    EXIT_REFUSED,
    RUN,
    WAIT_WALL_S,
    AsJson,
    RunDir,
    TokenFile,
    Url,
    Wait,
    ask,
    connect,
    show_one,
)
from ground.client import GroundClient
from icd.ids import JobId, TenantId, is_name
from icd.jobs import JobClass
from icd.timebase import MissionTime

NAME_RULE = "a name is 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit"
_NO_DEADLINE = MissionTime(0)  # the instant that a deadline would count from; there is none


def job_submit(
    folder: Annotated[Path, typer.Argument(help="Folder with the job's files and its job.toml.")],
    job_id: Annotated[str, typer.Option("--id", help="Name for the job; the same name and job again is one job.")],
    node: Annotated[str | None, typer.Option(help="The node that must run it; the ground chooses otherwise.")] = None,
    job_class: Annotated[
        JobClass | None, typer.Option("--class", help="Instead of job.toml's: HOT, STANDARD or BULK.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="For whom it runs.")] = "operator",
    wait: Wait = False,
    url: Url = None,
    token_file: TokenFile = None,
    run: RunDir = RUN,
    as_json: AsJson = False,
) -> None:
    """Pack a folder and submit it as a job."""
    request = _request(folder, job_id, node, job_class, tenant)

    async def submit(ground: GroundClient) -> Any:
        job = await ground.submit(request)
        return await ground.wait_job(job_id, WAIT_WALL_S) if wait else job

    job = ask(connect(url, token_file, run), submit)
    show_one(job, as_json)
    if wait and job["state"] != "SUCCEEDED":
        raise typer.Exit(EXIT_REFUSED)


def _request(folder: Path, job_id: str, node: str | None, job_class: JobClass | None, tenant: str) -> dict[str, Any]:
    """Return the body of `POST /jobs`.

    Raises:
        typer.Exit: a name or the folder is no good; one line on standard error says what is wrong.
    """
    for option, name in (("--id", job_id), ("--tenant", tenant)):
        if not is_name(name):
            raise _bad_input(f"{option} {name!r}: {NAME_RULE}")
    changed: dict[str, object] = {} if job_class is None else {"job_class": job_class}
    try:
        bundle = bundles.load(folder)
        spec = bundle.spec(JobId(job_id), TenantId(tenant), None, **changed)
    except bundles.BundleError as error:
        raise _bad_input(str(error)) from None
    return job_request(Submission(_NO_DEADLINE, spec, bundle), _NO_DEADLINE, node)


def _bad_input(text: str) -> typer.Exit:
    typer.echo(f"dawnline: {text}", err=True)
    return typer.Exit(EXIT_BAD_INPUT)
