"""What Sun and Earth shine on a satellite in low orbit.

Sources: solar constant, Kopp and Lean, Geophys. Res. Lett. 38, L01706; albedo and Earth infrared, annual global means
as in Gilmore, Spacecraft Thermal Control Handbook, chapter 2; half angle of an eclipse on a circular orbit, from a
cylindrical shadow, as in Wertz and Larson, Space Mission Analysis and Design, section 5.1.
"""

import math

from astro.shadow import EARTH_RADIUS_KM

SOLAR_W_M2 = 1361.0  # at 1 AU
ALBEDO_FRAC = 0.3  # of sunlight, mean over the Earth
EARTH_INFRARED_W_M2 = 237.0


def lit_share(cos_beta: float, radius_km: float) -> float:
    """Return the share of a circular orbit that lies in sunlight.

    Args:
        cos_beta: cosine of the Sun's elevation over the orbit plane.
        radius_km: of the orbit, from the centre of the Earth.
    """
    across = math.sqrt(max(0.0, radius_km * radius_km - EARTH_RADIUS_KM * EARTH_RADIUS_KM))
    if across >= radius_km * cos_beta:
        return 1.0
    return 1.0 - math.acos(across / (radius_km * cos_beta)) / math.pi


def albedo_w_m2(sun_w_m2: float, cos_beta: float, radius_km: float) -> float:
    """Return what sunlit Earth below reflects, W/m2 at the Earth, as its mean over the lit arc of an orbit.

    Below a satellite that is an angle u past the point next under the Sun, the Sun's height has the sine cos beta cos u
    while positive: cos beta / pi of a turn's mean, all of it on the lit arc.
    """
    return ALBEDO_FRAC * sun_w_m2 * cos_beta / (math.pi * lit_share(cos_beta, radius_km))
