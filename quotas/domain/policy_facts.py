"""The closed list of what a policy may look at: every fact with its type, its unit and its words.

A fact is known, not known (None), or absent: there was no burst before, there is no end, the team
has no budget. Not known and absent are never nought. `docs/reference/policy.md` prints this list;
a test holds the two equal.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any


class Absent(Enum):
    """The answer of a fact that does not exist for this request; not the same as not known."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT
Value = Decimal | int | str | bool


class FactType(StrEnum):
    UNITS = "units"  # whole; negative where a baseline becomes smaller
    SHARE = "share"  # a fraction: 0.5 is half
    HOURS = "hours"
    MONEY = "money"  # in the installation's currency
    NUMBER = "number"  # whole
    CHOICE = "choice"
    TRUTH = "truth"


@dataclass(frozen=True)
class RequestFacts:
    """What is known of one request when it is judged; stored with every decision, so it can be
    judged again (I16). None means not known. What has a default was added after the first
    decisions were stored: those judge as they did, with the rest not known.
    """

    extra_units: int  # above what is held; negative where it becomes less
    baseline_units: int
    hours: Decimal | None  # None only where it has no end
    pool_peak_share: Decimal  # of the room, after the grant, at the worst instant
    cost_if_fully_used: Decimal | None  # without an end: of 30 days
    last_burst_used_share: Decimal | None
    had_a_burst: bool
    owner_is_active: bool
    is_provisioned: bool
    currency: str = "USD"  # of every amount here and of the policy's own limits
    kind: str = "burst"
    room_units: int | None = None  # what the pool may give in all: limit − reserve − outside
    tier: int | None = None
    environment: str | None = None
    lead_hours: Decimal | None = None  # from the submit to the start; 0 for "now"
    has_budget: bool | None = None
    team_budget_left: Decimal | None = None  # of this month, before this request
    use_is_known: bool | None = None
    starts_in_freeze: bool | None = None
    denied_lately: bool | None = None  # a request of the service, in the 30 days before

    def as_json(self) -> dict[str, Any]:
        return {k: str(v) if isinstance(v, Decimal) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RequestFacts":
        """The facts as they were stored, by this version of Headroom or an earlier one."""
        decimals = {field.name for field in fields(cls) if "Decimal" in str(field.type)}
        facts: dict[str, Any] = {
            key: Decimal(value) if key in decimals and value is not None else value
            for key, value in data.items()
        }
        return cls(**facts)


@dataclass(frozen=True)
class Fact:
    """`says` is a clause's beginning with {value} in it; of a truth, what holds where it is true
    and `denies` where it is not. `absent` is "" where the fact always exists.
    """

    key: str
    word: str
    type: FactType
    meaning: str
    read: Callable[[RequestFacts], Value | Absent | None]
    says: str
    denies: str = ""
    unknown: str = ""
    absent: str = ""
    choices: tuple[str, ...] = ()


KINDS = ("burst", "baseline", "extension", "give_back", "transfer", "sandbox")
SANDBOX = KINDS[-1]
ENVIRONMENTS = ("production", "test", "development")


def _share_of_baseline(facts: RequestFacts) -> Decimal | Absent:
    if not facts.baseline_units:
        return ABSENT
    return Decimal(facts.extra_units) / facts.baseline_units


def _share_of_pool(facts: RequestFacts) -> Decimal | Absent | None:
    if facts.room_units is None:
        return None
    return Decimal(facts.extra_units) / facts.room_units if facts.room_units else ABSENT


def _last_burst(facts: RequestFacts) -> Decimal | Absent | None:
    return facts.last_burst_used_share if facts.had_a_burst else ABSENT


def _budget_left(facts: RequestFacts) -> Decimal | Absent | None:
    return ABSENT if facts.has_budget is False else facts.team_budget_left


def _budget_after(facts: RequestFacts) -> Decimal | Absent | None:
    left = _budget_left(facts)
    if not isinstance(left, Decimal) or facts.cost_if_fully_used is None:
        return left if left is ABSENT else None
    return left - facts.cost_if_fully_used


_ALL = (
    Fact(
        "kind", "kind", FactType.CHOICE, "What kind of request it is.",
        lambda f: f.kind, "Is a {value}", choices=KINDS,
    ),
    Fact(
        "extra_units", "amount", FactType.UNITS,
        "Units on top of what is held; below nought where it becomes less.",
        lambda f: f.extra_units, "Asks for {value} on top",
    ),
    Fact(
        "share_of_baseline", "share of baseline", FactType.SHARE,
        "What is asked on top, as a share of the baseline.", _share_of_baseline,
        "Asks {value} of the baseline on top", absent="There is no baseline to compare with.",
    ),
    Fact(
        "share_of_pool", "share of pool", FactType.SHARE,
        "What is asked on top, as a share of all that the pool may give.", _share_of_pool,
        "Asks {value} of the pool", unknown="What share of the pool it is, is not known.",
        absent="The pool has nothing to give.",
    ),
    Fact(
        "pool_peak_share", "pool peak", FactType.SHARE,
        "How full the pool would be at its fullest moment in the window, this request included.",
        lambda f: f.pool_peak_share, "The pool would be {value} held at its fullest",
    ),
    Fact(
        "hours", "length", FactType.HOURS,
        "How long it lasts; of an extension, from the start of the burst that it extends.",
        lambda f: ABSENT if f.hours is None else f.hours, "Lasts {value}", absent="It has no end.",
    ),
    Fact(
        "cost_if_fully_used", "cost", FactType.MONEY,
        "What it costs at most: every extra token used, or every unit-hour; without an end, of "
        "30 days.", lambda f: f.cost_if_fully_used, "Costs up to {value} if fully used",
        unknown="What it would cost is not known: no price or no use yet.",
    ),
    Fact(
        "tier", "tier", FactType.NUMBER, "Of the service: 1 is critical, 4 an experiment.",
        lambda f: f.tier, "Is of tier {value}", unknown="The tier is not known.",
    ),
    Fact(
        "environment", "environment", FactType.CHOICE, "Of the service.",
        lambda f: f.environment, "Is for {value}", unknown="The environment is not known.",
        choices=ENVIRONMENTS,
    ),
    Fact(
        "lead_hours", "lead time", FactType.HOURS,
        "From the moment it is asked to its start; 0 for one that starts now.",
        lambda f: f.lead_hours, "Is asked {value} ahead",
        unknown="How long ahead it is asked is not known.",
    ),
    Fact(
        "last_burst_used_share", "last burst", FactType.SHARE,
        "The largest share of the last burst that a minute of it used.", _last_burst,
        "Used {value} of the last burst",
        unknown="How much of the last burst was used is not known.",
        absent="No burst before this one to compare with.",
    ),
    Fact(
        "team_budget_left", "budget left", FactType.MONEY,
        "The team's budget of this month, less what the month has cost so far.", _budget_left,
        "The team has {value} left this month",
        unknown="How much of the team’s budget is left is not known.",
        absent="The team has no budget.",
    ),
    Fact(
        "budget_left_after", "budget left after", FactType.MONEY,
        "The budget left, less what this request costs at most.", _budget_after,
        "Leaves the team {value} of its budget if fully used",
        unknown="What it would leave of the team’s budget is not known.",
        absent="The team has no budget.",
    ),
    Fact(
        "use_is_known", "use", FactType.TRUTH,
        "Whether the use behind the evidence, of up to 28 days, came in whole: 99.5 % of its "
        "minutes.",
        lambda f: f.use_is_known, "The service’s own use is known.",
        "Too little of the service’s own use came in to judge by.",
        unknown="Whether the service’s use came in whole is not known.",
    ),
    Fact(
        "owner_is_active", "owner", FactType.TRUTH,
        "Whether the owner of the service is there: active, and seen not too long ago.",
        lambda f: f.owner_is_active, "The owner of the service is there.",
        "The owner of the service is gone: no longer active, or not seen for long.",
    ),
    Fact(
        "is_provisioned", "provisioned", FactType.TRUTH,
        "Whether it is provisioned capacity, paid by the hour.",
        lambda f: f.is_provisioned, "Is provisioned capacity, paid by the hour.",
        "Is paid by the token.",
    ),
    Fact(
        "starts_in_freeze", "freeze", FactType.TRUTH,
        "Whether it would start while a freeze of its pool, or of all pools, lasts.",
        lambda f: f.starts_in_freeze, "Starts while a freeze lasts.", "Starts in no freeze.",
        unknown="Whether it starts in a freeze is not known.",
    ),
    Fact(
        "denied_lately", "denied lately", FactType.TRUTH,
        "Whether a request of the service was denied in the 30 days before.",
        lambda f: f.denied_lately, "A request of the service was denied in the last 30 days.",
        "No request of the service was denied in the last 30 days.",
        unknown="Whether a request of the service was denied lately is not known.",
    ),
)  # fmt: skip
FACTS: dict[str, Fact] = {fact.key: fact for fact in _ALL}
