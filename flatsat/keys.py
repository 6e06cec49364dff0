"""Keys and credentials of a run or a fleet: made once, kept in owner-only files, never printed.

In a directory of their own:

    operator.key scheduler.key      Ed25519 private keys (32 bytes, hex)
    commanding.json                 the public keys and their roles, for the nodes
    fleet.key                       the key of the laser frames (32 bytes, hex)
    broker/USER                     a broker password a user
    laser-tokens.json               a token a node, for the simulator's laser port
    users.json                      API users: SHA-256 of the token, roles
    tokens/USER                     the API tokens themselves
"""

import hashlib
import json
import os
import random
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from icd.tc import PublicKey, Role
from runtime.seeds import stream

API_USERS: dict[str, list[str]] = {"operator": ["operator", "tenant"], "tenant": ["tenant"], "viewer": ["viewer"]}
FIXED_BROKER_USERS = ("hwsim", "ground", "bench")
RESERVED = (*FIXED_BROKER_USERS, "broker")  # names of the other programs of a run

RandomBytes = Callable[[int], bytes]


class KeysError(ValueError):
    """Keys that cannot be made where they were asked for."""


def avionics_user(node: str) -> str:
    """Return the broker user of a node's avionics bus."""
    return f"{node}-av"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Where the keys of a run lie."""

    directory: Path

    def private_key(self, role: Role) -> Path:
        """Return the file of a commanding role's private key."""
        return self.directory / f"{role.value.lower()}.key"

    @property
    def fleet_key(self) -> Path:
        """The file of the laser frames' key."""
        return self.directory / "fleet.key"

    @property
    def laser_tokens(self) -> Path:
        """The file with every node's laser token."""
        return self.directory / "laser-tokens.json"

    @property
    def users(self) -> Path:
        """The file of the API users."""
        return self.directory / "users.json"

    def broker_password(self, user: str) -> Path:
        """Return the file of a broker user's password."""
        return self.directory / "broker" / user

    def laser_token(self, node: str) -> Path:
        """Return the file of one node's laser token."""
        return self.directory / "laser" / node

    def api_token(self, user: str) -> str:
        """Return an API user's token."""
        return (self.directory / "tokens" / user).read_text().strip()

    def commanding(self) -> tuple[PublicKey, ...]:
        """Return the public keys that nodes trust."""
        rows = json.loads((self.directory / "commanding.json").read_text())
        return tuple(PublicKey.model_validate(row) for row in rows)


def check_nodes(nodes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the users that a broker knows in a fleet of these nodes.

    Raises:
        KeysError: two programs would have one name: a node stands twice, or is called as another program is.
    """
    for node in nodes:
        if node in RESERVED:
            raise KeysError(f"{node!r} is another program's name; a node may not be {', '.join(RESERVED)}")
    users = (*FIXED_BROKER_USERS, *nodes, *(avionics_user(node) for node in nodes))
    doubled = sorted(user for user, times in Counter(users).items() if times > 1)
    if doubled:
        raise KeysError(f"{doubled[0]!r} stands twice, or is a node's user on its own hardware bus (NODE-av)")
    return users


def make_keys(directory: Path, nodes: tuple[str, ...], seed: int | None = None) -> KeyRing:
    """Make every key of a fleet in a new or empty directory; from the seed when one is given (virtual time only).

    Raises:
        KeysError: the directory holds something already or cannot be written, or two nodes have one name.
    """
    users = check_nodes(nodes)
    draw = secrets.token_bytes if seed is None else _seeded(stream(seed, "keys"))
    ring = KeyRing(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(directory.iterdir()):
            raise KeysError(f"{directory} is not empty: keys are never overwritten; name a new directory")
        directory.chmod(0o700)
        _make_commanding(ring, draw)
        _write(ring.fleet_key, draw(32).hex())
        for user in users:
            _write(ring.broker_password(user), draw(24).hex())
        tokens = {node: draw(24).hex() for node in nodes}
        _write(ring.laser_tokens, json.dumps(tokens))
        for node, token in tokens.items():
            _write(ring.laser_token(node), token)
        _make_users(ring, draw)
    except OSError as error:
        raise KeysError(f"cannot write keys to {directory}: {error.strerror}") from error
    return ring


def _make_commanding(ring: KeyRing, draw: RandomBytes) -> None:
    rows = []
    for role in Role:
        private = draw(32)
        public = Ed25519PrivateKey.from_private_bytes(private).public_key()
        public_hex = public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        _write(ring.private_key(role), private.hex())
        rows.append(PublicKey(key_id=role.value.lower(), role=role, public_hex=public_hex).model_dump(mode="json"))
    _write(ring.directory / "commanding.json", json.dumps(rows))


def _make_users(ring: KeyRing, draw: RandomBytes) -> None:
    users = {}
    for user, roles in API_USERS.items():
        token = draw(24).hex()
        _write(ring.directory / "tokens" / user, token)
        users[user] = {"token_sha256": hashlib.sha256(token.encode()).hexdigest(), "roles": roles}
    _write(ring.users, json.dumps(users))


def _seeded(rng: random.Random) -> RandomBytes:
    return rng.randbytes


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
