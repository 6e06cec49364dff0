"""What the command line prints is what the service said."""

import pytest

from ground.cli import show


def test_a_table_shows_brackets_that_stand_in_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"job_id": "a", "reason": "[Errno 28] no space [/tmp]"}], ("job_id", "reason"), as_json=False, name="jobs")

    assert "[Errno 28] no space [/tmp]" in capsys.readouterr().out
