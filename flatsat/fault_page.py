"""docs/faults.md, made from the catalogue of faults."""

from flatsat.fault_cli import names
from icd.fault_catalogue import CATALOGUE, GROUPS, FaultRule, fields_of
from icd.faults import FAULTS_MAX, TIMES_MAX, FaultEvent
from icd.hw import UNITS

_EVENTS: dict[FaultEvent, str] = {
    FaultEvent.ECLIPSE_IN: "the Earth begins to hide the Sun's disc",
    FaultEvent.ECLIPSE_OUT: "the Sun's disc is whole again",
    FaultEvent.SAA_IN: "the satellite enters the South Atlantic Anomaly",
    FaultEvent.SAA_OUT: "it leaves the anomaly",
    FaultEvent.LASER_LOCKED: "a laser terminal begins to track; the fault's own terminal, where it names one",
    FaultEvent.LASER_LOST: "a terminal that tracked does so no more; likewise",
    FaultEvent.PASS_BEGINS: "a ground station comes into view, and none was",
    FaultEvent.PASS_ENDS: "the last station in view has gone",
}

_GROUPS = {
    "value": "What a reading says. The truth behind it does not change.",
    "device": "What the hardware does.",
    "link": "What lies between terminals, and between a node and the ground's broker.",
    "broker": "The broker that all programs speak through; the order names no node.",
    "storage": "A node's disk.",
    "clock": "The navigation receiver's time.",
}

_INTRO = f"""# Faults that can be ordered

A fault is data: what goes wrong (`kind`), where, when, for how long and how much. The same object, with the same
keys, comes from a mission file, from a test (`icd.faults.FaultOrder`) and from `dawnline fault inject`; whoever takes
it asks the same catalogue, and refuses what is not there or cannot be in one line that names the key, what was found
and what is allowed.

```toml
[[faults]]                    # in a mission file
fault_id = "blind-at-dusk"
kind = "VALUE_BIAS"
node = "node-1"
unit = "eps"
field = "soc_frac"
magnitude = -0.2
on_event = "ECLIPSE_IN"       # at the second eclipse and the third
nth = 2
times = 2
duration_s = 1200.0
```

    dawnline fault inject VALUE_BIAS node-1 --unit eps --field soc_frac --magnitude -0.2 --on ECLIPSE_IN --nth 2 \
--times 2 --for 20m
    dawnline fault inject BROKER_STOP --for 5m
    dawnline fault list

| Key | Option | Meaning |
|---|---|---|
| `fault_id` | `--id` | A name. The same id again changes nothing. |
| `kind` | first argument | One of the kinds below. |
| `node` | second argument | The node that it strikes. |
| `unit` | `--unit` | Of {", ".join(f"`{unit}`" for unit in UNITS)}, where the kind takes one. |
| `terminal` | `--terminal` | The laser terminal; left out where it may be: all of them. |
| `field` | `--field` | The number of the unit's reading. |
| `magnitude` | `--magnitude` | How much, in the unit of the kind. |
| `after_s` | `--after` | Mission time from the order, in a mission file from the mission's start, until it begins \
or begins to wait. |
| `on_event` | `--on` | Wait for this to happen to the node. |
| `nth` | `--nth` | Wait for the nth time; after that, with `times`, each time strikes. |
| `rate_per_day` | `--per-day` | Strike by chance, so often a day on average: a Poisson process. |
| `times` | `--times` | How often to strike in all, at most {TIMES_MAX:,}; 1 unless told otherwise. |
| `duration_s` | `--for` | Mission time that it lasts. Left out (`--for ever`): until it is cured or the run ends. \
The command line says 10 minutes. |

A fault strikes at most once at a time: an event or a chance that comes while it lasts changes nothing. Chance is
drawn from the run's seed by target and `fault_id`, so one fault more moves no other's draws. `sim/faults` (retained)
tells everybody which faults are in force, since when and until when, which wait, and what became of the latest order;
the simulator alone decides when, and whoever owns the thing acts. At most {FAULTS_MAX} faults wait or last at once.

## Events that a fault can wait for

| Event | Happens when |
|---|---|
"""

_ACTS = """
## Who acts

The simulator does what happens to value, device, link and clock. What is no hardware of a satellite the bench does:

- *Broker.* In virtual time the broker in memory stops or stands still. In `dawnline up` the bench stops the broker's
  process and starts it again, or freezes it (SIGSTOP) and wakes it, half a wall second after the word of the fault is
  out. A broker that was stopped for a short time comes back after its start-up time.
- *Storage.* In virtual time each durable write of the node's store and files is refused. In `dawnline up` the bench
  limits the node's process to files of size 0 (RLIMIT_FSIZE, Linux), so that the kernel refuses its writes; a node
  that is restarted meanwhile is found again within a tenth of a wall second. The node has no code for it, so no node
  outside a bench can be told to fail. Its log takes nothing meanwhile, and jobs that
  run already keep their disk.
- *Messages.* Losses and copies of `LINK_LOSS` and `LINK_COPY` are whole MQTT messages: of the broker in memory in
  virtual time, of the relayed connection in `dawnline up`. QoS 1 messages are never lost alone: that would be no
  MQTT; `LINK_CUT` loses them.

Radiation strikes without an order, by the rates of the vehicle profile: see [hwsim](apps/hwsim.md). `COMPUTE_HANG`,
`COMPUTE_LATCHUP` and `MEMORY_ERROR` are the same troubles, ordered.
"""


def page() -> str:
    """Return the page."""
    parts = [_INTRO + "\n".join(f"| `{event}` | {_EVENTS[event]} |" for event in FaultEvent) + "\n"]
    for group in GROUPS:
        heading = (
            f"\n## On {group}\n\n{_GROUPS[group]}\n\n| Kind | Names | Magnitude | What happens | Seen as | Ends |\n"
        )
        rows = [_row(kind.value, rule) for kind, rule in CATALOGUE.items() if rule.group == group]
        parts.append(heading + "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n")
        if group == "value":
            parts.append(_fields())
    return "".join(parts) + _ACTS


def _row(kind: str, rule: FaultRule) -> str:
    some = f" (of {', '.join(f'`{unit}`' for unit in rule.units)})" if rule.units and rule.units != UNITS else ""
    named = ", ".join(f"`{name.strip('[]')}`" + (" or not" if name.startswith("[") else "") for name in names(rule))
    magnitude = "" if rule.magnitude is None else str(rule.magnitude)
    named = named.replace("`unit`", f"`unit`{some}")
    return f"| `{kind}` | {named} | {magnitude} | {rule.what} | {rule.seen} | {_ends(rule)} |"


def _ends(rule: FaultRule) -> str:
    if rule.instant:
        return "at once"
    if rule.cure:
        unit = "the unit" if rule.cure == "itself" else f"`{rule.cure}`"
        return f"at a power cycle of {unit}, or at its time"
    return "at its time" if rule.endless else "at its time, which it needs"


def _fields() -> str:
    lines = [f"| `{unit}` | {', '.join(f'`{name}`' for name in fields_of(unit)) or 'none'} |" for unit in UNITS]
    return "\nFields that can be bent or held:\n\n| Unit | Fields |\n|---|---|\n" + "\n".join(lines) + "\n"
