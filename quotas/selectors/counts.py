"""Several counts, asked for at once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.db.models import F, Func, IntegerField, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from portal.models import User

NOTHING: Mapping[str, Subquery] = MappingProxyType({})


def counts_of(
    user: User, also: Mapping[str, Subquery] = NOTHING, /, **lists: QuerySet[Any]
) -> dict[str, Any]:
    """By name, how many rows each list has, and what else is asked for. One query for all, beside
    the person's own row.
    """
    counted = {name: Coalesce(Subquery(_count(rows)), Value(0)) for name, rows in lists.items()}
    return dict(User.objects.values(**also, **counted).get(pk=user.pk))


def _count(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Of itself, not by group: no aggregate of the ORM's, which would group it."""
    number = Func(
        F("pk"), function="COUNT", template="%(function)s(DISTINCT %(expressions)s)",
        output_field=IntegerField(),
    )  # fmt: skip
    return rows.order_by().annotate(number=number).values("number")
