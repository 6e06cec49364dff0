"""The simulator's configuration file (JSON), checked; an error names file, key, what was found, what is allowed."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from hwsim.errors import ConfigError
from icd.envelope import AS_LIST, Wire
from icd.faults import FaultOrder
from icd.ids import NameStr
from icd.params import BrokerAccess, Fleet

CONFIG_BYTES_MAX = 8 * 1024 * 1024
_FOUND_CHARS = 60

Port = Annotated[int, Field(ge=0, le=65535)]  # 0: any free one, for tests


class HwsimConfig(Wire):
    """Everything one simulator process is told."""

    fleet: Fleet
    seed: int = Field(ge=0)
    session: NameStr
    rate: float = Field(gt=0.0, le=10_000.0)  # mission seconds per wall second
    anchor_unix_ns: int | None = Field(ge=0)  # host time of the fleet's epoch; None is now
    terminals: int = Field(ge=0, le=16)  # flown by each satellite
    broker: BrokerAccess
    bind_host: str = Field(min_length=1)
    space_ports: dict[str, Port]  # node -> where its relay to the broker listens
    laser_port: Port
    laser_tokens_file: str  # JSON: node -> token
    snapshot_file: str | None
    soc_start_frac: dict[str, Annotated[float, Field(gt=0.0, le=1.0)]]  # nodes left out start full
    faults: Annotated[tuple[FaultOrder, ...], AS_LIST] = Field(max_length=64)

    @model_validator(mode="after")
    def _of_one_fleet(self) -> "HwsimConfig":
        nodes = [element.node for element in self.fleet.elements]
        for key, named in (("space_ports", self.space_ports), ("soc_start_frac", self.soc_start_frac)):
            strange = [node for node in named if node not in nodes]
            if strange:
                raise ValueError(f"{key} names {strange[0]!r}; allowed: {', '.join(nodes)}")
        if self.terminals > self.fleet.profile.lasers.terminals:
            raise ValueError(f"terminals is above the profile's laser_terminals, {self.fleet.profile.lasers.terminals}")
        missing = [node for node in nodes if node not in self.space_ports]
        if missing:
            raise ValueError(f"space_ports lacks {missing[0]!r}; every node of the fleet needs one")
        return self


def load(path: Path) -> HwsimConfig:
    """Return the configuration in a file.

    Raises:
        ConfigError: it cannot be read, is not JSON, or breaks a rule; one line.
    """
    try:
        text = _read(path)
        return HwsimConfig.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        found = (
            "" if first["type"] in ("missing", "json_invalid", "value_error") else f", found {_short(first['input'])}"
        )
        raise ConfigError(f"{path}: {key}: {first['msg']}{found}") from error


def load_tokens(path: Path, nodes: list[str]) -> dict[str, str]:
    """Return each node's laser token.

    Raises:
        ConfigError: the file cannot be read, is not a map of texts, or lacks a node.
    """
    try:
        content = json.loads(_read(path))
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(token, str) and token for token in content.values()):
        raise ConfigError(f"{path}: must map each node to its token")
    for node in nodes:
        if node not in content:
            raise ConfigError(f"{path}: {node}: no token; every node of the fleet needs one")
    return content


def load_password(access: BrokerAccess) -> str:
    """Return the broker password from its file.

    Raises:
        ConfigError: the file cannot be read.
    """
    return _read(Path(access.password_file)).strip()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(CONFIG_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > CONFIG_BYTES_MAX:
        raise ConfigError(f"{path}: larger than {CONFIG_BYTES_MAX} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _FOUND_CHARS else text[: _FOUND_CHARS - 3] + "..."
