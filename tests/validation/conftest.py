"""What every comparison prints: its worst difference, what is allowed, and the margin."""

import pytest

from experiments.figures import Row

PROPERTY = "figure"


class Judge:
    """Says whether rows hold, and keeps what they say for the end of the run."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._properties = request.node.user_properties

    def holds(self, row: Row) -> bool:
        """Keep and print a row's words, and say whether it holds."""
        margin = "" if row.margin is None else f", margin {row.margin:.3g}"
        text = f"{row.figure}: {row.value:.4g} {row.unit}, tolerance {row.required()}{margin}"
        self._properties.append((PROPERTY, text))
        print(text)
        return row.holds


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """Whom a test gives its rows."""
    return Judge(request)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print every comparison with its tolerance and its margin, whichever worker made it."""
    reports = [one for key in ("passed", "failed") for one in terminalreporter.stats.get(key, [])]
    texts = [text for report in reports for name, text in report.user_properties if name == PROPERTY]
    if texts:
        terminalreporter.section("beside independent references")
        for text in sorted(texts):
            terminalreporter.write_line(str(text))
