"""The capacity calendar as shapes: what templates/quotas/calendar/_picture.html draws.

Places across are in per mille of the window; heights are pixels. Every shape is also a line of the
table below the picture (`calendar_page`), so nothing is told by colour or place alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.kernel import formatting
from portal.kernel.formatting_times import duration
from portal.kernel.stacked import WIDTH, Canvas, Slab, short
from portal.kernel.windows import Window
from quotas.domain.calendar import Column, Moment, stack
from quotas.domain.ledger import Entry
from quotas.selectors.calendar import Calendar
from quotas.selectors.calendar_ranges import Range

HEIGHT, FREE_HEIGHT = 340, 84
MOST_COLUMNS = 240
NO_ROOM_FROM = 955  # per mille
NEAR_THE_END = 880  # per mille; a figure that begins here would leave the picture
HEADROOM = 1.06  # above the highest line, for its name
PIXELS_WIDE, PER_LETTER, LINE_HEIGHT = 1150, 7.2, 15


@dataclass(frozen=True)
class Label:
    """`x` in per cent, `y` in pixels. `at_end`: its last letter stands there, not its first."""

    x: str
    y: str
    text: str
    at_end: bool = False


@dataclass(frozen=True)
class Area:
    """The shape of one line of the table, by its place in it, and its name where there is room."""

    path: str
    label: Label | None


@dataclass(frozen=True)
class Tick:
    x: str
    text: str
    stays: bool  # on a narrow page too


@dataclass(frozen=True)
class Picture:
    """`areas` are held, then asked for, in the order of the table. Paths may be empty."""

    areas: list[Area]
    limit: str
    room: str
    reserve: str
    outside: str
    over: list[tuple[str, str]]  # x and width in per cent, where more is promised than Azure leaves
    freezes: list[tuple[str, str]]  # the same
    retirements: list[str]  # x in per cent
    names: list[Label]  # of the lines
    ticks: list[Tick]
    grid: list[tuple[str, str]]  # y, and the units that it stands for
    now: str  # x in per cent; "" outside of the window
    free_line: str
    free_more: str
    free_less: str
    free_zero: str
    free_names: list[Label]
    is_exact: bool
    column: str  # how long one is, where not exact
    height: int = HEIGHT
    free_height: int = FREE_HEIGHT
    width: int = WIDTH


def picture(found: Calendar, shown: Range, names: Sequence[str]) -> Picture:
    """`names` of the areas, as they may be written into them."""
    layers = [*found.held.values(), *_asked(found)]
    stacked = stack(layers, found.window, most_columns=MOST_COLUMNS)
    canvas = Canvas(found.window, HEIGHT, top=_top(stacked.columns, found.moments))
    slabs = _slabs(stacked.columns, len(layers))
    free = _free_canvas(found)
    return Picture(
        areas=[
            Area(canvas.area(each), _label(canvas, each, name))
            for each, name in zip(slabs, names, strict=True)
        ],
        limit=canvas.line(_bounds(found, "limit"), found.window.end),
        room=canvas.line(_bounds(found, "room"), found.window.end),
        reserve=canvas.area(_band(found, "reserve")),
        outside=canvas.area(_band(found, "outside")),
        over=[_stretch(canvas, window) for window in _over(found)],
        freezes=[_stretch(canvas, freeze.window) for freeze in found.freezes],
        retirements=[_percent(canvas.x(each.at)) for each in found.served.ends],
        names=_line_names(found, canvas),
        ticks=[_tick(canvas.x(at), text, stays) for at, text, stays in shown.ticks()],
        grid=[(short(canvas.y(n)), str(formatting.compact(n))) for n in _round_numbers(canvas.top)],
        now=_percent(canvas.x(found.at)) if found.at in found.window else "",
        free_line=free.line([(m.at, m.free) for m in found.moments], found.window.end),
        free_more=free.area(_free_slabs(found, above=True)),
        free_less=free.area(_free_slabs(found, above=False)),
        free_zero=short(free.y(0)),
        free_names=_free_names(found, free),
        is_exact=stacked.is_exact,
        column=str(duration(stacked.columns[0].window.length)),
    )


def _tick(x: float, text: str, stays: bool) -> Tick:
    """Its text begins at the mark, so there is no room for it at the very end."""
    return Tick(_percent(x), text if x < NO_ROOM_FROM else "", stays)


def _asked(found: Calendar) -> Iterable[list[Entry]]:
    for request in found.asked:
        yield [Entry(0, request.units, found.asked_window(request))]


def _top(columns: Sequence[Column], moments: Sequence[Moment]) -> float:
    limits = [each.bounds.limit for each in moments if each.bounds]
    return max([1, *limits, *(column.held for column in columns)]) * HEADROOM


def _slabs(columns: Sequence[Column], layers: int) -> list[list[Slab]]:
    found: list[list[Slab]] = [[] for _ in range(layers)]
    for column in columns:
        low = 0
        for layer, units in enumerate(column.levels):
            found[layer].append(Slab(column.window, low, low + units))
            low += units
    return found


def _label(canvas: Canvas, slabs: Sequence[Slab], name: str) -> Label | None:
    """In the widest stretch that is high enough for a line of type."""
    fitting = [s for s in slabs if canvas.y(s.low) - canvas.y(s.high) >= LINE_HEIGHT + 2]
    widest: Window | None = None
    best: Slab | None = None
    for slab in fitting:
        if widest and best and widest.end == slab.window.start and best.low == slab.low:
            widest = Window(widest.start, slab.window.end)
        elif widest is None or slab.window.length > widest.length:
            widest, best = slab.window, slab
    if widest is None or best is None:
        return None
    width = (canvas.x(widest.end) - canvas.x(widest.start)) / WIDTH * PIXELS_WIDE
    if width < len(name) * PER_LETTER + 12:
        return None
    middle = (canvas.y(best.low) + canvas.y(best.high)) / 2 + 4
    return Label(_percent(canvas.x(widest.start)), short(middle), name)


def _spans(found: Calendar) -> Iterable[tuple[Window, Moment]]:
    ends = [*(each.at for each in found.moments[1:]), found.window.end]
    for each, end in zip(found.moments, ends, strict=True):
        yield Window(each.at, end), each


def _bounds(found: Calendar, name: str) -> list[tuple[datetime, float | None]]:
    return [(m.at, getattr(m.bounds, name) if m.bounds else None) for m in found.moments]


def _band(found: Calendar, name: str) -> Iterable[Slab]:
    """Outside below the limit, the reserve below that."""
    for window, each in _spans(found):
        if each.bounds:
            high = each.bounds.limit - (each.bounds.outside if name == "reserve" else 0)
            yield Slab(window, high - getattr(each.bounds, name), high)


def _over(found: Calendar) -> list[Window]:
    windows: list[Window] = []
    for window, each in _spans(found):
        if not each.is_over:
            continue
        if windows and windows[-1].end == window.start:
            windows[-1] = Window(windows[-1].start, window.end)
        else:
            windows.append(window)
    return windows


def _line_names(found: Calendar, canvas: Canvas) -> list[Label]:
    """At the right end: the limit above its line, the room below its own."""
    bounds = found.moments[-1].bounds
    if bounds is None:
        return []
    names = [Label("100%", short(canvas.y(bounds.limit) - 5), f"limit {bounds.limit:,}")]
    if bounds.room != bounds.limit:
        y = canvas.y(bounds.room) + LINE_HEIGHT
        names.append(Label("100%", short(y), f"may be held {max(0, bounds.room):,}"))
    return names


def _free_canvas(found: Calendar) -> Canvas:
    known = [each.free for each in found.moments if each.free is not None]
    return Canvas(
        found.window,
        FREE_HEIGHT,
        top=max([1, *known]) * 1.25,
        bottom=min([0, *known]) * 1.25,
    )


def _free_slabs(found: Calendar, *, above: bool) -> Iterable[Slab]:
    for window, each in _spans(found):
        if each.free is not None and (each.free > 0) == above:
            yield Slab(window, min(0, each.free), max(0, each.free))


def _free_names(found: Calendar, canvas: Canvas) -> list[Label]:
    """The least that is free, where it is; close to the right edge it ends there."""
    tightest = found.tightest
    if tightest.free is None:
        return []
    x = canvas.x(found.tightest_at)
    y = min(max(canvas.y(tightest.free) - 5, 11), FREE_HEIGHT - 3)
    text, at_end = str(formatting.count(tightest.free)), x > NEAR_THE_END
    return [Label(_percent(WIDTH if at_end else x), short(y), text, at_end)]


def _round_numbers(top: float) -> list[float]:
    """Three to six lines at round numbers."""
    step = 10 ** len(str(int(top / 4))) / 10
    step = next(step * times for times in (1, 2, 5, 10) if top / (step * times) <= 6)
    return [step * i for i in range(1, int(top / step) + 1)]


def _percent(per_mille: float) -> str:
    return f"{short(per_mille / 10)}%"


def _stretch(canvas: Canvas, window: Window) -> tuple[str, str]:
    """Where it begins and how wide it is; never too narrow to be seen."""
    start = canvas.x(window.start)
    return _percent(start), _percent(max(canvas.x(window.end) - start, 2))
