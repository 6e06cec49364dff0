"""What users write and the ground validates: the users' file and the bodies of API requests."""

import base64
import binascii
from enum import StrEnum, unique
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ground.errors import Refused, RefusedError
from icd.envelope import AS_LIST, AS_TEXT, Wire
from icd.ids import NameStr, Sha256Hex
from icd.jobs import BUNDLE_BYTES_MAX, COMMAND_ARGS_MAX, JobClass
from icd.tc import COMMAND_TYPES, Command

B = TypeVar("B", bound=BaseModel)

# Base64 writes four characters for three bytes; the rest of a request is small.
JOB_BODY_BYTES_MAX = BUNDLE_BYTES_MAX * 4 // 3 + 64 * 1024
BODY_BYTES_MAX = 64 * 1024
EXPIRES_AFTER_S_MAX = 86_400.0


@unique
class UserRole(StrEnum):
    """What a user of the API may do: viewers read, tenants run their own jobs, operators do everything."""

    OPERATOR = "operator"
    TENANT = "tenant"
    VIEWER = "viewer"


class UserEntry(Wire):
    """One user as the users' file has it. The token itself is nowhere on the ground."""

    token_sha256: Sha256Hex
    roles: Annotated[tuple[Annotated[UserRole, AS_TEXT], ...], AS_LIST] = Field(min_length=1, max_length=3)


USERS_FILE: TypeAdapter[dict[NameStr, UserEntry]] = TypeAdapter(dict[NameStr, UserEntry])


class JobRequest(Wire):
    """The body of `POST /jobs`. Bounds that icd.jobs.JobSpec checks are not repeated here."""

    job_id: str
    tenant: str
    job_class: Annotated[JobClass, AS_TEXT]
    priority: int
    command: Annotated[tuple[str, ...], AS_LIST] = Field(min_length=1, max_length=COMMAND_ARGS_MAX)
    power_w: float
    slots: int
    memory_mb: int
    disk_mb: int
    time_limit_s: float
    grace_s: float
    work_s: float
    checkpoint_every_s: float
    retries_max: int
    deadline_s: float | None = Field(ge=-1e9, le=4e9, allow_inf_nan=False)  # since the fleet's epoch
    node: NameStr | None
    bundle_base64: str

    def bundle(self) -> bytes:
        """Return the bundle's bytes.

        Raises:
            RefusedError: not base64.
        """
        try:
            return base64.b64decode(self.bundle_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RefusedError(Refused.INVALID, f"bundle_base64: not base64: {error}", "bundle_base64") from error


class TcRequest(Wire):
    """The body of `POST /tcs`."""

    node: NameStr
    command: Command
    expires_after_s: float = Field(default=3600.0, ge=1.0, le=EXPIRES_AFTER_S_MAX)


def parse(model: type[B], body: bytes) -> B:
    """Return the request in a JSON body.

    Raises:
        RefusedError: not JSON, or a field breaks a rule; the text names the field.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error) from error


def build(model: type[B], values: dict[str, object]) -> B:
    """Return a model of these values.

    Raises:
        RefusedError: a value breaks a rule; the text names the field.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise refusal(error) from error


def refusal(error: ValidationError) -> RefusedError:
    """Return what to tell the user about the first thing that is wrong."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    return RefusedError(Refused.INVALID, f"{field}: {first['msg']}", field)


def command_dictionary() -> list[dict[str, object]]:
    """Return every telecommand with its meaning and the JSON schema of its arguments."""
    found: list[dict[str, object]] = []
    for model in COMMAND_TYPES:
        schema = model.model_json_schema()
        arguments = {name: part for name, part in schema.get("properties", {}).items() if name != "name"}
        found.append(
            {
                "name": model.model_fields["name"].default,
                "description": schema.get("description", ""),
                "arguments": arguments,
                "required": [name for name in schema.get("required", []) if name != "name"],
                "definitions": schema.get("$defs", {}),
            }
        )
    return found
