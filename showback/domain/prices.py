"""The price book: which price row holds for a meter of a deployment at an hour."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portal.kernel.windows import Window
from showback.domain.regions import region_scopes


@dataclass(frozen=True)
class Price:
    id: int
    model_name: str
    model_version: str
    sku_name: str
    service_tier: str
    region_scope: str
    meter: str
    price: Decimal
    per: int
    window: Window

    def amount(self, quantity: Decimal) -> Decimal:
        """Exact: prices and quantities have six decimals, `per` is a power of ten."""
        return quantity * self.price / self.per


@dataclass(frozen=True)
class Priced:
    """What a deployment is, as far as its price goes."""

    model_name: str
    model_version: str
    sku_name: str
    region: str

    @property
    def service_tier(self) -> str:
        return "batch" if "batch" in self.sku_name.lower() else "standard"


class PriceBook:
    """Most exact first: own model and version before any, then region, data zone, anywhere."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._rows: dict[tuple[str, ...], list[Price]] = defaultdict(list)
        self._found: dict[tuple[Priced, str], list[Price]] = {}
        for price in prices:
            key = (
                price.meter,
                price.sku_name.lower(),
                price.service_tier,
                price.model_name.lower(),
                price.model_version,
                price.region_scope,
            )
            self._rows[key].append(price)

    def find(self, what: Priced, meter: str, at: datetime) -> Price | None:
        """None: there is no price, and what it would be for stays unpriced."""
        key = (what, meter)
        if key not in self._found:
            self._found[key] = list(self._candidates(what, meter))
        return next((price for price in self._found[key] if at in price.window), None)

    def _candidates(self, what: Priced, meter: str) -> Iterator[Price]:
        """Of any time, most exact first. Worked out once: a day asks for each hour."""
        for model, version in (
            (what.model_name.lower(), what.model_version),
            (what.model_name.lower(), ""),
            ("", ""),
        ):
            for scope in region_scopes(what.region):
                key = (meter, what.sku_name.lower(), what.service_tier, model, version, scope)
                yield from self._rows.get(key, ())
