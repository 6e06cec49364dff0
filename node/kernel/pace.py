"""How often something that may happen again and again is told or answered."""

from icd.timebase import MissionTime, seconds_between

KEYS_MAX = 64  # distinct things whose last time is remembered


class Pace:
    """Lets the first of each key pass, and then one every `interval_s` of mission time."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last: dict[str, MissionTime] = {}

    def allows(self, now: MissionTime, key: str = "") -> bool:
        """Return whether the next of this key may pass now, and if so count it as passed."""
        last = self._last.get(key)
        if last is not None and 0.0 <= seconds_between(last, now) < self._interval_s:
            return False
        self._last.pop(key, None)
        self._last[key] = now
        if len(self._last) > KEYS_MAX:
            del self._last[next(iter(self._last))]
        return True


class Allowance:
    """A token bucket: `burst` at once, and `refill_per_s` more with every second of mission time."""

    def __init__(self, burst: int, refill_per_s: float) -> None:
        self._burst = float(burst)
        self._refill_per_s = refill_per_s
        self._tokens = float(burst)
        self._since: MissionTime | None = None

    def spend(self, now: MissionTime) -> bool:
        """Take one token; False when none is left."""
        if self._since is not None:
            gained = self._refill_per_s * max(0.0, seconds_between(self._since, now))
            self._tokens = min(self._burst, self._tokens + gained)
        self._since = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
