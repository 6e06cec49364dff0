"""What cannot be used is said in one line that names file and key."""

import json
from pathlib import Path

import pytest

from ground.adapters.sqlite_archive import open_archive
from ground.config import load_config
from ground.errors import ArchiveError, ConfigError
from ground.feed import CHANGES_MAX, Feed
from ground.secrets import load_key
from ground.tables import UserRole
from ground.users import load_users
from tests.unit.ground.bench import config


def written(tmp_path: Path, **changes: object) -> Path:
    file = tmp_path / "ground.json"
    file.write_text(json.dumps({**config(tmp_path).model_dump(mode="json"), **changes}))
    return file


@pytest.mark.req("GND-070")
def test_a_configuration_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert load_config(written(tmp_path)) == config(tmp_path)


@pytest.mark.req("GND-070")
@pytest.mark.parametrize(
    ("key", "value"), [("http_port", 0), ("http_port", "80"), ("clock", "sundial"), ("surprise", 1), ("fleet", {})]
)
def test_a_bad_configuration_is_named_in_one_line(tmp_path: Path, key: str, value: object) -> None:
    file = written(tmp_path, **{key: value})

    with pytest.raises(ConfigError) as error:
        load_config(file)

    assert str(file) in str(error.value)
    assert key in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.req("GND-070")
@pytest.mark.parametrize("content", ["", "{", "\x00"])
def test_what_is_no_json_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ground.json"
    file.write_text(content)

    with pytest.raises(ConfigError, match="not JSON"):
        load_config(file)


@pytest.mark.req("GND-071")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("11" * 32)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_key(file)

    file.chmod(0o600)
    assert load_key(file).private_bytes_raw() == b"\x11" * 32

    file.write_text("11" * 31)
    with pytest.raises(ConfigError, match="31 bytes"):
        load_key(file)
    file.write_text("no hex")
    with pytest.raises(ConfigError, match="hex digits"):
        load_key(file)


def test_users_are_known_by_the_digest_of_their_token(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    sha = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of the word secret
    file.write_text(json.dumps({"eve": {"token_sha256": sha, "roles": ["operator", "viewer"]}}))
    users = load_users(file)

    eve = users.find("secret")

    assert eve is not None
    assert (eve.name, eve.roles) == ("eve", (UserRole.OPERATOR, UserRole.VIEWER))
    assert users.find("Secret") is None
    assert users.find("") is None


def test_a_bad_users_file_is_named_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.write_text(json.dumps({"eve": {"token_sha256": "short", "roles": ["queen"]}}))

    with pytest.raises(ConfigError) as error:
        load_users(file)

    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "archive.sqlite"
    file.write_bytes(b"not a database at all, but long enough to be read as one " * 40)

    with pytest.raises(ArchiveError, match=r"archive\.sqlite"):
        open_archive(str(file), durable=True)


def test_the_feed_tells_what_is_newer_and_when_it_has_forgotten() -> None:
    feed = Feed()
    feed.job("a")
    before = feed.version
    feed.job("b")
    feed.tc("t")
    feed.job("a")

    assert feed.since(before).jobs == ("b", "a")
    assert feed.since(before).tcs == ("t",)
    assert feed.since(before).complete
    for number in range(CHANGES_MAX + 1):
        feed.job(f"job-{number}")
    assert not feed.since(0).complete
