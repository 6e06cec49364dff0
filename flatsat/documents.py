"""Generates the pages that must equal the code: state diagrams, the dictionary, and the catalogue of faults.

`python -m flatsat.documents` writes them; a tidy test holds them equal to the tables and to icd.
"""

import json
from pathlib import Path
from typing import Any

from flatsat import fault_page
from icd import dictionary, hk, tc
from icd.jobs import HOLD_ADVICE
from node.apps.commanding.lifecycle import TC_TABLE
from node.apps.isl.pat import ISL_LEASE, PAT_TABLE
from node.apps.jobs.lifecycle import JOB_TABLE
from node.apps.power.modes import POWER_TABLE
from node.kernel.executive import RUN_TABLE
from node.kernel.fsm import TransitionTable

DOCS = Path("docs")
TABLES: dict[str, TransitionTable[Any, Any]] = {
    "power-mode": POWER_TABLE,
    "job": JOB_TABLE,
    "telecommand": TC_TABLE,
    "laser-terminal": PAT_TABLE,
    "isl-lease": ISL_LEASE,
    "node-boot": RUN_TABLE,
}
_MADE = "<!-- Made by `python -m flatsat.documents`; do not edit. -->\n"


def pages() -> dict[str, str]:
    """Return every generated page by its path under docs/."""
    made = {f"diagrams/{name}.md": _diagram(table) for name, table in TABLES.items()}
    made["diagrams/README.md"] = _index()
    made["dictionary.md"] = _dictionary()
    made["faults.md"] = _MADE + fault_page.page()
    return made


def write(docs: Path = DOCS) -> list[Path]:
    """Write every generated page and return the paths."""
    written = []
    for name, text in pages().items():
        path = docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        written.append(path)
    return written


def _index() -> str:
    lines = [f"- [{table.name}]({name}.md): {len(table.edges)} edges\n" for name, table in TABLES.items()]
    return f"{_MADE}# State diagrams\n\nGenerated from the transition tables, which are the truth.\n\n{''.join(lines)}"


def _diagram(table: TransitionTable[Any, Any]) -> str:
    rows = "\n".join(f"| {source} | {trigger} | {target} |" for source, trigger, target in table.edges)
    title = table.name[0].upper() + table.name[1:]
    return (
        f"{_MADE}# {title}\n\n```mermaid\n{table.as_mermaid()}```\n\n| From | Trigger | To |\n|---|---|---|\n{rows}\n"
    )


def _dictionary() -> str:
    parts = [
        f"{_MADE}# Telemetry and telecommand dictionary\n",
        f"Housekeeping dictionary `{hk.HK_HASH}`.\n",
        "## Telecommands\n\n| Command | Arguments | What it does | Roles | Refused in |\n|---|---|---|---|---|",
        *(_command(model) for model in tc.COMMAND_TYPES),
        "\n## Housekeeping\n\n| Parameter | Type | Unit |\n|---|---|---|",
        *(f"| `{name}` | {_type(name)} | {hk.HK_UNITS.get(name, '')} |" for name in hk.HK_NAMES),
        "\n## Events\n\n| Event | Severity | Text | What to do |\n|---|---|---|---|",
        *(f"| `{key}` | {row.severity} | {row.text} | {row.advice} |" for key, row in dictionary.EVENTS.items()),
        "\n## Why a job waits\n\n| Reason | What to do |\n|---|---|",
        *(f"| `{reason}` | {advice} |" for reason, advice in HOLD_ADVICE.items()),
    ]
    return "\n".join(parts) + "\n"


def _command(model: type[Any]) -> str:
    name = model.model_fields["name"].default
    schema = model.model_json_schema()
    arguments = [f"`{key}` {_short(field)}" for key, field in schema.get("properties", {}).items() if key != "name"]
    roles = ", ".join(role.value for role, names in tc.ROLE_COMMANDS.items() if name in names)
    refused = ", ".join(mode.value for mode, names in tc.MODE_REFUSES.items() if name in names) or "—"
    what = (model.__doc__ or "").split("\n")[0]
    return f"| `{name}` | {'; '.join(arguments) or '—'} | {what} | {roles} | {refused} |"


def _short(field: dict[str, Any]) -> str:
    kinds = [field] if "type" in field else field.get("anyOf", [])
    names = " or ".join(str(kind.get("type", "object")) for kind in kinds) or "object, see docs/jobs.md"
    limits = {key: kind[key] for kind in kinds for key in ("minimum", "maximum") if key in kind}
    return names + (f" {json.dumps(list(limits.values()))}" if limits else "")


def _type(name: str) -> str:
    return str(hk.HkSample.__annotations__[name]).replace("|", "or").replace("<class '", "").replace("'>", "")


if __name__ == "__main__":
    for path in write():
        print(path)
