"""One order, whether it is written in a mission file, typed at the command line or sent over the bus."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flatsat import cli, fault_cli, faults
from flatsat.mission import MissionError, load_mission
from icd import codec
from icd.fault_catalogue import CATALOGUE
from icd.faults import ActiveFaults, FaultEvent, FaultInForce, FaultKind, FaultOrder
from tests.unit.flatsat import missions
from tests.unit.hwsim.bench import Table

# The same fault three times: keys of a mission file, words of the command line.
SAME: dict[str, tuple[str, str]] = {
    "value": (
        'kind = "VALUE_BIAS"\nnode = "node-1"\nunit = "eps"\nfield = "soc_frac"\nmagnitude = -0.25'
        "\nduration_s = 1200.0",
        "VALUE_BIAS node-1 --unit eps --field soc_frac --magnitude -0.25 --for 20m",
    ),
    "event": (
        'kind = "LINK_CUT"\nnode = "node-2"\non_event = "ECLIPSE_IN"\nnth = 2\ntimes = 3\nafter_s = 90'
        "\nduration_s = 60",
        "LINK_CUT node-2 --on ECLIPSE_IN --nth 2 --times 3 --after 90s --for 60s",
    ),
    "chance": (
        'kind = "MEMORY_ERROR"\nnode = "node-1"\nrate_per_day = 4.5\ntimes = 9',
        "MEMORY_ERROR node-1 --per-day 4.5 --times 9",
    ),
    "terminal": (
        'kind = "TERMINAL_STUCK"\nnode = "node-1"\nterminal = 1',
        "TERMINAL_STUCK node-1 --terminal 1 --for ever",
    ),
    "broker": ('kind = "BROKER_STOP"\nduration_s = 300.0', "BROKER_STOP --for 5m"),
    "ten minutes": ('kind = "STORAGE_FAIL"\nnode = "node-1"\nduration_s = 600.0', "STORAGE_FAIL node-1"),
}
# What each of the three must refuse, by the same key with the same words.
WRONG: dict[str, tuple[str, str, str, str]] = {
    "field": (
        'kind = "VALUE_BIAS"\nnode = "node-1"\nunit = "eps"\nfield = "volts"\nmagnitude = 1.0',
        "VALUE_BIAS node-1 --unit eps --field volts --magnitude 1.0 --for ever",
        "field",
        "VALUE_BIAS needs a numeric field of eps (soc_frac, battery_wh, solar_w, load_w, sunlit_frac",
    ),
    "magnitude": (
        'kind = "LINK_DELAY"\nnode = "node-1"\nmagnitude = 900.0',
        "LINK_DELAY node-1 --magnitude 900 --for ever",
        "magnitude",
        "LINK_DELAY needs one of above 0 to 600 s; found 900",
    ),
    "unit": (
        'kind = "SENSOR_LOST"\nnode = "node-1"\nunit = "wheel"',
        "SENSOR_LOST node-1 --unit wheel --for ever",
        "unit",
        "SENSOR_LOST needs one of eps, thermal, compute, terminal, gnss, watchdog; found 'wheel'",
    ),
    "duration": (
        'kind = "BROWN_OUT"\nnode = "node-1"\nduration_s = 60.0',
        "BROWN_OUT node-1 --for 60s",
        "duration_s",
        "BROWN_OUT happens at once and lasts no time; found 60",
    ),
    "trigger": (
        'kind = "LINK_CUT"\nnode = "node-1"\nnth = 3',
        "LINK_CUT node-1 --nth 3 --for ever",
        "nth",
        "3 counts an event; allowed only with on_event",
    ),
}


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[FaultOrder]:
    """Take what the command line orders in place of a run."""
    orders: list[FaultOrder] = []

    async def inject(to: object, order: FaultOrder) -> ActiveFaults:
        orders.append(order)
        row = FaultInForce(order=order, since=1, until=None, strikes=1)
        waits = order.on_event is not None
        return ActiveFaults(
            at=1,
            active=() if waits else (row,),
            waiting=(order,) if waits else (),
            latest=order.fault_id,
            refused=None,
        )

    monkeypatch.setattr(faults, "inject", inject)
    monkeypatch.setattr(faults, "access", lambda run: None)
    return orders


def invoke(words: str, *more: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, ["fault", "inject", *words.split(), *more], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def written(path: Path, text: str) -> FaultOrder:
    path.write_text(path.read_text() + f'\n[[faults]]\nfault_id = "same"\n{text}\n')
    (order,) = load_mission(path).faults
    return order


@pytest.mark.parametrize("what", SAME)
def test_a_mission_file_the_command_line_and_the_bus_carry_the_same_object(
    what: str, tmp_path: Path, typed: list[FaultOrder]
) -> None:
    text, words = SAME[what]

    code, out, _ = invoke(words, "--id", "same")
    order = written(missions.copy(tmp_path), text)

    assert code == 0
    assert out.startswith("same ")
    assert typed == [order]
    assert codec.decode(codec.encode(order), FaultOrder) == order
    table = Table()
    table.sim.on_message("sim/fault", codec.encode(order))
    assert (table.active().latest, table.active().refused) == ("same", None)


@pytest.mark.parametrize("what", WRONG)
def test_all_three_refuse_the_same_with_the_same_words(what: str, tmp_path: Path, typed: list[FaultOrder]) -> None:
    text, words, key, says = WRONG[what]
    path = missions.copy(tmp_path)

    code, out, err = invoke(words)
    with pytest.raises(MissionError) as refused:
        written(path, text)
    table = Table()
    fields: dict[str, Any] = {"fault_id": "same", **tomllib.loads(text)}
    table.sim.on_message("sim/fault", codec.encode(FaultOrder.model_validate(fields)))

    option = {"duration_s": "--for"}.get(key, f"--{key}")
    assert (code, out, err.count("\n"), typed) == (2, "", 1, [])
    assert err.startswith(f"dawnline: {option}: {says}")
    assert str(refused.value).startswith(f"{path}: faults.0.{key}: {says}")
    assert (table.active().refused or "").startswith(f"fault same: {key}: {says}")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("LINK_CUT node-1 --on ECLIPSE_IN", "x waits."),
        ("LINK_CUT node-1 --for 90s", "x is in force for 90 s."),
        ("LINK_CUT node-1 --for ever", "x is in force."),
        ("BROWN_OUT node-1", "x has struck."),
    ],
)
def test_the_answer_says_what_became_of_the_order(words: str, says: str, typed: list[FaultOrder]) -> None:
    assert invoke(words, "--id", "x") == (0, f"{says}\n", "")


def test_the_answer_as_json_has_what_is_in_force_and_what_waits(typed: list[FaultOrder]) -> None:
    _, out, _ = invoke("LINK_CUT node-1 --on ECLIPSE_IN", "--json")

    found = json.loads(out)
    assert (found["active"], found["waiting"][0]["on_event"]) == ([], "ECLIPSE_IN")


@pytest.mark.parametrize("option", ["--after", "--for"])
def test_a_duration_that_is_none_is_one_line(option: str, typed: list[FaultOrder]) -> None:
    code, _, err = invoke(f"LINK_CUT node-1 {option} soon")

    assert code == 2
    assert err == f"dawnline: {option} 'soon' is not a duration: write 90s, 10m or 1.5h\n"


def test_the_catalogue_tells_of_each_kind_what_it_names_and_how_much_it_may_be() -> None:
    result = CliRunner().invoke(cli.app, ["fault", "list", "--json", "--run", "none"])

    found = json.loads(result.stdout)
    assert list(found["kinds"]) == [kind.value for kind in FaultKind]
    assert found["events"] == [event.value for event in FaultEvent]
    assert found["kinds"]["VALUE_BIAS"]["names"] == ["node", "unit", "[terminal]", "field"]
    assert "soc_frac" in found["kinds"]["VALUE_BIAS"]["fields"]["eps"]
    assert found["kinds"]["LINK_DELAY"]["magnitude"] == "above 0 to 600 s"
    assert found["kinds"]["BROWN_OUT"]["lasts"] is False
    assert [kind for kind, rule in CATALOGUE.items() if fault_cli.catalogue_row(rule)["what"] == ""] == []


def test_the_catalogue_as_a_table_names_every_kind() -> None:
    result = CliRunner().invoke(cli.app, ["fault", "list", "--run", "none"], env={"COLUMNS": "200"})

    assert [kind.value for kind in FaultKind if kind.value not in result.stdout] == []
    assert "[terminal], [field]" in result.stdout
