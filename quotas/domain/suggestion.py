"""Where a new service should have its deployment: options in order, each with its reasons. Pure.

Four things are weighed, in this order: *residency* bars what it bars; *predictability* decides
between provisioned and pay-as-you-go (provisioned capacity is paid used or not, so it follows a
steady load whose speed has to hold, never prestige); *latency* brings the region of the callers
forward where somebody waits; *cost* decides the rest, and of two the priced one comes first. What
is not known is said. The order is total: it never depends on the order in which options come in.

Sources: "Azure OpenAI deployment types" and "Provisioned throughput" (learn.microsoft.com).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portal.kernel import formatting
from quotas.domain.residency import ZONE_OF, Place, Reach, why_barred

HOURS_A_MONTH = 730  # as Azure prices a month


class Latency(StrEnum):
    EVEN = "even"  # somebody waits, and it has to be as quick at the busiest hour
    INTERACTIVE = "interactive"  # somebody waits
    RELAXED = "relaxed"  # a program waits; seconds do not matter


class Shape(StrEnum):
    STEADY = "steady"
    OFFICE_HOURS = "office_hours"
    BURSTY = "bursty"
    BATCH = "batch"


SHAPE_WORDS = {
    Shape.STEADY: "a steady load",
    Shape.OFFICE_HOURS: "a load of office hours",
    Shape.BURSTY: "a load that comes in bursts",
    Shape.BATCH: "a load of batches",
}


@dataclass(frozen=True)
class ListPrice:
    """What is known of a price today, in the currency of the installation; None: not known."""

    input_per_million: Decimal | None = None
    output_per_million: Decimal | None = None
    per_unit_hour: Decimal | None = None


NO_PRICE = ListPrice()


@dataclass(frozen=True)
class Need:
    """`reach` is how far its data may travel, `home` the region that "its region" and "its data
    zone" mean, and where its callers are; "" where nobody has said.
    """

    reach: Reach
    home: str
    latency: Latency
    shape: Shape
    currency: str = "USD"


@dataclass(frozen=True)
class Option:
    """One deployment type in one account. `key` names it and no other.

    `units` is what the need takes there, None where Azure does not say what a unit gives;
    `free_units` is free from now on for good, None where the limit was never read.
    """

    key: str
    place: Place
    account: str
    units: int | None
    free_units: int | None
    is_paused: str = ""  # why nothing can be granted there at all; "" where it can
    observes: bool = False  # what is granted there is not written to Azure
    price: ListPrice = NO_PRICE

    @property
    def is_provisioned(self) -> bool:
        return "provisioned" in self.place.sku_name.lower()

    @property
    def is_batch(self) -> bool:
        return "batch" in self.place.sku_name.lower()

    @property
    def is_priced(self) -> bool:
        return self.deciding_cost is not None

    @property
    def deciding_cost(self) -> Decimal | None:
        """What decides between two of one kind: a month of its PTUs, or a million tokens in. None
        where that is not priced.
        """
        if not self.is_provisioned:
            return self.price.input_per_million
        if self.price.per_unit_hour is None or self.units is None:
            return None
        return self.price.per_unit_hour * self.units * HOURS_A_MONTH


@dataclass(frozen=True)
class Reason:
    """`topic` is residency, latency, predictability or cost; not `known`: it cannot be said."""

    topic: str
    text: str
    known: bool = True


@dataclass(frozen=True)
class Suggested:
    option: Option
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Rejected:
    option: Option
    why: str


@dataclass(frozen=True)
class Suggestion:
    """`options` best first; every option that came in is in one of the two."""

    options: tuple[Suggested, ...]
    rejected: tuple[Rejected, ...]


def suggest(need: Need, options: Iterable[Option]) -> Suggestion:
    """What to choose from, and why the rest is not: nothing that residency bars is ever in it."""
    judged = [(option, why_not(need, option)) for option in options]
    good = sorted((o for o, why in judged if not why), key=lambda option: _order(need, option))
    bad = sorted(((o, why) for o, why in judged if why), key=lambda pair: pair[0].key)
    return Suggestion(
        tuple(Suggested(option, _reasons(need, option)) for option in good),
        tuple(Rejected(option, why) for option, why in bad),
    )


def why_not(need: Need, option: Option) -> str:
    """A clause; "" where the option is possible. Residency comes first."""
    if barred := why_barred(need.reach, option.place, [need.home] if need.home else []):
        return barred
    if need.reach != Reach.ANYWHERE and not need.home:
        return "its data has a home, and nobody has said which region that is"
    if option.place.reach is None:
        return f"what a {option.place.sku_name} deployment promises is not known"
    if option.is_batch:
        return (
            "answers come within a day, for half the price, and its quota counts queued tokens, "
            "which Headroom does not grant"
        )
    return option.is_paused or _too_little(option)


def _too_little(option: Option) -> str:
    if option.units is None:
        return "Azure does not say what a unit gives there, so the amount is not known"
    if option.free_units is None:
        return "the limit of its quota was never read"
    if option.units > option.free_units:
        free = formatting.count(max(0, option.free_units))
        return f"it takes {formatting.count(option.units)} units, and {free} are free for good"
    return ""


def _order(need: Need, option: Option) -> tuple[object, ...]:
    steady = need.latency == Latency.EVEN and need.shape == Shape.STEADY
    nearness = _distance(need, option)
    reach = option.place.reach or Reach.ANYWHERE
    cost = (option.deciding_cost is None, option.deciding_cost or Decimal(0))
    waits = (nearness, *cost) if need.latency != Latency.RELAXED else (*cost, nearness)
    return (option.is_provisioned != steady, *waits, -reach, option.observes,
            option.account, option.key)  # fmt: skip


def _distance(need: Need, option: Option) -> int:
    """0 in the region of the callers, 1 in its data zone, 2 elsewhere; 0 where that is not known.

    A zone is all that is known of how far regions are from each other.
    """
    if not need.home or option.place.region == need.home:
        return 0
    zone = ZONE_OF.get(need.home)
    return 1 if zone and zone == option.place.zone else 2


def _reasons(need: Need, option: Option) -> tuple[Reason, ...]:
    return (_residency(option), _latency(need, option), _predictability(need, option),
            _cost_reason(need, option))  # fmt: skip


def _residency(option: Option) -> Reason:
    place = option.place
    zone = f"the data zone {place.zone}" if place.zone else "its data zone"
    where = {
        Reach.REGION: f"Calls are processed in {place.region} only.",
        Reach.DATA_ZONE: f"Calls may be processed in any region of {zone}.",
        Reach.ANYWHERE: "Calls may be processed in any region of the world; data at rest stays in "
        f"{place.region}.",
    }
    return Reason("residency", where[place.reach or Reach.ANYWHERE])


ENDPOINT = ("in the region of the callers", "in the data zone of the callers",
            "far from the callers")  # fmt: skip


def _latency(need: Need, option: Option) -> Reason:
    if option.is_provisioned:
        return Reason("latency", "The speed holds while the load stays within its PTUs.")
    if need.latency == Latency.RELAXED:
        return Reason("latency", "Nobody waits, so how quick it is does not matter.")
    if not need.home:
        text = "How quick it is cannot be said: nobody has said where the callers are."
        return Reason("latency", text, known=False)
    spread = option.place.reach != Reach.REGION
    far = ", though Azure may process a call in another region" if spread else ""
    where = ENDPOINT[_distance(need, option)]
    return Reason("latency", f"Its endpoint is {where}{far}. Azure promises no speed for "
                  "pay-as-you-go.")  # fmt: skip


def _predictability(need: Need, option: Option) -> Reason:
    load = SHAPE_WORDS[need.shape]
    if not option.is_provisioned:
        text = f"Pay-as-you-go suits {load}: what is not used costs nothing."
        return Reason("predictability", text)
    if need.shape == Shape.STEADY:
        text = "A steady load keeps PTUs busy; whether they pay is not known without a history."
        return Reason("predictability", text, known=False)
    return Reason("predictability", f"PTUs are paid used or not, and {load} leaves them idle.")


def _cost_reason(need: Need, option: Option) -> Reason:
    cost, price = option.deciding_cost, option.price
    if cost is None:
        text = "What it costs cannot be said: the price book has no price for it."
        return Reason("cost", text, known=False)
    if option.is_provisioned:
        month = formatting.money(cost, need.currency)
        return Reason("cost", f"About {month} a month by the hour at list price, used or not.")
    amounts = f"{_price(cost, need.currency)} for a million tokens in"
    if price.output_per_million is not None:
        amounts += f", {_price(price.output_per_million, need.currency)} out"
    return Reason("cost", f"{amounts}, at list price; unused capacity costs nothing.")


def _price(amount: Decimal, currency: str) -> str:
    """As it stands in the price book, with two decimals at least: $2.50, $0.075."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{formatting.symbol(currency)}{amount:,.{places}f}"
