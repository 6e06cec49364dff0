"""What the ground service is told at start, read from one JSON file and checked."""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from ground.errors import ConfigError
from icd.envelope import Wire
from icd.params import BrokerAccess, Fleet


class GroundConfig(Wire):
    """Everything the ground service needs to know. Secrets are names of owner-only files."""

    fleet: Fleet
    broker: BrokerAccess
    http_host: str = Field(min_length=1, max_length=255)
    http_port: int = Field(ge=1, le=65535)
    archive_file: str = Field(min_length=1)
    console_dir: str | None  # None: the console that comes with the package
    scheduler_key_file: str  # Ed25519 private key as 64 hex digits; its key id is `scheduler`
    operator_key_file: str  # the same; its key id is `operator`
    users_file: str
    data_dir: str = Field(min_length=1)  # bundles, results, logs
    clock: Literal["authority", "utc"]  # authority: the run's simulator says; utc: real satellites
    seed: int


def load_config(path: Path) -> GroundConfig:
    """Return the checked configuration in a JSON file.

    Raises:
        ConfigError: the file cannot be read, is not JSON, or breaks a rule.
    """
    try:
        content = path.read_bytes()
        json.loads(content)
        return GroundConfig.model_validate_json(content)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ConfigError(f"{path}: {key}: {first['msg']} (found {str(first['input'])[:80]!r})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
