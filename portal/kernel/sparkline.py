"""A sparkline as SVG paths, drawn on the server: no script, no style. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from portal.kernel.gaps import stretches
from portal.kernel.series import Numbers

MARGIN = 2.5  # room for the dot and half the line
STRIPE = 3.0  # from one stroke of a hatched gap to the next


@dataclass(frozen=True)
class Sparkline:
    """What templates/components/sparkline.html takes: paths in a box of width × height."""

    width: int
    height: int
    line: str
    area: str
    label: str
    gaps: str = ""
    last: tuple[str, str] | None = None
    limit_y: str = ""


Point = tuple[float, float]


def sparkline(
    numbers: Numbers, *, label: str, limit: float | None = None, width: int = 96, height: int = 24
) -> Sparkline:
    """From nought to the highest number or the limit. A gap breaks the line and is hatched.

    What is missing before the first known number, or at the last place, is no gap: there was
    nothing yet, or it is still on its way.
    """
    known = [n for n in numbers if n is not None]
    top = max([*known, limit or 0, 1e-9])
    across = (width - 2 * MARGIN) / max(len(numbers) - 1, 1)

    def y(number: float) -> float:
        return height - MARGIN - (height - 2 * MARGIN) * number / top

    missing = _gaps(numbers)
    pieces = [[(MARGIN + across * i, y(n)) for i, n in piece] for piece in _unbroken(numbers)]
    return Sparkline(
        width,
        height,
        line="".join(_line(piece) for piece in pieces),
        area="".join(_area(piece, height - MARGIN) for piece in pieces),
        label=label + (f"; not known: {missing.count(True)}" if any(missing) else ""),
        gaps="".join(
            _stripes(MARGIN + across * (start - 0.5), MARGIN + across * (end - 0.5), height)
            for start, end in stretches(missing)
        ),
        last=tuple(map(_short, pieces[-1][-1])) if pieces else None,  # type: ignore[arg-type]
        limit_y=_short(y(limit)) if limit else "",
    )


def _gaps(numbers: Numbers) -> list[bool]:
    first = next((i for i, n in enumerate(numbers) if n is not None), len(numbers))
    return [n is None and first < i < len(numbers) - 1 for i, n in enumerate(numbers)]


def _stripes(left: float, right: float, height: float) -> str:
    """Slanted strokes from the floor to the top between two places."""
    strokes, x = [], left
    while x < right:
        run = min(STRIPE, right - x)
        top = _short(height - (height - MARGIN) * run / STRIPE)
        strokes.append(f"M{_short(x)} {_short(height)}L{_short(x + run)} {top}")
        x += STRIPE
    return "".join(strokes)


def _unbroken(numbers: Numbers) -> Iterator[list[tuple[int, float]]]:
    for missing, group in groupby(enumerate(numbers), key=lambda pair: pair[1] is None):
        if not missing:
            yield [(i, n) for i, n in group if n is not None]


def _line(points: Sequence[Point]) -> str:
    (x, y), *rest = points
    # A lone point becomes a dash one unit long, or nothing would be seen of it.
    drawn = "".join(f"L{_short(px)} {_short(py)}" for px, py in rest) or "h1"
    return f"M{_short(x)} {_short(y)}{drawn}"


def _area(points: Sequence[Point], floor: float) -> str:
    if len(points) < 2:
        return ""
    return f"{_line(points)}V{_short(floor)}H{_short(points[0][0])}Z"


def _short(length: float) -> str:
    return f"{length:.1f}".removesuffix(".0")
