"""Who may use the API: users by token, and what their roles allow."""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from ground.errors import ConfigError, Refused, RefusedError
from ground.tables import USERS_FILE, UserRole

TOKEN_CHARS_MAX = 256


@dataclass(frozen=True, slots=True)
class User:
    """A user who has shown a token."""

    name: str
    roles: tuple[UserRole, ...]

    def require_operator(self) -> None:
        """Return when the user may command satellites.

        Raises:
            RefusedError: the user is no operator.
        """
        if UserRole.OPERATOR not in self.roles:
            raise RefusedError(Refused.FORBIDDEN, f"user {self.name} lacks the role operator")

    def require_tenant(self, tenant: str) -> None:
        """Return when the user may act for a tenant: operators for all, tenants for the one of their own name.

        Raises:
            RefusedError: the user may not.
        """
        if UserRole.OPERATOR in self.roles or (UserRole.TENANT in self.roles and self.name == tenant):
            return
        raise RefusedError(Refused.FORBIDDEN, f"user {self.name} may not act for tenant {tenant}")

    def require_reader_of(self, tenant: str) -> None:
        """Return when the user may read a tenant's results: everybody but other tenants.

        Raises:
            RefusedError: the user may not.
        """
        if UserRole.VIEWER not in self.roles:
            self.require_tenant(tenant)


class Users:
    """The users of the API, known by the SHA-256 of their tokens."""

    def __init__(self, entries: tuple[tuple[str, User], ...]) -> None:
        self._entries = entries

    def find(self, token: str) -> User | None:
        """Return whose token this is. The time it takes does not tell how much of a token was right."""
        if not token or len(token) > TOKEN_CHARS_MAX:
            return None
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        found = None
        for token_sha256, user in self._entries:
            if hmac.compare_digest(token_sha256, digest):
                found = user
        return found


def load_users(path: Path) -> Users:
    """Return the users in a JSON file: name -> {token_sha256, roles}.

    Raises:
        ConfigError: the file cannot be read or breaks a rule.
    """
    try:
        entries = USERS_FILE.validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        lines = str(error).splitlines()
        raise ConfigError(f"{path}: {' '.join(line.strip() for line in lines[1:3])}") from error
    return Users(tuple((entry.token_sha256, User(name, entry.roles)) for name, entry in entries.items()))
