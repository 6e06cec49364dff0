"""What every test shares: hypothesis profiles, the system programs that some tests need, and what was left out."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Debian keeps servers in /usr/sbin, which is not on every user's PATH.
_SEARCH_PATH = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_PROGRAMS = {
    "mosquitto": (("mosquitto",), "Mosquitto is missing (Debian: apt-get install mosquitto)"),
    "browser": (_CHROMIUM, "Chromium is missing (Debian: apt-get install chromium)"),
}

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def _find(mark: str) -> Path | None:
    for name in _PROGRAMS[mark][0]:
        found = shutil.which(name, path=_SEARCH_PATH)
        if found is not None:
            return Path(found)
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs a program that is not here."""
    for mark, (_, reason) in _PROGRAMS.items():
        if _find(mark) is None:
            for item in items:
                if item.get_closest_marker(mark) is not None:
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def mosquitto_path() -> Path:
    """Where Mosquitto is. Tests that use it carry the mark `mosquitto`."""
    found = _find("mosquitto")
    if found is None:
        pytest.skip(_PROGRAMS["mosquitto"][1])
    return found


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Where Chromium is. Tests that use it carry the mark `browser`."""
    found = _find("browser")
    if found is None:
        pytest.skip(_PROGRAMS["browser"][1])
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out and why; `make test` gathers the lines of its stages and ends with them."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in skipped if isinstance(report.longrepr, tuple)]
    if not reasons or "PYTEST_XDIST_WORKER" in os.environ:  # the controller has the workers' reports too
        return
    gathered = os.environ.get("DAWNLINE_LEFT_OUT")
    if gathered:
        with Path(gathered).open("a", encoding="utf-8") as lines:
            lines.writelines(f"{reason}\n" for reason in reasons)
    terminalreporter.section("left out")
    for reason, count in sorted(Counter(reasons).items()):
        terminalreporter.line(f"{count} x {reason}")
