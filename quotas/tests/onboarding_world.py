"""A service of Ada's to register, and the deployment that it is to have."""

from datetime import datetime
from typing import Any

from portal.models import Message, User
from portal.outbox import Event
from quotas.gateway import UsageEvidence
from quotas.models import AzureAccount, DeployableModel, Expectation, LedgerEntry, Service, Team
from quotas.services import onboarding
from quotas.services.onboarding import Registration
from quotas.services.planning import Planned
from quotas.tests.factories import NOON, utc

LATER = utc("2026-03-02 12:05")
# Of a deployment that is not there yet: no minute came, so nothing is known.
NEVER_USED = UsageEvidence(
    days_of_minutes=0.0,
    completeness=None,
    p50_tokens_per_minute=None,
    p95_tokens_per_minute=None,
    p99_tokens_per_minute=None,
    peak_tokens_per_minute=None,
    throttled_minutes_7_days=None,
    throttled_requests_7_days=None,
    usd_per_million_tokens=None,
    usd_per_unit_hour=None,
    month_to_date_usd=None,
    replayed_throttled_minutes_now=None,
    replayed_throttled_minutes_with=None,
    used_share_of_past_bursts={},
)

# What a person writes of the service, and what it needs: by the form, the API and the services.
CLAIMS_LETTERS = {
    "name": "Claims letters",
    "environment": "production",
    "tier": 2,
    "purpose": "Writes letters on claims.",
    "user_population": "About 40 clerks.",
    "if_throttled": "Clerks write by hand.",
    "proof_metric": "Letters a day.",
    "data_class": "internal",
    "data_residency": "anywhere",
}


def registration(team: Team, owner: User, deputy: User, **more: Any) -> Registration:
    people = {"team": team, "owner": owner, "deputy": deputy}
    return Registration(**{**CLAIMS_LETTERS, **people, **more})


def planned(name: str = "claims-letters", units: int = 40) -> Planned:
    return Planned(AzureAccount.objects.get(), DeployableModel.objects.get(), name, units)


def register(
    team: Team, owner: User, deputy: User, *, by: User, at: datetime = NOON, **more: Any
) -> Service:
    return onboarding.register(registration(team, owner, deputy, **more), planned(), by=by, at=at)


def the_plan() -> Expectation:
    return Expectation.objects.select_related("deployment", "request", "service").get()


def told(event: Event) -> set[str]:
    """Who was told of it, by user name."""
    rows = Message.objects.filter(notice__event=event)
    return set(rows.values_list("person__username", flat=True))


def held(at: datetime = LATER) -> int:
    """Units that the ledger holds of the planned deployment."""
    rows = LedgerEntry.objects.filter(deployment__name="claims-letters").in_force_at(at)
    return sum(rows.values_list("units", flat=True))
