"""The price book, as it stands in the database."""

from django.conf import settings

from portal.kernel.windows import Window
from showback.domain.prices import Price, PriceBook
from showback.models import PriceRow


def read_prices() -> PriceBook:
    """All prices in the currency of this installation."""
    rows = PriceRow.objects.filter(currency=settings.HEADROOM_CURRENCY)
    return PriceBook(
        Price(
            id=row.pk,
            model_name=row.model_name,
            model_version=row.model_version,
            sku_name=row.sku_name,
            service_tier=row.service_tier,
            region_scope=row.region_scope,
            meter=row.meter,
            price=row.price,
            per=row.per,
            window=Window(row.effective_from, row.effective_until),
        )
        for row in rows
    )
