"""Whose use was it? One hour of a deployment, given to services so that the parts sum to it.

A dedicated deployment: the service that held it in that hour used it. Where several did, by what
each held: the metrics know no caller. Where nobody is known to have held it (hours before its
adoption, or while it was unmapped), the service that it is mapped to now.

A shared one: first what a gateway counted, caller by caller; what it did not see by the split rule.
The deployment's own numbers are the whole, callers' numbers only divide it.

Else it stays unattributed: service None. Worked numbers are in `docs/algorithms/usage.md`.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

from showback.domain.split import split_whole


@dataclass(frozen=True)
class Share:
    service_id: int | None
    weight: int
    method: str  # a value of showback.models.Attribution


@dataclass(frozen=True)
class Use:
    """Counts of one hour. `uncached` + `cached` = prompt tokens; `cached` is an estimate."""

    ok: int = 0
    throttled: int = 0
    other: int = 0
    spilled: int = 0
    uncached: int = 0
    cached: int = 0
    generated: int = 0

    @property
    def prompt(self) -> int:
        return self.uncached + self.cached

    def __add__(self, other: "Use") -> "Use":
        return Use(
            self.ok + other.ok,
            self.throttled + other.throttled,
            self.other + other.other,
            self.spilled + other.spilled,
            self.uncached + other.uncached,
            self.cached + other.cached,
            self.generated + other.generated,
        )


@dataclass(frozen=True)
class Counted:
    """What a gateway counted of one service (or of callers without one) in an hour."""

    ok: int = 0
    throttled: int = 0  # answered 429 by the deployment, not by the gateway itself
    other: int = 0
    prompt: int = 0
    generated: int = 0

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Part:
    """What one service used of an hour, and how that is known."""

    service_id: int | None
    method: str  # a value of showback.models.Attribution
    use: Use


def shares_of(held: Mapping[int | None, int], mapped: int | None) -> list[Share]:
    """`held` is unit-seconds by service. Never empty; weights are positive."""
    holders = sorted((s, amount) for s, amount in held.items() if s is not None and amount > 0)
    if len(holders) == 1:
        return [Share(holders[0][0], 1, "holder")]
    if holders:
        return [Share(service, amount, "held_share") for service, amount in holders]
    return [Share(mapped, 1, "none" if mapped is None else "mapping")]


def split_use(use: Use, shares: list[Share]) -> list[Use]:
    """One part for each share; every count sums to the whole's."""
    if len(shares) == 1:
        return [use]
    weights = [share.weight for share in shares]
    columns = [split_whole(getattr(use, f.name), weights) for f in fields(Use)]
    return [Use(*parts) for parts in zip(*columns, strict=True)]


def parts_of_dedicated(use: Use, held: Mapping[int | None, int], mapped: int | None) -> list[Part]:
    """`held` is unit-seconds by service. One part for each holder."""
    shares = shares_of(held, mapped)
    return [
        Part(share.service_id, share.method, part)
        for share, part in zip(shares, split_use(use, shares), strict=True)
    ]


def parts_of_shared(
    use: Use, counted: Mapping[int | None, Counted], rule: Mapping[int, int]
) -> list[Part]:
    """Methods gateway, split and none; every count sums to the deployment's.

    Each count apart: what the gateway counted goes to its services (None: callers that nobody
    mapped), scaled down by largest remainder where that is more than the whole. The rest goes by
    the rule (basis points by service), without one to nobody. Spilled requests come from another
    deployment, past the gateway, so they are rest; cached tokens follow prompt tokens.
    """
    callers = [*sorted(key for key in counted if key is not None), None]
    services = sorted(rule)
    shares = [rule[service] for service in services]

    def divided(whole: int, name: str) -> list[int]:
        seen = [getattr(counted.get(caller, Counted()), name, 0) for caller in callers]
        if sum(seen) > whole:
            return [*split_whole(whole, seen), *([0] * (len(shares) + 1))]
        # Weight 0 in the last place: it takes all where there is no rule, and else nothing.
        return [*seen, *split_whole(whole - sum(seen), [*shares, 0])]

    prompt = divided(use.prompt, "prompt")
    cached = split_whole(use.cached, prompt)
    columns = {
        **{name: divided(getattr(use, name), name) for name in ("ok", "throttled", "other")},
        "spilled": divided(use.spilled, "spilled"),
        "uncached": [all_of - part for all_of, part in zip(prompt, cached, strict=True)],
        "cached": cached,
        "generated": divided(use.generated, "generated"),
    }
    uses = [
        Use(**{name: column[i] for name, column in columns.items()}) for i in range(len(prompt))
    ]
    owners = [
        *((caller, "gateway") for caller in callers[:-1]),
        (None, "none"),
        *((service, "split") for service in services),
    ]
    *known, rest = uses
    position = len(callers) - 1
    known[position] = known[position] + rest
    return _worth_a_row([Part(*owner, part) for owner, part in zip(owners, known, strict=True)])


def _worth_a_row(parts: list[Part]) -> list[Part]:
    """Without the parts that are nought; of an idle hour those of the rule, else nobody's."""
    busy = [part for part in parts if part.use != Use()]
    ruled = [part for part in parts if part.method == "split"]
    return busy or ruled or [part for part in parts if part.service_id is None]
