"""Pixel values that have given moments: the maximum-entropy density between a minimum and a maximum.

Of all densities on [min, max] with a given mean, standard deviation, skewness and kurtosis, the one of largest entropy is
the exponential of a polynomial of fourth degree. Its four coefficients minimise a convex function; Newton's method finds
them for each band of each patch on its own, so the result does not depend on the number of threads.

Nor does it depend on the machine: only operations that IEEE 754 fixes to the last bit are used, in a fixed order. LAPACK, and
the exponentials and logarithms of the C library, round differently from one processor or version to the next.
"""

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

NODES: Final = 193
ITERATIONS: Final = 60
SMALLEST: Final = -1022  # exponent of two of a normal number
POWERS: Final = np.ldexp(1.0, np.arange(SMALLEST, 1024))
TAYLOR: Final = 1 / np.array([float(math.factorial(k)) for k in range(13, -1, -1)])
LN2_HIGH: Final = float.fromhex("0x1.62e42feep-1")  # its last bits are zero, so that few multiples of it are rounded
LN2_LOW: Final = float.fromhex("0x1.a39ef35793c76p-33")
Floats = NDArray[np.float64]


def quantiles(moments: Floats, count: int) -> NDArray[np.float32]:
    """Sorted values with given moments.

    Args:
        moments: `(N, 6)`: mean, standard deviation, minimum, maximum, Fisher kurtosis, skewness.
        count: how many values for each row; the first is the minimum, the last the maximum.

    Returns:
        float32 `(N, count)`, ascending along the rows.
    """
    result = np.empty((len(moments), count), np.float32)
    _solve_all(np.ascontiguousarray(moments, np.float64), result)
    return result


@numba.njit(parallel=True, cache=True, error_model="numpy")
def _solve_all(moments: Floats, result: NDArray[np.float32]) -> None:
    for i in numba.prange(len(moments)):
        mean, std, low, high, kurt, skew = moments[i]
        _solve(mean, max(std, 1e-6), low, high, kurt, skew, result[i])


@numba.njit(cache=True, error_model="numpy")
def _solve(
    mean: float, std: float, low: float, high: float, kurt: float, skew: float, values: NDArray[np.float32]
) -> None:
    count = len(values)
    a, b = min((low - mean) / std, -1e-3), max((high - mean) / std, 1e-3)
    target = _inner_moments(a, b, skew, kurt, count)
    scale = max(-a, b)
    t, log_step = np.empty(NODES), np.empty(NODES)
    first, last = -_arcsinh(-2 * a), _arcsinh(2 * b)
    for j in range(NODES):  # dense where most values are, and reaching the ends
        u = first + (last - first) * j / (NODES - 1)
        growth = _exp(u)
        t[j] = 0.25 * (growth - 1 / growth) / scale
        log_step[j] = _log(0.5 * (growth + 1 / growth))
    power = 1.0
    for k in range(4):
        power *= scale
        target[k] /= power
    density = _newton(t, log_step, target)
    _invert(t, density, scale, values)
    _fit_mean_and_std(values, mean, std, low, high)


@numba.njit(cache=True, error_model="numpy")
def _inner_moments(a: float, b: float, skew: float, kurt: float, count: int) -> Floats:
    """Moments of the values between the smallest and the largest, which are there in any case (all standardised)."""
    moments = np.array([0.0, 1.0, skew, kurt + 3.0])
    inner = np.empty(4)
    power_a, power_b = 1.0, 1.0
    for k in range(4):
        power_a *= a
        power_b *= b
        inner[k] = (moments[k] - (power_a + power_b) / count) / (1 - 2 / count)
    m1 = inner[0]
    variance = inner[1] - m1**2
    third = inner[2] - 3 * m1 * inner[1] + 2 * m1**3
    fourth = inner[3] - 4 * m1 * inner[2] + 6 * m1**2 * inner[1] - 3 * m1**4
    if variance > 0.01 and fourth * variance > 1.02 * (third**2 + variance**3):  # Pearson's inequality
        return inner
    return moments


@numba.njit(cache=True, error_model="numpy")
def _newton(t: Floats, log_step: Floats, target: Floats) -> Floats:
    """The density at the nodes, times their spacing, summing to one."""
    variance = max(target[1] - target[0] ** 2, 1e-6)
    coefficients = np.array([target[0] / variance, -0.5 / variance, 0.0, 0.0])
    density = np.empty(NODES)
    objective = _density(t, log_step, target, coefficients, density)
    for _ in range(ITERATIONS):
        powers = np.zeros(9)
        for j in range(NODES):
            power = density[j]
            for k in range(9):
                powers[k] += power
                power *= t[j]
        gradient, hessian = np.empty(4), np.empty((4, 4))
        size = 0.0
        for k in range(4):
            gradient[k] = powers[k + 1] - target[k]
            for m in range(4):
                hessian[k, m] = powers[k + m + 2] - powers[k + 1] * powers[m + 1]
        for k in range(4):
            size = max(size, abs(gradient[k]) / np.sqrt(powers[2 * k + 2] + 1e-30))
        if size < 1e-7:
            break
        for k in range(4):
            hessian[k, k] *= 1 + 1e-9
            hessian[k, k] += 1e-14
        step = _cholesky_solve(hessian, gradient)
        length, improved = 1.0, False
        for _halving in range(25):
            trial = coefficients - length * step
            attempt = _density(t, log_step, target, trial, density)
            if attempt < objective:
                coefficients, objective, improved = trial, attempt, True
                break
            length /= 2
        if not improved:
            _density(t, log_step, target, coefficients, density)
            break
    return density


@numba.njit(cache=True, error_model="numpy")
def _cholesky_solve(matrix: Floats, right: Floats) -> Floats:
    """The solution of a positive definite system."""
    size = len(right)
    factor, solution = np.zeros((size, size)), right.copy()
    for k in range(size):
        for m in range(k):
            factor[k, m] = matrix[k, m]
            for i in range(m):
                factor[k, m] -= factor[k, i] * factor[m, i]
            factor[k, m] /= factor[m, m]
        pivot = matrix[k, k]
        for m in range(k):
            pivot -= factor[k, m] ** 2
            solution[k] -= factor[k, m] * solution[m]
        factor[k, k] = np.sqrt(max(pivot, 1e-12 * matrix[k, k]))  # above what rounding may leave of it
        solution[k] /= factor[k, k]
    for k in range(size - 1, -1, -1):
        for m in range(k + 1, size):
            solution[k] -= factor[m, k] * solution[m]
        solution[k] /= factor[k, k]
    return solution


@numba.njit(cache=True, error_model="numpy")
def _density(t: Floats, log_step: Floats, target: Floats, coefficients: Floats, density: Floats) -> float:
    """Fill the density for some coefficients; returns the convex function that Newton's method minimises."""
    c1, c2, c3, c4 = coefficients
    largest = -np.inf
    for j in range(NODES):
        x = t[j]
        density[j] = log_step[j] + x * (c1 + x * (c2 + x * (c3 + x * c4)))
        largest = max(largest, density[j])
    total = 0.0
    for j in range(NODES):
        density[j] = _exp(density[j] - largest)
        total += density[j]
    for j in range(NODES):
        density[j] /= total
    convex: float = largest + _log(total) - c1 * target[0] - c2 * target[1] - c3 * target[2] - c4 * target[3]
    return convex


@numba.njit(cache=True, error_model="numpy")
def _invert(t: Floats, density: Floats, scale: float, values: NDArray[np.float32]) -> None:
    """Quantiles at the middle of each of the inner values' shares, standardised."""
    inner = len(values) - 2
    cumulative = np.zeros(NODES)
    for j in range(1, NODES):  # the trapezoid between two nodes
        cumulative[j] = cumulative[j - 1] + (density[j - 1] + density[j]) / 2
    j = 1
    for i in range(inner):
        level = (i + 0.5) / inner * cumulative[NODES - 1]
        while j < NODES - 1 and cumulative[j] < level:
            j += 1
        width = cumulative[j] - cumulative[j - 1]
        share = (level - cumulative[j - 1]) / width if width > 0 else 0.5
        values[i + 1] = scale * (t[j - 1] + share * (t[j] - t[j - 1]))
    values[0], values[len(values) - 1] = scale * t[0], scale * t[NODES - 1]


@numba.njit(cache=True, error_model="numpy")
def _fit_mean_and_std(values: NDArray[np.float32], mean: float, std: float, low: float, high: float) -> None:
    """From standardised values to the band's own, its mean and standard deviation met but for clipping."""
    inner = values[1 : len(values) - 1]
    for _ in range(3):
        now, spread = 0.0, 0.0
        for value in values:
            now += value
        now /= len(values)
        for value in values:
            spread += (value - now) ** 2
        spread = np.sqrt(spread / len(values))
        for i in range(len(inner)):
            inner[i] = min(max((inner[i] - now) / max(spread, 1e-9), values[0]), values[len(values) - 1])
    for i in range(len(inner)):
        inner[i] = min(max(mean + std * inner[i], low), high)
    values[0], values[len(values) - 1] = low, high


@numba.njit(cache=True, error_model="numpy")
def _exp(x: float) -> float:
    """e^x to about one unit in the last place, 0 where it would be no normal number."""
    if x < -708:
        return 0.0
    if not x < 709:  # too large, or NaN
        return x + np.inf
    exponent = np.floor(x / (LN2_HIGH + LN2_LOW) + 0.5)
    rest = x - exponent * LN2_HIGH - exponent * LN2_LOW
    series = 0.0
    for coefficient in TAYLOR:  # |rest| ≤ ln(2) / 2
        series = series * rest + coefficient
    return series * float(POWERS[int(exponent) - SMALLEST])


@numba.njit(cache=True, error_model="numpy")
def _log(x: float) -> float:
    """The natural logarithm of a positive number."""
    fraction, exponent = math.frexp(x)
    if fraction < np.sqrt(0.5):
        fraction, exponent = 2 * fraction, exponent - 1
    ratio = (fraction - 1) / (fraction + 1)
    square, series = ratio * ratio, 0.0
    for k in range(23, 0, -2):  # of 2 artanh(ratio), |ratio| < 0.172
        series = series * square + 1 / k
    return exponent * LN2_HIGH + (2 * ratio * series + exponent * LN2_LOW)


@numba.njit(cache=True, error_model="numpy")
def _arcsinh(x: float) -> float:
    """Of a number that is not negative."""
    return _log(x + np.sqrt(x * x + 1))
