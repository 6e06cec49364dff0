"""Stores for app tests: the memory store, and one whose disk can be filled."""

from typing import Any

from node.adapters.memory_store import MemoryStore
from node.adapters.store_rules import StoreOptions
from node.apps.commanding.lifecycle import TC_TABLE
from node.apps.jobs.lifecycle import JOB_TABLE
from node.kernel.errors import StorageError, StorageFault

OUTBOX_ID = "0123456789abcdef"


class Disk:
    """Whether the next durable write succeeds."""

    def __init__(self) -> None:
        self.full = False
        self.committed: list[tuple[str, dict[str, Any]]] = []

    def before_write(self, count: int) -> None:
        if self.full:
            raise StorageError(StorageFault.FULL, f"no room for write {count}")

    def on_commit(self, kind: str, bodies: list[dict[str, Any]]) -> None:
        self.committed += [(kind, body) for body in bodies]

    def told(self, request_id: str) -> list[tuple[str, str | None]]:
        """Return the committed stages and reasons of a telecommand, in order, repeated answers included."""
        found = [body for kind, body in self.committed if kind == "verification" and body["request_id"] == request_id]
        return [(str(body["stage"]), None if body["reason"] is None else str(body["reason"])) for body in found]


def memory_store(disk: Disk) -> MemoryStore:
    options = StoreOptions(lambda: OUTBOX_ID, on_commit=disk.on_commit, before_write=disk.before_write)
    return MemoryStore(JOB_TABLE.moves(), TC_TABLE.moves(), options)
