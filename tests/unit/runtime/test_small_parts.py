"""Seeds, topic filters, the outgoing queue, broker configuration."""

import stat
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest

from runtime.embedded_broker import BrokerUser, nats_subjects, write_nats_config
from runtime.link import QUEUE_OUT_MAX
from runtime.outgoing import Outgoing, make_room
from runtime.seeds import stream
from runtime.topic_filter import check_filter, matches


def test_a_stream_is_the_same_in_every_process_and_another_for_another_name() -> None:
    code = "from runtime.seeds import stream; print(stream(7, 'laser').random())"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert float(elsewhere) == stream(7, "laser").random()
    assert len({stream(seed, name).random() for seed in (7, 8) for name in ("laser", "battery")}) == 4


@pytest.mark.parametrize(
    ("topic_filter", "topic", "passes"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/c", False),
        ("a/b", "a", False),
        ("a/b", "a/b/c", False),
        ("+/b", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+/c", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
    ],
)
def test_a_filter_passes_what_mqtt_says(topic_filter: str, topic: str, passes: bool) -> None:
    assert matches(topic_filter, topic) is passes


@pytest.mark.parametrize("text", ["", "a/#/b", "a#", "a/b+", "#/a"])
def test_a_misplaced_wildcard_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="topic filter"):
        check_filter(text)


def test_a_full_queue_of_qos_1_takes_nothing_more() -> None:
    queue = deque(Outgoing("t", b"", 1) for _ in range(QUEUE_OUT_MAX))

    assert not make_room(queue, 1)
    assert not make_room(queue, 0)
    assert len(queue) == QUEUE_OUT_MAX


def test_the_oldest_of_qos_0_gives_way_to_another_but_never_the_one_being_sent() -> None:
    queue = deque([Outgoing("sent", b""), *(Outgoing("t", b"%d" % n, n % 2) for n in range(1, QUEUE_OUT_MAX))])

    assert make_room(queue, 0, busy=1)

    assert queue[0].topic == "sent"
    assert [message.payload for message in list(queue)[1:3]] == [b"1", b"3"]


def test_a_filter_becomes_the_subjects_that_it_covers() -> None:
    assert nats_subjects("dl/+/hk") == ["dl.*.hk"]
    assert nats_subjects("dl/#") == ["dl", "dl.>"]
    assert nats_subjects("#") == [">"]


@pytest.mark.parametrize(
    ("name", "password", "topic"),
    [("a b", "p", "t"), ("", "p", "t"), ("a", 'p"', "t"), ("a", "$2a$p", "t"), ("a", "p", "t.u"), ("a", "p", "t/#/u")],
)
def test_what_a_broker_could_misread_is_refused(name: str, password: str, topic: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        BrokerUser(name, password, (topic,), ())


def test_the_configuration_is_its_owners_alone(tmp_path: Path) -> None:
    argv = write_nats_config(tmp_path / "broker", 1883, [BrokerUser("a", "p", (), ())])
    again = write_nats_config(tmp_path / "broker", 1883, [BrokerUser("a", "p", (), ())])

    config = Path(argv[-1])
    assert argv == again
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
