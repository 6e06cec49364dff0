"""The event dictionary: id, severity, and the text an operator reads. `{name}` stands for an event's field."""

from dataclasses import dataclass

from icd.events import EventReport, Severity


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """One kind of event. The text says what happened; `advice` what to do, empty when nothing need be done."""

    severity: Severity
    text: str
    advice: str = ""


_I, _L, _M, _H = Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH
_D = EventDefinition

EVENTS: dict[str, EventDefinition] = {
    # executive
    "NODE_BOOTED": _D(_I, "Boot {boot_count}, after {cause}.", ""),
    "NODE_STOPPED": _D(_I, "Orderly stop."),
    "APP_FAILED": _D(
        _M, "App {failed_app} failed: {error}; restart {restarts} of {restarts_max}.", "Watch for repeats."
    ),
    "APP_GIVEN_UP": _D(_H, "App {failed_app} failed too often and stays down.", "Reset the node."),
    "RUN_LEVEL_MINIMAL": _D(_H, "Kernel entered run level MINIMAL: {why}.", "Send leave_safe to reset the node."),
    "STORAGE_FAILED": _D(
        _H, "Durable write failed: {detail}.", "Free space on the node; what was refused may be sent again."
    ),
    "STORE_SET_ASIDE": _D(
        _H,
        "The store was corrupt ({why}); it was set aside as {file} and a fresh one begun.",
        "What it held is lost on board: compare with the ground's archive, and submit again what is missing.",
    ),
    "APPS_SILENT": _D(_M, "No answer to health ping from {apps}.", "The watchdog resets the node if it goes on."),
    # power and thermal
    "POWER_MODE_CHANGED": _D(_L, "Power mode {source} to {target}: {reason}."),
    "SAFE_MODE_ENTERED": _D(_H, "SAFE mode: {reason}.", "Find the cause, then send leave_safe."),
    "READINGS_LOST": _D(_M, "Readings of {unit} are lost.", "Check the unit; reset_unit power-cycles it."),
    "READINGS_BACK": _D(_I, "Readings of {unit} are back."),
    "COMPUTE_THROTTLED": _D(_L, "Compute module throttles at {temp_c} degC (reasons {reasons})."),
    "COMPUTE_TRIPPED": _D(_H, "Compute module switched off at {temp_c} degC.", "Wait until it has cooled."),
    "COMPUTE_HUNG": _D(_M, "Compute module hangs and is power-cycled; jobs go on from their checkpoints."),
    "COMPUTE_LATCHED": _D(
        _M, "Compute module draws {power_w} W in a latch-up and is power-cycled; jobs go on from their checkpoints."
    ),
    "COMPUTE_BACK": _D(_I, "Compute module is well again."),
    "COMPUTE_STAYS_BAD": _D(
        _H, "Compute module is {health} after {cycles} power cycles.", "Send reset_unit compute, or leave it off."
    ),
    "MEMORY_ERROR": _D(
        _M, "Memory error {count} of the compute module cannot be corrected; jobs go on from their checkpoints."
    ),
    "THERMAL_CAP_CHANGED": _D(_I, "Thermal cap now {cap_w} W at {temp_c} degC."),
    # jobs
    "JOB_ADMITTED": _D(_I, "Job {job_id} of {tenant} admitted."),
    "JOB_STARTED": _D(_I, "Job {job_id} started, attempt {attempt}."),
    "JOB_PREEMPTED": _D(_L, "Job {job_id} preempted: {reason}."),
    "JOB_CHECKPOINTED": _D(_I, "Job {job_id} checkpoint {checkpoint} kept."),
    "JOB_RETRIED": _D(_L, "Job {job_id} attempt {attempt} ended with {reason}; it is tried again."),
    "JOB_INTERRUPTED": _D(
        _L, "Job {job_id} lost attempt {attempt} with the compute module; it goes on from {checkpoint}."
    ),
    "JOB_ENDED": _D(_I, "Job {job_id} is {state}: {reason}."),
    "JOB_LIMIT_HIT": _D(
        _M, "Job {job_id} was ended at its limit: {reason}.", "Raise the limit in its spec, or mend the job."
    ),
    "JOB_RECOVERED": _D(_L, "Job {job_id} was {state} when the processor was reset; queued again from {checkpoint}."),
    "ORPHANS_ENDED": _D(_L, "{count} processes that a dead predecessor left were ended."),
    "SANDBOX_DEGRADED": _D(
        _M, "Jobs run with sandbox level {level}: {why}.", "Use a kernel with Landlock, or install bubblewrap."
    ),
    # commanding and transfer
    "TC_REJECTED": _D(_L, "Telecommand {request_id} rejected: {reason} ({detail})."),
    "TC_GARBAGE": _D(_L, "Bytes on the telecommand channel are no telecommand: {reason} ({detail})."),
    "UPLINK_REJECTED": _D(_L, "Message on {channel} rejected: {detail}."),
    "TRANSFER_REFUSED": _D(_L, "Transfer {transfer_id} refused: {why}."),
    "BUNDLE_RECEIVED": _D(_I, "Bundle of job {job_id} received, {total_bytes} bytes."),
    "BUNDLE_CORRUPT": _D(_L, "Bundle of job {job_id} did not match its SHA-256; asked for again."),
    "RESULT_SENT": _D(_I, "Result of job {job_id} delivered, {total_bytes} bytes."),
    # links
    "LINK_UP": _D(_I, "Space link up."),
    "LINK_DOWN": _D(_I, "Space link down."),
    "ISL_ACQUIRING": _D(_I, "Terminal {terminal} acquires {peer}."),
    "ISL_UP": _D(_I, "Terminal {terminal} tracks {peer}, lease until {until}."),
    "ISL_DOWN": _D(_I, "Terminal {terminal} lost {peer}: {why}."),
    "ISL_HANDOFF": _D(_I, "Neighbour {source} handed over to {target}, gap {gap_s} s."),
    "ISL_ACQUIRE_FAILED": _D(
        _L, "Terminal {terminal} did not acquire {peer} in {limit_s} s.", "Tried again while the window lasts."
    ),
    "ISL_FRAME_REJECTED": _D(_L, "Laser frame on terminal {terminal} rejected: {detail}."),
    "ISL_PLAN_DIFFERS": _D(
        _M, "Plan of {peer} differs from ours; the earlier end holds.", "Check the element sets of both."
    ),
    # devices
    "FRAME_REJECTED": _D(_L, "Device frame rejected: {detail}."),
    "FRAMES_MISSED": _D(_I, "{count} device frames missed."),
    "WATCHDOG_BITTEN": _D(_H, "The watchdog has bitten {bites} times.", "See the events before the reset."),
    "CLOCK_OFF": _D(_M, "On-board clock is {error_s} s off.", "Check the GNSS unit."),
    # simulator and ground (not sent by a node)
    "MESSAGE_REJECTED": _D(_L, "Message on {topic} rejected: {detail}."),
}

UNKNOWN = EventDefinition(Severity.MEDIUM, "Unknown event.", "Node and ground use different dictionaries.")


def render(report: EventReport) -> str:
    """Return the text of an event for an operator; a field that is missing shows as `?`."""
    definition = EVENTS.get(report.event_id, UNKNOWN)
    fields = {name: _plain(value) for name, value in report.fields.items()}
    text = definition.text.format_map(_Missing(fields))
    return f"{text} {definition.advice}" if definition.advice else text


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class _Missing(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
