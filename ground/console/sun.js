// Where the Sun stands, for the shading of the map.

const RAD = Math.PI / 180;

/**
 * Return the point under the Sun, in degrees.
 * Source: Astronomical Almanac, low-precision formulas for the Sun (0.01 degree, 1950 to 2050), and
 * Greenwich mean sidereal time after Meeus, Astronomical Algorithms, chapter 12.
 */
export function subsolarPoint(date) {
  const days = date.getTime() / 86400000 - 10957.5; // since J2000.0
  const mean_anomaly = (357.528 + 0.9856003 * days) * RAD;
  const mean_longitude = 280.46 + 0.9856474 * days;
  const longitude = (mean_longitude + 1.915 * Math.sin(mean_anomaly) + 0.02 * Math.sin(2 * mean_anomaly)) * RAD;
  const obliquity = (23.439 - 4e-7 * days) * RAD;
  const declination = Math.asin(Math.sin(obliquity) * Math.sin(longitude));
  const ascension = Math.atan2(Math.cos(obliquity) * Math.sin(longitude), Math.cos(longitude));
  const sidereal = 280.46061837 + 360.98564736629 * days;
  return { latitude_deg: declination / RAD, longitude_deg: wrap(ascension / RAD - sidereal) };
}

/** Return the sine of the Sun's elevation at a place. */
export function sineOfElevation(sun, latitude_deg, longitude_deg) {
  const a = latitude_deg * RAD;
  const d = sun.latitude_deg * RAD;
  return Math.sin(a) * Math.sin(d) + Math.cos(a) * Math.cos(d) * Math.cos((longitude_deg - sun.longitude_deg) * RAD);
}

/** Return the latitude at which the Sun stands on the horizon at this longitude. */
export function terminatorLatitude(sun, longitude_deg) {
  const d = (Math.abs(sun.latitude_deg) < 0.05 ? 0.05 : sun.latitude_deg) * RAD;
  return Math.atan(-Math.cos((longitude_deg - sun.longitude_deg) * RAD) / Math.tan(d)) / RAD;
}

/** Return an angle in [-180, 180). */
export function wrap(angle_deg) {
  return ((((angle_deg + 180) % 360) + 360) % 360) - 180;
}

/** Return points of the great circle between two places, `steps` + 1 of them, as [latitude, longitude]. */
export function greatCircle(from, to, steps) {
  const unit = ([lat, lon]) => [
    Math.cos(lat * RAD) * Math.cos(lon * RAD), Math.cos(lat * RAD) * Math.sin(lon * RAD), Math.sin(lat * RAD)];
  const a = unit(from);
  const b = unit(to);
  const angle = Math.acos(Math.max(-1, Math.min(1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])));
  if (angle < 1e-6) return [from, to];
  const points = [];
  for (let i = 0; i <= steps; i += 1) {
    const p = Math.sin((1 - i / steps) * angle) / Math.sin(angle);
    const q = Math.sin((i / steps) * angle) / Math.sin(angle);
    const [x, y, z] = [0, 1, 2].map((k) => p * a[k] + q * b[k]);
    points.push([Math.atan2(z, Math.hypot(x, y)) / RAD, Math.atan2(y, x) / RAD]);
  }
  return points;
}
