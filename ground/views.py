"""What the API says, as typed dictionaries: the server builds them, the client hands them on.

Instants are float seconds since the fleet's epoch (`*_s`), or ISO 8601 text (`*_iso`); units stand last in names.
"""

from typing import Any, Literal, TypedDict


class StationView(TypedDict):
    """A ground station."""

    name: str
    place: str
    latitude_deg: float
    longitude_deg: float


class LaserView(TypedDict):
    """One laser terminal."""

    terminal: int
    state: str
    peer: str
    rate_bps: float


class NodeView(TypedDict):
    """A node now. Measured values are None when lost or never heard."""

    node: str
    satellite: str
    heard: bool
    heard_s_ago: float | None
    hk_s: float | None
    mode: str | None
    mode_reason: str | None
    sunlit_frac: float | None
    soc_frac: float | None
    battery_wh: float | None
    battery_wh_max: float
    soc_floor_frac: float  # where the routine depth of discharge ends
    solar_w: float | None
    load_w: float | None
    compute_w: float | None
    compute_cap_w: float | None
    module_temp_c: float | None
    jobs_queued: int
    jobs_running: list[str]
    job_progress_frac: float | None
    hold_reason: str | None
    hold_advice: str | None
    lasers: list[LaserView]
    handoffs: int
    outbox_rows: int
    boot_count: int
    sandbox: str | None
    clock_error_s: float | None
    latitude_deg: float | None
    longitude_deg: float | None
    next_eclipse_s: float | None
    next_contact_s: float | None
    in_contact: bool


class SpanView(TypedDict):
    """A span of time."""

    start_s: float
    end_s: float


class PassView(SpanView):
    """A pass over a station."""

    station: str


class PeerSpanView(SpanView):
    """A span that concerns another node: a sight, a link."""

    peer: str


class ModeSpanView(SpanView):
    """A span in one power mode."""

    mode: str
    reason: str


class JobSpanView(SpanView):
    """A span in which a job ran or saved its state."""

    job_id: str
    state: str


class NodeDetailView(NodeView):
    """A node with what is foreseen for it, from an hour ago to three hours ahead."""

    eclipses: list[SpanView]
    passes: list[PassView]
    sights: list[PeerSpanView]


class FleetView(TypedDict):
    """The whole fleet now."""

    mission: str
    epoch_iso: str
    now_s: float
    now_iso: str
    rate: float
    stations: list[StationView]
    nodes: list[NodeView]


class ColumnsView(TypedDict):
    """History as columns of equal length."""

    t_s: list[float | None]
    soc_frac: list[float | None]
    solar_w: list[float | None]
    load_w: list[float | None]
    compute_w: list[float | None]
    temp_c: list[float | None]
    sunlit_frac: list[float | None]


class HistoryView(TypedDict):
    """A node's past: measured columns, and bars of modes, jobs and links."""

    node: str
    start_s: float
    end_s: float
    columns: ColumnsView
    modes: list[ModeSpanView]
    jobs: list[JobSpanView]
    links: list[PeerSpanView]


class JobView(TypedDict):
    """A job now."""

    job_id: str
    tenant: str
    job_class: str
    priority: int
    node: str | None
    state: str
    reason: str | None
    detail: str
    attempt: int
    progress_frac: float | None
    hold_reason: str | None
    hold_advice: str | None
    queue_position: int | None
    submitted_s: float
    updated_s: float
    energy_wh: float
    result_state: str
    result_bytes: int | None
    result_sha256: str | None
    deadline_s: float | None
    request_id: str | None
    cancel_wanted: bool


class JobReportView(TypedDict):
    """One step of a job's life."""

    at_s: float
    at_iso: str
    node: str
    state: str
    attempt: int
    reason: str | None
    detail: str
    progress_frac: float | None
    checkpoint: str | None
    exit_code: int | None
    energy_wh: float


class JobDetailView(JobView):
    """A job with what was asked for and what has happened."""

    spec: dict[str, Any]
    reports: list[JobReportView]


class StageView(TypedDict):
    """One stage of a telecommand, as the node reported it."""

    stage: str
    step: int
    at_s: float
    at_iso: str
    reason: str | None
    detail: str


class TcView(TypedDict):
    """A telecommand now."""

    request_id: str
    node: str
    command: dict[str, Any]
    user: str
    key_id: str
    sequence: int
    issued_s: float
    issued_iso: str
    expires_s: float
    sent: bool
    stage: str
    reason: str | None
    detail: str
    updated_s: float
    stages: list[StageView]


class EventView(TypedDict):
    """An event; `id` only grows."""

    id: int
    node: str
    at_s: float
    at_iso: str
    severity: str
    event_id: str
    app: str
    text: str


class CommandView(TypedDict):
    """One telecommand of the dictionary, with the JSON schema of its arguments."""

    name: str
    description: str
    arguments: dict[str, Any]
    required: list[str]
    definitions: dict[str, Any]


class HelloView(FleetView):
    """The first message of a live connection: everything that updates then change."""

    type: Literal["hello"]
    events: list[EventView]
    jobs: list[JobView]
    tcs: list[TcView]


class UpdateView(TypedDict):
    """What has changed since the message before."""

    type: Literal["update"]
    now_s: float
    rate: float
    nodes: list[NodeView]
    events: list[EventView]
    jobs: list[JobView]
    tcs: list[TcView]


LiveView = HelloView | UpdateView
