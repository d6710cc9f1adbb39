"""Deployments that the ledger knows of: only these are ever written."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from quotas.models import Deployment, LedgerEntry


def managed(*, at: datetime) -> QuerySet[Any]:
    """Present deployments with an entry, each with the units `wanted` of it at the moment."""
    mine = LedgerEntry.objects.applied().filter(deployment=OuterRef("pk"))
    held = mine.in_force_at(at).order_by().values("deployment").annotate(units=Sum("units"))
    present = Deployment.objects.present().filter(Exists(mine))
    found: QuerySet[Any] = present.annotate(wanted=Coalesce(Subquery(held.values("units")), 0))
    return found
