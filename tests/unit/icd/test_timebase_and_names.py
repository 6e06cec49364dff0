"""Mission time, names and topics."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icd import topics
from icd.ids import is_name
from icd.timebase import (
    NS_PER_S,
    TAI_MINUS_UTC_S,
    MissionTime,
    after,
    from_iso,
    from_utc,
    seconds_between,
    to_iso,
    to_utc,
)

J2026 = from_iso("2026-01-01T00:00:00Z")


def test_mission_time_runs_37_seconds_ahead_of_utc() -> None:
    """IERS Bulletin C 72: TAI - UTC is 37 s."""
    unix_s = int(datetime(2026, 8, 22, 4, 10, tzinfo=UTC).timestamp())

    assert TAI_MINUS_UTC_S == 37
    assert from_iso("2026-08-22T04:10:00Z") == (unix_s + 37) * NS_PER_S


@pytest.mark.parametrize(
    "text", ["2026-08-22T04:10:00Z", "2026-08-22T04:10:00+00:00", "2026-08-22T06:10:00+02:00", "20260822T041000Z"]
)
def test_one_instant_has_many_texts(text: str) -> None:
    assert to_iso(from_iso(text)) == "2026-08-22T04:10:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-08-22T04:10:00",
        "2026-08-22",
        "yesterday",
        "",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-08-22T04:10:00Zulu",
    ],
)
def test_what_is_no_instant_of_utc_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?s).+"):
        from_iso(text)


def test_a_text_without_a_zone_is_told_how_to_get_one() -> None:
    with pytest.raises(ValueError, match="trailing Z"):
        from_iso("2026-08-22T04:10:00")


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_utc_to_mission_time_and_back_is_the_same_moment(moment: datetime) -> None:
    assert to_utc(from_utc(moment)) == moment


@given(st.integers(-(2**62), 2**62))
def test_every_instant_that_crosses_a_process_has_an_iso_text(instant: int) -> None:
    text = to_iso(MissionTime(instant))

    assert text.endswith("Z")
    assert abs(from_iso(text) - instant) < NS_PER_S // 1000


@given(st.floats(-1e6, 1e6))
def test_after_and_seconds_between_are_inverse_to_the_nanosecond(delay_s: float) -> None:
    assert seconds_between(J2026, after(J2026, delay_s)) == pytest.approx(delay_s, abs=1e-9)


def test_an_hour_to_the_east_is_an_hour_earlier() -> None:
    east = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))

    assert from_utc(east) == J2026


@pytest.mark.parametrize("text", ["a", "0", "node-1", "a_b-c", "9" * 63, "a-"])
def test_names_of_the_grammar_are_taken(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize(
    "text", ["", "A", "-a", "_a", "a" * 64, "a/b", "a+", "#", "a b", "a\n", "\na", "ä", "a.b", "..", "a\x00", "١"]
)
def test_names_outside_the_grammar_are_refused(text: str) -> None:
    assert not is_name(text)


TREES = {"dl": ("hk", "report", "xfer"), "ul": ("tc", "ack", "xfer"), "av": ("frame", "cmd")}
BUILDERS = {"dl": topics.downlink, "ul": topics.uplink, "av": topics.avionics}


@pytest.mark.parametrize(("tree", "channel"), [(tree, one) for tree, some in TREES.items() for one in some])
@pytest.mark.parametrize("node", ["node-1", "a", "9" * 63])
def test_what_is_built_is_parsed_to_its_parts(tree: str, channel: str, node: str) -> None:
    parsed = topics.parse(BUILDERS[tree](node, channel))

    assert parsed is not None
    assert (parsed.tree, parsed.node, parsed.channel) == (tree, node, channel)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "/",
        "dl",
        "dl/node-1",
        "dl/node-1/hk/more",
        "dl//hk",
        "dl/node-1/tc",
        "ul/node-1/hk",
        "av/node-1/hk",
        "xx/node-1/hk",
        "DL/node-1/hk",
        "dl/Node/hk",
        "dl/../hk",
        "dl/+/hk",
        "dl/#",
        "dl/node-1\n/hk",
        "dl/node-1/hk\n",
        " dl/node-1/hk",
        "sim/time",
        "dl/" + "a" * 64 + "/hk",
    ],
)
def test_a_topic_that_is_none_of_ours_has_no_parts(topic: str) -> None:
    assert topics.parse(topic) is None


@given(st.text(max_size=80))
def test_any_text_parses_to_what_builds_it_or_to_nothing(topic: str) -> None:
    parsed = topics.parse(topic)

    assert parsed is None or BUILDERS[parsed.tree](parsed.node, parsed.channel) == topic
