import json
from pathlib import Path
from typing import Any

import pytest

from hwsim.config import load, load_password, load_tokens
from hwsim.errors import ConfigError
from icd.params import BrokerAccess
from tests.unit.hwsim.bench import NODES, config


def _file(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "hwsim.json"
    path.write_text(json.dumps(config().model_dump(mode="json") | changes))
    return path


def test_a_good_file_loads_to_the_same_configuration(tmp_path: Path) -> None:
    assert load(_file(tmp_path)) == config()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate": 0}, "rate: Input should be greater than 0, found 0"),
        ({"rate": "fast"}, "rate: Input should be a valid number, found 'fast'"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"space_ports": {}}, "space_ports lacks 'node-1'"),
        ({"soc_start_frac": {"node-9": 0.5}}, "soc_start_frac names 'node-9'; allowed: node-1, node-2"),
        (
            {"soc_start_frac": {"node-1": 1.5}},
            "soc_start_frac.node-1: Input should be less than or equal to 1, found 1.5",
        ),
        ({"terminals": 5}, "terminals is above the profile's laser_terminals, 4"),
        ({"laser_port": 70_000}, "laser_port: Input should be less than or equal to 65535, found 70000"),
    ],
)
def test_a_bad_value_names_file_key_found_and_allowed(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(_file(tmp_path, **changes))

    assert says in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "hwsim.json"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_file_that_is_no_configuration_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)

    with pytest.raises(ConfigError, match=r"x\.json"):
        load(tmp_path / "x.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "nowhere.json")


def test_tokens_must_be_there_for_every_node(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps(dict.fromkeys(NODES, "t")))
    assert load_tokens(file, list(NODES)) == dict.fromkeys(NODES, "t")

    for content, says in (('{"node-1": "t"}', "node-2: no token"), ("[]", "must map"), ("{", "not JSON")):
        file.write_text(content)
        with pytest.raises(ConfigError, match=says):
            load_tokens(file, list(NODES))


def test_the_password_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("secret\n")

    assert load_password(BrokerAccess(host="h", port=1, username="u", password_file=str(tmp_path / "p"))) == "secret"
