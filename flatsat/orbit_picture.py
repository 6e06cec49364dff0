"""The picture of one vehicle class over two orbits: sun, power, battery, temperatures, lasers, on one axis of time.

Every line is named beside it, in its colour and with its own dashes; states of lasers are told by words and hatching as
well as by colour.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flatsat.orbit import Orbit, Phase
from icd.hw import PatState

DPI = 100
INK, QUIET, NIGHT = "#26323d", "#7d8791", "#dfe4ec"
SUN, LOAD, COMPUTE, CHARGE = "#c8922e", "#26323d", "#8a4f7d", "#2f6690"
# Name, colour and dashes of each temperature that a reading may carry.
TEMPS: dict[str, tuple[str, str, Any]] = {
    "die_temp_c": ("die", "#a63d40", "-"),
    "module_temp_c": ("cold plate", "#c97b3d", (0, (6, 2))),
    "loop_temp_c": ("loop", "#7f7f3f", (0, (3, 1.5))),
    "radiator_temp_c": ("radiator", "#3f7f78", (0, (5, 1, 1, 1))),
    "pack_temp_c": ("battery pack", CHARGE, (0, (1, 1.2))),
    "array_temp_c": ("array", SUN, "-"),
}
# Colour, hatching and word of each state of a terminal.
STATES: dict[PatState, tuple[str, str, str]] = {
    PatState.TRACK: ("#7fb08a", "", "track"),
    PatState.ACQUIRE: ("#e2c16b", "////", "acquire"),
    PatState.SLEW: ("#a9bdd3", "....", "slew"),
    PatState.LOST: ("#c97f72", "xxxx", "lost"),
    PatState.IDLE: ("#eef0f2", "", "idle"),
    PatState.OFF: ("#ffffff", "", "off"),
}
WORD_MIN = 7.0  # minutes that a state must last for its word to fit
RATE_MIN = 24.0  # and for its rate to fit beside it


def draw(orbit: Orbit, path: Path) -> None:
    """Draw an orbit into a PNG file; the same orbit gives the same bytes.

    Raises:
        OSError: the file cannot be written.
    """
    from matplotlib import rc_context  # slow to load, and only pictures need it
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"font.size": 9.0, "axes.edgecolor": QUIET, "axes.linewidth": 0.8, "hatch.linewidth": 0.5}):
        figure = Figure(figsize=(10.0, 9.4), facecolor="white")
        FigureCanvasAgg(figure)
        lanes = max(1, len(orbit.terminals))
        heights = (0.5, 2.6, 1.7, 2.6, 0.45 + 0.42 * lanes)
        rows = figure.subplots(5, 1, sharex=True, height_ratios=heights)
        figure.subplots_adjust(left=0.085, right=0.87, top=0.915, bottom=0.06, hspace=0.13)
        for axes in rows:
            _dress(axes, orbit)
        _sun(rows[0], orbit)
        _power(rows[1], orbit)
        _battery(rows[2], orbit)
        _heat(rows[3], orbit)
        _lasers(rows[4], orbit)
        figure.align_ylabels(rows)
        _head(figure, orbit)
        rows[4].set_xlabel("minutes from leaving the first eclipse")
        figure.savefig(path, dpi=DPI, metadata={"Software": None})


def _dress(axes: Any, orbit: Orbit) -> None:
    axes.set_xlim(0.0, orbit.span_min)
    axes.set_xticks(range(0, int(orbit.span_min) + 1, 15))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=INK, length=3, width=0.8)
    for start, end in orbit.eclipses:
        axes.axvspan(start, end, color=NIGHT, linewidth=0, zorder=0)


def _head(figure: Any, orbit: Orbit) -> None:
    profile = orbit.profile
    figure.text(0.085, 0.968, profile.name, fontsize=15, fontweight="bold", color=INK, ha="left")
    where = f"{profile.orbit.altitude_km:g} km, {profile.orbit.inclination_deg:g}°"
    text = f"{where}, Sun {abs(orbit.beta_deg):.0f}° off the plane of the orbit, {orbit.period_min:.1f} min a turn"
    figure.text(0.085, 0.944, text, fontsize=9.5, color=QUIET, ha="left")
    array, module = _watts(profile.array.nameplate_w), _watts(profile.compute.max_w)
    text = f"array {array}, battery {_watts(profile.battery.capacity_wh)}h, compute {module}"
    figure.text(0.87, 0.944, text, fontsize=9.5, color=QUIET, ha="right")


def _sun(axes: Any, orbit: Orbit) -> None:
    track = orbit.track
    axes.fill_between(track.minutes, track.sunlit_frac, color=SUN, alpha=0.35, linewidth=0, step="post")
    axes.step(track.minutes, track.sunlit_frac, color=SUN, linewidth=1.2, where="post")
    axes.set_ylim(0.0, 1.05)
    axes.set_yticks([0.0, 1.0], ["0", "1"])
    axes.set_ylabel("sunlit")
    for start, end in orbit.eclipses:
        if end - start > WORD_MIN:
            text = f"eclipse\n{end - start:.1f} min"
            axes.text((start + end) / 2, 0.5, text, ha="center", va="center", fontsize=8, color=INK, linespacing=1.0)


def _power(axes: Any, orbit: Orbit) -> None:
    track = orbit.track
    scale, unit = _scale(max(track.solar_w))
    solar, load, compute = ([watts / scale for watts in row] for row in (track.solar_w, track.load_w, track.compute_w))
    axes.fill_between(track.minutes, solar, color=SUN, alpha=0.22, linewidth=0)
    axes.plot(track.minutes, solar, color=SUN, linewidth=1.4)
    axes.plot(track.minutes, load, color=LOAD, linewidth=1.4)
    axes.plot(track.minutes, compute, color=COMPUTE, linewidth=1.2, linestyle=(0, (4, 1.5)))
    top = 1.12 * max(*solar, *load)
    axes.set_ylim(0.0, top)
    axes.set_ylabel(f"power, {unit}")
    _name(axes, [("all loads", load[-1], LOAD), ("compute", compute[-1], COMPUTE)], top)
    lit = orbit.eclipses[0][0] / 2 if orbit.eclipses else orbit.span_min / 2
    given = next(watts for minute, watts in zip(track.minutes, solar, strict=True) if minute >= lit)
    axes.annotate("array", (lit, given), (0, 4), textcoords="offset points", ha="center", color=SUN, fontsize=8.5)
    _grid(axes)


def _battery(axes: Any, orbit: Orbit) -> None:
    track, battery = orbit.track, orbit.profile.battery
    charge = [100.0 * frac for frac in track.soc_frac]
    axes.plot(track.minutes, charge, color=CHARGE, linewidth=1.6)
    routine, hard = 100.0 * (1.0 - battery.dod_routine_frac), 100.0 * (1.0 - battery.dod_hard_frac)
    for level, dashes in ((routine, (0, (6, 3))), (hard, (0, (2, 2)))):
        axes.axhline(level, color=QUIET, linewidth=1.0, linestyle=dashes)
    low = min(hard, *charge) - 6.0
    axes.set_ylim(low, 103.0)
    axes.set_ylabel("battery, %")
    names = [("charge", charge[-1], CHARGE), ("routine floor", routine, QUIET), ("hard floor", hard, QUIET)]
    _name(axes, names, 103.0 - low)
    inside = [index for index, minute in enumerate(track.minutes) if minute > 0.1 * orbit.span_min]
    lowest = min(inside, key=charge.__getitem__)
    side = "right" if track.minutes[lowest] > 0.9 * orbit.span_min else "center"
    at = (track.minutes[lowest], charge[lowest])
    axes.annotate(
        f"{charge[lowest]:.1f} %", at, (0, -11), textcoords="offset points", ha=side, fontsize=8, color=CHARGE
    )
    axes.plot(*at, "o", color=CHARGE, markersize=3.5)
    _grid(axes)


def _heat(axes: Any, orbit: Orbit) -> None:
    track, thermal = orbit.track, orbit.profile.thermal
    names = []
    values: list[float] = [thermal.throttle_c]
    for key, series in track.temps_c.items():
        label, colour, dashes = TEMPS.get(key, (key.removesuffix("_temp_c"), INK, "-"))
        minutes = track.minutes[-len(series) :]
        axes.plot(minutes, series, color=colour, linewidth=1.4, linestyle=dashes)
        names.append((label, series[-1], colour))
        values += (min(series), max(series))
    axes.axhline(thermal.throttle_c, color=QUIET, linewidth=1.0, linestyle=(0, (6, 3)))
    names.append(("plate throttles", thermal.throttle_c, QUIET))
    low, high = min(values), max(values)
    room = 0.08 * (high - low) + 1.0
    axes.set_ylim(low - room, high + room)
    axes.set_ylabel("temperature, °C")
    _name(axes, names, high - low + 2.0 * room)
    _grid(axes)


def _lasers(axes: Any, orbit: Orbit) -> None:
    lanes = len(orbit.terminals)
    for lane, phases in enumerate(orbit.terminals):
        for phase in phases:
            _phase(axes, lane, phase)
        peers = [phase.peer for phase in phases if phase.peer]
        if peers:
            axes.text(
                1.012, lane, peers[-1], transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color=INK
            )
    axes.set_yticks(range(lanes), [f"laser {lane}" for lane in range(lanes)])
    axes.set_ylim(lanes - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    text = "dotted: slew · striped: acquire · crossed: lost"
    axes.annotate(text, (1.0, 0.0), (0, -22), xycoords="axes fraction", textcoords="offset points", **_KEY)


_KEY: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 8, "color": QUIET}


def _phase(axes: Any, lane: int, phase: Phase) -> None:
    colour, hatch, word = STATES[phase.state]
    width = phase.end_min - phase.start_min
    edge = "white" if hatch == "" else "#5f6b76"
    axes.barh(lane, width, left=phase.start_min, height=0.72, color=colour, hatch=hatch, edgecolor=edge, linewidth=0.4)
    if phase.rate_bps > 0.0 and width >= RATE_MIN:
        word = f"{word}, {phase.rate_bps / 1e9:g} Gbit/s"
    if width >= WORD_MIN:
        middle = phase.start_min + width / 2
        axes.text(middle, lane, word, ha="center", va="center", fontsize=8, color=INK)


def _grid(axes: Any) -> None:
    axes.grid(axis="y", color=QUIET, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def _watts(watts: float) -> str:
    scale, unit = _scale(watts)
    return f"{watts / scale:.4g} {unit}"


def _scale(watts: float) -> tuple[float, str]:
    return (1000.0, "kW") if watts >= 2000.0 else (1.0, "W")


def _name(axes: Any, names: Iterable[tuple[str, float, str]], span: float) -> None:
    """Write the name of each line beside its end, moved apart where two would touch."""
    gap = span * 0.085 * 2.6 / (axes.get_position().height * 9.4)  # a line of text in units of the axis
    low, high = axes.get_ylim()
    placed: list[tuple[str, float, str]] = []
    for name, value, colour in sorted(names, key=lambda row: row[1]):
        floor = placed[-1][1] + gap if placed else low + gap / 2
        placed.append((name, max(value, floor), colour))
    over = placed[-1][1] - (high - gap / 2)
    for index in range(len(placed) - 1, -1, -1):
        name, value, colour = placed[index]
        ceiling = high - gap / 2 if index == len(placed) - 1 else placed[index + 1][1] - gap
        placed[index] = (name, min(value, ceiling) if over > 0 else value, colour)
    for name, value, colour in placed:
        axes.text(1.012, value, name, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color=colour)
