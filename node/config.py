"""What a node is told at start, read from one JSON file and checked."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from icd.envelope import AS_LIST, Wire
from icd.ids import NameStr
from icd.params import BrokerAccess, Fleet
from icd.tc import PublicKey


class ConfigError(ValueError):
    """A configuration that cannot be used; one line naming file, key, what was found and what is allowed."""


class IslConfig(Wire):
    """The laser data ports: where the terminals' streams are joined, and the keys for them."""

    host: str
    port: int = Field(ge=1, le=65535)
    token_file: str
    fleet_key_file: str
    fleet_key_epoch: int = Field(ge=0)


class NodeConfig(Wire):
    """Everything one node needs to know. Secrets are names of owner-only files."""

    node: NameStr
    seed: int
    fleet: Fleet
    terminals: int = Field(ge=0, le=16)  # of the profile's, those this fleet may use
    space_link: BrokerAccess  # through the channel relay
    avionics: BrokerAccess  # direct
    isl: IslConfig
    keys: Annotated[tuple[PublicKey, ...], AS_LIST] = Field(min_length=1, max_length=16)
    data_dir: str
    hk_interval_s: float = Field(ge=1.0, le=3600.0)
    sandbox: Literal["require", "prefer"]  # prefer: run jobs, and say so, where the kernel offers no confinement


def load_config(path: Path) -> NodeConfig:
    """Return the checked configuration in a JSON file.

    Raises:
        ConfigError: the file cannot be read, is not JSON, or breaks a rule.
    """
    try:
        return NodeConfig.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {key}: {first['msg']} (found {str(first['input'])[:80]!r})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
