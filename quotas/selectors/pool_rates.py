"""What a unit of a pool gives: one rate where all of its deployments have the same, else a span.

Azure states rates by model and version, and one pool may feed several versions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.kernel import formatting
from portal.kernel.formatting import compact
from portal.kernel.units import UnitRate
from quotas.models import Deployment, Pool


@dataclass(frozen=True)
class PoolRate:
    """`rates` are those of the deployments that the pool feeds now; none for PTUs, or where Azure
    states none.
    """

    word: str  # "PTU" or "unit"
    rates: tuple[UnitRate, ...]

    @property
    def only(self) -> UnitRate | None:
        """The rate, where there is but one with tokens: then amounts may be typed in TPM."""
        found = self.rates[0] if len(self.rates) == 1 else None
        return found if found and found.tokens_per_minute else None

    def tokens(self, units: int | None) -> int | None:
        return self.only.tokens(units) if self.only and units is not None else None

    def requests(self, units: int | None) -> int | None:
        return self.only.requests(units) if self.only and units is not None else None

    def derived(self, units: int) -> str:
        """`120k TPM and 720 RPM`, `60k–120k TPM, by model version`, or "" for PTUs."""
        tokens = _span([rate.tokens(units) for rate in self.rates], "TPM")
        requests = _span([rate.requests(units) for rate in self.rates], "RPM")
        found = " and ".join(part for part in (tokens, requests) if part)
        return f"{found}, by model version" if found and len(self.rates) > 1 else found

    def in_words(self, units: int) -> str:
        """`120 units (120k TPM and 720 RPM)`."""
        derived = self.derived(units)
        said = formatting.units(units, self.word)
        return f"{said} ({derived})" if derived and units else str(said)


def pool_rate(pool: Pool) -> PoolRate:
    """One query."""
    return pool_rates([pool])[pool.pk]


def pool_rates(pools: Sequence[Pool]) -> dict[int, PoolRate]:
    """By pool id; one query for any number of pools. PTUs have no rate of their own."""
    columns = ("pool_id", "tokens_per_minute_per_unit", "requests_per_minute_per_unit")
    rows = Deployment.objects.present().filter(pool__in=pools).order_by()
    found: dict[int, list[UnitRate]] = {pool.pk: [] for pool in pools}
    for pool_id, tokens, requests in rows.values_list(*columns).distinct():
        found[pool_id].append(UnitRate(tokens, requests))
    return {pool.pk: rate_of(pool, found[pool.pk]) for pool in pools}


def rate_of(pool: Pool, rates: list[UnitRate]) -> PoolRate:
    """Of the rates of its deployments."""
    if pool.is_provisioned:
        return PoolRate("PTU", ())
    return PoolRate("unit", tuple(sorted(rates, key=lambda rate: rate.tokens_per_minute or 0)))


def _span(numbers: list[int | None], word: str) -> str:
    known = sorted({n for n in numbers if n is not None})
    if not known or len(known) < len(set(numbers)):
        return ""
    low, high = known[0], known[-1]
    return f"{compact(low)}–{compact(high)} {word}" if low != high else f"{compact(low)} {word}"
