"""Pages say what the code says."""

import importlib
import re

import pytest

from icd.jobs import EndReason, HoldReason, JobState
from tests.tidy import sources

CONSTANT = re.compile(r"^\|[^|]*\| `([a-z_.]+)\.([A-Z_]+)` \| ([\d.]+) \|", re.MULTILINE)


@pytest.mark.parametrize("kind", [JobState, HoldReason, EndReason], ids=lambda kind: kind.__name__)
def test_the_job_page_explains_every_state_and_reason(kind: type[JobState | HoldReason | EndReason]) -> None:
    page = sources.text("docs/jobs.md") or ""

    missing = [member.value for member in kind if f"| `{member.value}` |" not in page]

    assert missing == []


def test_the_time_page_has_the_figures_of_the_code() -> None:
    rows = CONSTANT.findall(sources.text("docs/time.md") or "")

    wrong = [
        f"{module}.{name} is {value}, the page says {said}"
        for module, name, said in rows
        if float(said) != (value := getattr(importlib.import_module(module), name))
    ]

    assert wrong == []
    assert len(rows) > 10
