"""The ground's secrets: a commanding key for each role, and the users' tokens."""

import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ground.config import GroundConfig
from ground.errors import ConfigError
from ground.users import Users, load_users
from icd.tc import Role, SignedTelecommand, sign

KEY_BYTES = 32  # Ed25519, RFC 8032


@dataclass(frozen=True, slots=True)
class Signer:
    """One commanding key."""

    key_id: str
    role: Role
    key: Ed25519PrivateKey

    def sign(self, body: bytes) -> SignedTelecommand:
        """Return the body, signed."""
        return sign(body, self.key_id, self.key)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the ground knows and does not tell."""

    scheduler: Signer
    operator: Signer
    users: Users


def load_secrets(config: GroundConfig) -> Secrets:
    """Return the secrets that the configuration names.

    Raises:
        ConfigError: a file is missing, malformed, or readable by others than its owner.
    """
    return Secrets(
        scheduler=Signer("scheduler", Role.SCHEDULER, load_key(Path(config.scheduler_key_file))),
        operator=Signer("operator", Role.OPERATOR, load_key(Path(config.operator_key_file))),
        users=load_users(Path(config.users_file)),
    )


def load_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in a file of 64 hex digits.

    Raises:
        ConfigError: the file is missing, malformed, or readable by others than its owner.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
        raw = bytes.fromhex(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not a key: expected {2 * KEY_BYTES} hex digits") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path}: others than its owner may open it; chmod 600 it")
    if len(raw) != KEY_BYTES:
        raise ConfigError(f"{path}: not a key: {len(raw)} bytes, expected {KEY_BYTES}")
    return Ed25519PrivateKey.from_private_bytes(raw)
