import pytest

from hwsim.models.body import STEFAN_BOLTZMANN_W_M2_K4, Body

RADIANCE = 17.0 * 0.9 * STEFAN_BOLTZMANN_W_M2_K4


def _body(heat_w: float) -> Body:
    return Body(RADIANCE, 400_000.0, heat_w)


def _integrate(temp_k: float, heat_w: float, span_s: float) -> tuple[float, float]:
    """Fourth-order Runge-Kutta of C dT/dt = Q - k T^4 in small steps: the end, and the mean by Simpson's rule."""

    def slope(temp: float) -> float:
        return (heat_w - RADIANCE * temp**4) / 400_000.0

    steps = max(1, int(span_s))
    h, total = span_s / steps, 0.0
    for _ in range(steps):
        a = slope(temp_k)
        b = slope(temp_k + h / 2 * a)
        c = slope(temp_k + h / 2 * b)
        d = slope(temp_k + h * c)
        middle, before = temp_k + h / 4 * (a + b), temp_k
        temp_k += h / 6 * (a + 2 * b + 2 * c + d)
        total += h / 6 * (before + 4 * middle + temp_k)
    return temp_k, total / span_s


@pytest.mark.req("HWS-002")
@pytest.mark.parametrize("temp_k", [180.0, 260.0, 293.15, 340.0])
@pytest.mark.parametrize("heat_w", [40.0, 3_800.0, 10_000.0, 13_000.0])
@pytest.mark.parametrize("span_s", [0.5, 60.0, 5_000.0])
def test_temperature_and_its_mean_agree_with_integration(temp_k: float, heat_w: float, span_s: float) -> None:
    body = _body(heat_w)

    after_k = body.after_k(temp_k, span_s)

    end_k, mean_k = _integrate(temp_k, heat_w, span_s)
    assert after_k == pytest.approx(end_k, abs=1e-7)
    assert body.mean_k(body.mark(temp_k), body.mark(after_k), span_s) == pytest.approx(mean_k, abs=1e-5)


def test_a_body_that_arrived_long_ago_has_its_mean_near_equilibrium() -> None:
    body = _body(9_000.0)
    after_k = body.after_k(250.0, 1e6)

    assert after_k == pytest.approx(body.equilibrium_k, abs=1e-9)
    assert body.mean_k(body.mark(250.0), body.mark(after_k), 1e6) == pytest.approx(
        _integrate(250.0, 9_000.0, 1e5)[1] * 0.1 + after_k * 0.9
    )


@pytest.mark.req("HWS-002")
@pytest.mark.parametrize(
    ("temp_k", "heat_w", "target_k"),
    [(293.15, 13_000.0, 343.15), (343.15, 3_800.0, 338.15), (260.0, 10_000.0, 327.0)],
)
def test_a_crossing_is_met_when_it_was_predicted(temp_k: float, heat_w: float, target_k: float) -> None:
    body = _body(heat_w)

    span_s = body.crossing_s(temp_k, target_k)

    assert span_s is not None
    assert body.after_k(temp_k, span_s) == pytest.approx(target_k, abs=1e-8)


@pytest.mark.parametrize(("heat_w", "target_k"), [(10_000.0, 343.15), (3_800.0, 300.0), (10_000.0, 290.0)])
def test_what_is_never_reached_has_no_crossing(heat_w: float, target_k: float) -> None:
    assert _body(heat_w).crossing_s(293.15, target_k) is None


def test_a_body_in_equilibrium_stays_there() -> None:
    body = _body(9_000.0)
    at_rest_k = body.equilibrium_k

    assert body.after_k(at_rest_k, 1e6) == pytest.approx(at_rest_k, abs=1e-9)
    assert body.mean_k(body.mark(at_rest_k), body.mark(at_rest_k), 1e6) == pytest.approx(at_rest_k, abs=1e-9)
