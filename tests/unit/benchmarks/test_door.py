"""The door of the benchmarks: what it measures, what it leaves out, what it writes, and how it ends."""

import json
from pathlib import Path

import pytest

from benchmarks import door, peers, validation_rows, world_rows
from benchmarks.door import Part
from experiments.figures import Row, Study

STUDY = Study("here", "a study of the test's", (7,), "nothing at all", lambda seeds: [])
GOOD = Part("good", (), lambda: [Row("speed", 9.0, "1/s", "peer", 1.0, at_least=5.0, leaves_out="the peer also sings")])
BAD = Part("bad", (), lambda: [Row("speed", 2.0, "1/s", "peer", 1.0, at_least=5.0)])


def failing() -> list[Row]:
    raise peers.PeerError("the peer fell over")


@pytest.mark.parametrize(("parts", "code"), [((GOOD,), 0), ((GOOD, BAD), 1), ((GOOD, Part("gone", (), failing)), 2)])
def test_the_exit_code_says_whether_all_holds_and_all_was_measured(
    parts: tuple[Part, ...], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert door.main(STUDY, parts, ["--json"]) == code

    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "here"
    assert told["rows"][0]["leaves_out"] == "the peer also sings"


def test_a_missing_peer_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(peers.MODULES, "Basilisk", "no_such_module_anywhere")
    parts = (GOOD, Part("flight", ("Basilisk",), lambda: pytest.fail("measured without its peer")))

    assert door.main(STUDY, parts, []) == 2

    error = capsys.readouterr().err
    assert "flight" in error
    assert "Basilisk missing" in error
    assert "dawnline[peers]" in error


def test_the_table_goes_between_its_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures: here -->\nstale table\n<!-- end: here -->\nafter\n")

    assert door.main(STUDY, (GOOD,), ["--into", str(page)]) == 0

    text = page.read_text()
    assert text.startswith("before\n<!-- figures: here -->\n| figure |")
    assert text.endswith("<!-- end: here -->\nafter\n")
    assert "| speed | 9 | 1/s | peer: 1 | 9 | >= 5 | 1.8 | yes |" in text
    assert "stale" not in text
    assert "the peer also sings" in text


def test_a_page_without_marks_is_named_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks\n")

    assert door.main(STUDY, (GOOD,), ["--into", str(page)]) == 2

    assert page.read_text() == "no marks\n"
    assert "no marks <!-- figures: here -->" in capsys.readouterr().err


def test_only_the_parts_asked_for_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(STUDY, (GOOD, BAD), ["--only", "good", "--json"]) == 0

    assert len(json.loads(capsys.readouterr().out)["rows"]) == 1


def test_a_part_that_is_not_there_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        door.main(STUDY, (GOOD,), ["--only", "bright"])

    assert ended.value.code == 2
    assert "good" in capsys.readouterr().err


def test_every_part_has_a_name_of_its_own() -> None:
    for parts in (world_rows.PARTS, validation_rows.PARTS):
        names = [part.name for part in parts]
        assert len(names) == len(set(names))
        assert all(peer in peers.MODULES for part in parts for peer in part.needs)


def test_the_page_of_the_world_has_room_for_both_tables() -> None:
    page = Path("docs/world.md").read_text()

    for study in (world_rows.STUDY, validation_rows.STUDY):
        assert page.count(f"<!-- figures: {study.name} -->") == 1
        assert page.count(f"<!-- end: {study.name} -->") == 1
