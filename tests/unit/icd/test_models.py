"""The dictionary's texts, parameters, transfer names, and what every shape of icd has in common."""

import copy
import string
import tomllib
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from icd import dictionary, transfer
from icd.envelope import INT_MAX, Wire
from icd.events import EventReport, Severity
from icd.ids import is_name
from icd.jobs import HOLD_ADVICE, PREEMPTIONS, EndReason, HoldReason
from icd.params import ElementSet, Fleet, Station
from icd.vehicle import VehicleProfile
from tests.property import wires

PROFILE = tomllib.loads(Path("missions/profiles/v3node.toml").read_text())
STATION = {
    "name": "awarua",
    "place": "Awarua",
    "latitude_deg": -46.5,
    "longitude_deg": 168.4,
    "altitude_km": 0.0,
    "mask_deg": 10.0,
}
ELEMENTS = {"node": "node-1", "name": "SAT", "line1": "1" * 69, "line2": "2" * 69}


def changed(change: dict[str, Any]) -> dict[str, Any]:
    """Return the shipped profile with some of its keys, named `table.key`, set to other values."""
    profile: dict[str, Any] = copy.deepcopy(PROFILE)
    for path, value in change.items():
        *tables, key = path.split(".")
        reduce(lambda table, name: table[name], tables, profile)[key] = value
    return profile


def event(event_id: str, **fields: str | int | float | bool | None) -> EventReport:
    return EventReport(event_id=event_id, severity=Severity.INFO, at=0, app="power", fields=fields)


def test_an_event_reads_as_its_text_with_its_fields_and_what_to_do() -> None:
    text = dictionary.render(event("SAFE_MODE_ENTERED", reason="low battery"))

    assert text == "SAFE mode: low battery. Find the cause, then send leave_safe."


def test_a_missing_field_shows_as_a_question_mark() -> None:
    assert dictionary.render(event("NODE_BOOTED", cause="watchdog")) == "Boot ?, after watchdog."


def test_floats_are_short_and_odd_values_are_shown_as_they_are() -> None:
    assert "gap 1.235 s" in dictionary.render(event("ISL_HANDOFF", source="a", target="b", gap_s=1.23456789))
    assert dictionary.render(event("JOB_RETRIED", job_id=None, attempt=True, reason="{oops}")).startswith(
        "Job None attempt True ended with {oops}"
    )


def test_an_unknown_event_is_said_to_be_unknown() -> None:
    assert dictionary.render(event("NO_SUCH_EVENT", x=1)).startswith("Unknown event.")


@pytest.mark.parametrize("event_id", dictionary.EVENTS)
def test_every_text_is_a_sentence_with_plain_fields_and_an_id_of_the_grammar(event_id: str) -> None:
    definition = dictionary.EVENTS[event_id]
    parts = list(string.Formatter().parse(definition.text))

    assert event(event_id)
    assert definition.text.endswith(".")
    assert not definition.advice or definition.advice.endswith(".")
    assert all(name is None or name.isidentifier() for _, name, _, _ in parts)
    assert all(not spec and conversion is None for _, _, spec, conversion in parts)


def test_every_high_event_tells_the_operator_what_to_do() -> None:
    silent = [key for key, row in dictionary.EVENTS.items() if row.severity is Severity.HIGH and not row.advice]

    assert silent == []


def test_every_reason_to_wait_has_its_advice_and_preemptions_are_reasons_to_end() -> None:
    assert set(HOLD_ADVICE) == set(HoldReason)
    assert set(EndReason) > PREEMPTIONS


def test_the_shipped_profile_is_valid() -> None:
    assert VehicleProfile.model_validate(PROFILE).name == "v3node"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"battery.dod_routine_frac": 0.6}, "dod_routine_frac is above dod_hard_frac"),
        ({"compute.idle_w": 8_000.0}, "must not fall"),
        ({"compute.max_w": 10.0}, "must not fall"),
        ({"lasers.acquire_median_s": 1.0}, "must not fall"),
        ({"array.nameplate_w": 0.0}, "greater than 0"),
        ({"array.nameplate_w": float("inf")}, "finite"),
        ({"battery.capacity_wh": float("nan")}, "finite"),
        ({"thermal.throttle_c": float("nan")}, "finite"),
        ({"lasers.terminals": 17}, "less than or equal to 16"),
        ({"compute.slots": 2.5}, "valid integer"),
        ({"compute.slots": True}, "valid integer"),
        ({"colour": "red"}, "not permitted"),
        ({"lasers.rates_bps": [1e9]}, "rates must rise and be of 2e[+]09"),
        ({"lasers.rates_bps": [25e9, 2.5e9]}, "rates must rise"),
        ({"lasers.elevation_min_deg": 40.0}, "elevation_min_deg must be below"),
        ({"thermal.trip_c": 60.0}, "above its trip temperature"),
        ({"compute.core_v": [0.7, 0.8]}, "of one length"),
        ({"compute.clock_mhz": [345.0, 1_095.0, 1_000.0, 1_755.0, 1_980.0]}, "clock_mhz must rise"),
        ({"compute.core_v": [0.7, 0.72, 0.6, 0.9, 1.0]}, "core_v must not fall"),
        ({"array.tracking": "WIND"}, "Input should be"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        VehicleProfile.model_validate(changed(change))


@pytest.mark.parametrize(
    "change", [{"latitude_deg": 90.5}, {"longitude_deg": -181}, {"mask_deg": 90.0}, {"name": "A B"}]
)
def test_a_station_that_is_nowhere_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Station.model_validate(STATION | change)


@pytest.mark.parametrize(("what", "count"), [("node", (2, 1)), ("station", (1, 2))])
def test_a_name_that_stands_twice_in_a_fleet_is_refused(what: str, count: tuple[int, int]) -> None:
    sets = tuple(ElementSet.model_validate(ELEMENTS) for _ in range(count[0]))
    stations = tuple(Station.model_validate(STATION) for _ in range(count[1]))

    with pytest.raises(ValidationError, match=f"{what} .* stands twice"):
        Fleet(mission="m", epoch=0, profile=VehicleProfile.model_validate(PROFILE), elements=sets, stations=stations)


def test_transfer_names_are_names_however_long_the_job_and_never_meet() -> None:
    jobs = ["a", "9" * 63, "b" * 61, "b" * 62, "b" * 63, "h-x"]
    made = [
        make(job)
        for job in jobs
        for make in (transfer.bundle_transfer, transfer.result_transfer, transfer.log_transfer)
    ]

    assert all(is_name(one) for one in made)
    assert len(set(made)) == len(made)


def shapes() -> list[type[Wire]]:
    wires.messages()
    found = [Wire]
    for one in found:
        found += [sub for sub in one.__subclasses__() if sub not in found]
    return [one for one in found if one.__module__.startswith("icd.") and one.__module__ != "icd.envelope"]


def integers(schema: Any) -> list[dict[str, Any]]:
    """Return every integer of a JSON schema."""
    if isinstance(schema, list):
        return [one for item in schema for one in integers(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "integer" else []
    return own + [one for value in schema.values() for one in integers(value)]


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.__name__)
def test_every_integer_from_outside_fits_where_it_is_kept(shape: type[BaseModel]) -> None:
    """SQLite keeps integers below 2^63, and a mission time must still be a date."""
    loose = [
        one
        for one in integers(TypeAdapter(shape).json_schema())
        if not (
            one.get("minimum", one.get("exclusiveMinimum", -(2**99))) >= -INT_MAX
            and one.get("maximum", 2**99) <= INT_MAX
        )
    ]

    assert loose == []


def test_every_shape_is_frozen_strict_closed_and_finite() -> None:
    configs = [shape.model_config for shape in shapes()]

    assert len(configs) > 30
    assert all(one.get("frozen") and one.get("strict") for one in configs)
    assert all(one.get("extra") == "forbid" and one.get("allow_inf_nan") is False for one in configs)
