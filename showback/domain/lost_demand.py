"""How many requests stand behind refused attempts: retries are not demand.

No metric counts requests that were never served; a client that tries again leaves one 429 for each
try. But demand is not smooth: it wobbles from minute to minute, in quiet times by a law that can be
measured there (variance = a × level + b × level²). With f attempts for each refused request the
demand of a minute is served + refused ÷ f, and for a wrong f it wobbles by another law: too much
for one too small. So every f from 1 to 4 gets a likelihood, by the residuals of minutes against the
mean of the six around them, and the answer is the mean of 1 ÷ f with the range that holds 90 %.
Formula, assumptions and measured errors: `docs/algorithms/throttling.md`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showback.domain.measures import MISSING

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SIDE = 3  # minutes on each side that a minute is compared with
WIDTH = 2 * SIDE + 1
RESIDUAL_VARIANCE = 1 + 1 / (2 * SIDE)  # of a residual, for minutes that vary by 1
# Residuals share minutes with their neighbours: of each, about this much is news.
NEWS = 0.7
FACTORS = np.linspace(1.0, 4.0, 61)
FEWEST_QUIET, FEWEST_REFUSED = 60, 10  # windows; below, nothing is claimed
AROUND = 10  # minutes on each side, to choose windows by more than their own wobble
CONTESTED = 0.3  # share of refused minutes around, from which on a window counts
BUSY = 0.3  # the law is read where quiet minutes have at least this share of their highest level
LEAST_LEVEL = 5.0  # requests a minute: below, whole numbers hide the wobble
MOST_WINDOWS = 4_000
OUTLIER = 9.0  # three standard deviations: jumps of demand are no wobble


@dataclass(frozen=True)
class UniqueShare:
    """Of refused attempts, how many were requests of their own: 0.25 to 1, with a 90 % range.

    `is_measured` is False where history tells nothing: then the range is all that is possible.
    """

    likely: float
    low: float
    high: float
    is_measured: bool

    @property
    def attempts(self) -> float:
        """Attempts for each refused request."""
        return 1 / self.likely

    def requests(self, refused: int) -> tuple[int, int, int]:
        """(likely, low, high) requests behind so many refused attempts."""
        return round(refused * self.likely), round(refused * self.low), round(refused * self.high)


# Between once and four times, equally likely on a scale of ratios; the middle of 1 and ¼ is ½.
UNKNOWN = UniqueShare(likely=0.5, low=0.25, high=1.0, is_measured=False)


def unique_share(served: Ints, refused: Ints) -> UniqueShare:
    """From one deployment's minutes; MISSING is a gap. `served` counts all that was admitted."""
    if len(served) < 2 * AROUND + 1 or not (refused > 0).any():
        return UNKNOWN
    windows = _Windows.of(served, refused)
    law = _law(windows)
    contested = windows.around >= CONTESTED
    if law is None or contested.sum() < FEWEST_REFUSED:
        return UNKNOWN
    likelihood = _likelihood(windows.chosen(contested), law)
    return _answer(likelihood, quiet=int((windows.refused_minutes == 0).sum()))


@dataclass(frozen=True)
class _Windows:
    """Seven minutes each, without a gap: residual of the middle one, mean of all, for both rows."""

    served_residual: Floats
    refused_residual: Floats
    served_mean: Floats
    refused_mean: Floats
    refused_minutes: Ints
    middle_is_refused: NDArray[np.bool_]
    around: Floats

    @classmethod
    def of(cls, served: Ints, refused: Ints) -> "_Windows":
        known = (served != MISSING) & (refused != MISSING)
        whole = np.flatnonzero(_sums(known, WIDTH) == WIDTH)
        middle, hit = whole + SIDE, refused > 0
        a, b = _sums(served, WIDTH)[whole], _sums(refused, WIDTH)[whole]
        around = _sums(np.pad(hit, AROUND), 2 * AROUND + 1)
        return cls(
            _residual(a, served[middle]),
            _residual(b, refused[middle]),
            a / WIDTH,
            b / WIDTH,
            _sums(hit, WIDTH)[whole],
            hit[middle],
            around[middle] / (2 * AROUND + 1),
        )

    def chosen(self, which: NDArray[np.bool_]) -> "_Windows":
        places = np.flatnonzero(which)
        places = places[:: -(-len(places) // MOST_WINDOWS)]
        return _Windows(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


def _sums(values: Ints | NDArray[np.bool_], width: int) -> Ints:
    """Of each window of so many neighbours; the first begins at the first value."""
    running = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    sums: Ints = running[width:] - running[:-width]
    return sums


def _residual(sums: Ints, middle: Ints) -> Floats:
    """Of the middle of each window against the mean of the others."""
    residual: Floats = middle - (sums - middle) / (WIDTH - 1)
    return residual


def _law(windows: _Windows) -> tuple[float, float] | None:
    """(a, b) of variance = a × level + b × level², where nothing was refused; None: too little.

    Least squares of variance ÷ level, whose errors are about alike at every level.
    """
    quiet = windows.refused_minutes == 0
    level, squares = windows.served_mean[quiet], windows.served_residual[quiet] ** 2
    if not level.size:
        return None
    busy = level >= max(LEAST_LEVEL, BUSY * float(np.quantile(level, 0.98)))
    level, squares = level[busy], squares[busy] / RESIDUAL_VARIANCE
    if level.size < FEWEST_QUIET:
        return None
    return _fitted(level, squares / level)


def _fitted(level: Floats, each: Floats) -> tuple[float, float] | None:
    """`each` (variance ÷ level) as a + b × level; b only where it is three of its own errors."""
    n, first, second = level.size, float(level.sum()), float((level**2).sum())
    total, mean = float(each.sum()), float(each.mean())
    determinant = n * second - first**2
    if determinant > 1e-9 * n * second:
        b = (float((each * level).sum()) * n - total * first) / determinant
        a = (total - b * first) / n
        error = mean * (2 / NEWS * n / determinant) ** 0.5
        if a > 0 and b > 3 * error:
            return a, b
    return (mean, 0.0) if mean > 0 else None


def _likelihood(windows: _Windows, law: tuple[float, float]) -> Floats:
    """Logarithms, one for each of FACTORS."""
    share = 1 / FACTORS[:, np.newaxis]
    level = np.maximum(windows.served_mean + share * windows.refused_mean, LEAST_LEVEL)
    variance = law[0] * level + law[1] * level**2
    residual = windows.served_residual + share * windows.refused_residual
    # A refused minute shows its demand stretched by f, so densities shrink by it.
    stretched = windows.middle_is_refused * np.log(share)
    wobble = stretched - 0.5 * (np.log(variance) + residual**2 / (RESIDUAL_VARIANCE * variance))
    # A jump of demand says nothing of f: as unlikely for every f.
    jump = -0.5 * (np.log(variance[:1]) + OUTLIER)
    each: Floats = NEWS * np.logaddexp(wobble, jump).sum(axis=1)
    return each


def _answer(likelihood: Floats, *, quiet: int) -> UniqueShare:
    """Mean and range; the range grows by what is not known of the law of quiet minutes."""
    weight = np.exp(likelihood - likelihood.max()) / FACTORS  # ratios equally likely beforehand
    weight /= weight.sum()
    shares, running = 1 / FACTORS, weight.cumsum()
    likely = float((weight * shares).sum())
    high, low = (float(shares[np.searchsorted(running, p).clip(0, 60)]) for p in (0.05, 0.95))
    # A variance known to ±r makes f known to ±r ÷ 2; of 90 %.
    slack = 1.64 * np.sqrt(2 / (NEWS * quiet)) / 2
    return UniqueShare(
        likely,
        float(max(0.25, low * (1 - slack))),
        float(min(1.0, high * (1 + slack))),
        is_measured=True,
    )
