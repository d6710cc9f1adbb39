"""The suggestion of a place, as a page or the API shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from portal.kernel import formatting
from portal.kernel.shown import Shown
from quotas.domain.suggestion import Latency, Need, Option, Reason, Shape, suggest
from quotas.models import Service
from quotas.selectors import words
from quotas.selectors.places import ModelName, Spot, Wanted, options_of, spots_of
from quotas.selectors.residency import REACH_OF


@dataclass(frozen=True)
class Asked:
    """What a place is looked for: all of it said."""

    residency: Service.Residency
    home: str
    latency: Latency
    shape: Shape
    model: ModelName
    wanted: Wanted
    taken: frozenset[int] = frozenset()  # pools that are none of the choice


@dataclass(frozen=True)
class Row:
    """One place that is possible. `title` is `Data Zone Standard in swedencentral`."""

    key: str
    title: str
    account: str
    amount: Shown
    units: int
    reasons: Sequence[Reason]
    is_chosen: bool
    observes: bool  # its pool only observes
    spot: Spot


@dataclass(frozen=True)
class Refused:
    title: str
    account: str
    why: str


@dataclass(frozen=True)
class Suggestions:
    """`rows` best first; `refused` with the reason of each. `model` is what is looked for."""

    model: str
    rows: list[Row]
    refused: list[Refused]

    def row(self, key: str) -> Row | None:
        return next((row for row in self.rows if row.key == key), None)


def suggestions(asked: Asked, *, chosen: str = "", at: datetime) -> Suggestions:
    """Every place that offers the model, judged. Eight queries for any number. Where nothing was
    chosen that is possible, the first is.
    """
    spots = {spot.key: spot for spot in spots_of(asked.model)}
    need = Need(
        REACH_OF[asked.residency],
        asked.home,
        asked.latency,
        asked.shape,
        settings.HEADROOM_CURRENCY,
    )
    found = suggest(need, options_of(spots.values(), asked.wanted, taken=asked.taken, at=at))
    keys = [each.option.key for each in found.options]
    picked = chosen if chosen in keys else next(iter(keys), "")
    return Suggestions(
        model=f"{asked.model[1]} {asked.model[2]}",
        rows=[
            _row(each.option, each.reasons, spots[each.option.key], each.option.key == picked)
            for each in found.options
        ],
        refused=[
            Refused(_title(each.option), each.option.account, each.why) for each in found.rejected
        ],
    )


def _row(option: Option, reasons: Sequence[Reason], spot: Spot, is_chosen: bool) -> Row:
    units = option.units or 0  # an option without them is refused
    return Row(
        key=option.key,
        title=_title(option),
        account=option.account,
        amount=_amount(option, spot, units),
        units=units,
        reasons=reasons,
        is_chosen=is_chosen,
        observes=option.observes,
        spot=spot,
    )


def _title(option: Option) -> str:
    return f"{words.sku_name(option.place.sku_name)} in {option.place.region}"


def _amount(option: Option, spot: Spot, units: int) -> Shown:
    if option.is_provisioned:
        return formatting.units(units, "PTU")
    tokens = spot.model.rate.tokens(units)
    exact = f"{tokens:,} tokens per minute, {formatting.units(units)}"
    return Shown(str(formatting.tpm(tokens)), exact=exact, value=str(tokens))
