"""The numbers of the work that Basilisk and ours are both given. It imports nothing, for Basilisk's process."""

STEP_S = 1.0
AU_M = 149_597_870_700.0
SUN_DIRECTION = (0.6, 0.7336, 0.3180)  # of 0.9999 of an astronomical unit; fixed
PANEL_M2, PANEL_FRAC = 200.0, 0.29
LOAD_W, CAPACITY_WH, START_FRAC = 40_000.0, 40_000.0, 0.9
A_M, ECCENTRICITY, INCLINATION_DEG = 6_928_137.0, 1e-4, 53.0
PLANES, IN_PLANE = 72, 22
