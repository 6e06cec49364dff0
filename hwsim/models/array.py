"""Solar array: power from sunlight.

Source: P = P0 x derate x L x (1 AU / d)^2, the inverse-square law on the nameplate at 1 AU; L is the visible fraction
of the Sun's disc.
"""


def power_w(nameplate_w: float, derate_frac: float, sunlit_frac: float, sun_au: float) -> float:
    """Return what the array can give now, W."""
    return nameplate_w * derate_frac * sunlit_frac / (sun_au * sun_au)
