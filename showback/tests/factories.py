"""Makes a small world to meter: people, teams, services, deployments, holdings."""

from datetime import UTC, datetime, timedelta
from typing import Any

from portal.kernel.windows import FOREVER, Window
from portal.models import Role, RoleGrant, User
from quotas.models import AzureAccount, Deployment, LedgerEntry, Membership, Pool, Service, Team
from showback.models import ServiceHour

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


def utc(text: str) -> datetime:
    """utc("2026-03-02 10:00")"""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LONG_AGO = utc("2026-01-01 00:00")
# Since when the deployment of the shared world is shared, and what time it is there.
START, AT = utc("2026-03-02 06:00"), utc("2026-03-02 14:30")
HOST = "acme.openai.azure.com"


def person(name: str, role: str = "") -> User:
    user, _ = User.objects.get_or_create(username=name.lower(), defaults={"first_name": name})
    if role:
        RoleGrant.objects.get_or_create(user=user, role=role, defaults={"granted_at": LONG_AGO})
    return user


def finance() -> User:
    return person("Fay", Role.FINANCE)


def team(name: str, *people: User) -> Team:
    found, _ = Team.objects.get_or_create(slug=name.lower(), defaults={"name": name})
    for user in people:
        Membership.objects.get_or_create(team=found, user=user, defaults={"role": "lead"})
    return found


def service(name: str, of: Team) -> Service:
    return Service.objects.create(
        name=name,
        slug=name.lower().replace(" ", "-"),
        team=of,
        owner=person("Ada"),
        environment="production",
        tier=2,
        purpose="To be tested.",
    )


def account(name: str = "acme", region: str = "eastus2") -> AzureAccount:
    resource_id = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
        f"/providers/Microsoft.CognitiveServices/accounts/{name}"
    )
    found, _ = AzureAccount.objects.get_or_create(
        resource_key=resource_id.lower(),
        defaults={
            "resource_id": resource_id,
            "subscription_id": SUBSCRIPTION,
            "resource_group": "rg",
            "name": name,
            "region": region,
            "kind": "OpenAI",
            "first_seen_at": LONG_AGO,
            "last_seen_at": LONG_AGO,
        },
    )
    return found


def deployment(
    name: str, of: Service | None, *, on: AzureAccount | None = None, **more: Any
) -> Deployment:
    """Pay-as-you-go gpt-4o with 1,000 TPM a unit, unless told otherwise."""
    home = on or account()
    resource_id = f"{home.resource_id}/deployments/{name}"
    facts: dict[str, Any] = {
        "model_format": "OpenAI",
        "model_name": "gpt-4o",
        "model_version": "2024-11-20",
        "sku_name": "GlobalStandard",
        "capacity_units": 100,
        "settled_units": 100,
        "provisioning_state": "Succeeded",
        "tokens_per_minute_per_unit": 1000,
        "requests_per_minute_per_unit": 6,
        "first_seen_at": LONG_AGO,
        "observed_at": LONG_AGO,
    }
    return Deployment.objects.create(
        account=home,
        name=name,
        service=of,
        resource_id=resource_id,
        resource_key=resource_id.lower(),
        **{**facts, **more},
    )


def provisioned(name: str, of: Service | None, *, units: int = 50, **more: Any) -> Deployment:
    facts = {
        "sku_name": "GlobalProvisionedManaged",
        "capacity_units": units,
        "tokens_per_minute_per_unit": None,
        "requests_per_minute_per_unit": None,
    }
    return deployment(name, of, **{**facts, **more})


def hold(
    on: Deployment,
    by: Service | None,
    units: int,
    *,
    start: datetime = LONG_AGO,
    end: datetime = FOREVER,
    **more: Any,
) -> LedgerEntry:
    pool, _ = Pool.objects.get_or_create(
        subscription_id=SUBSCRIPTION,
        scope_id=on.account.region,
        usage_name=f"OpenAI.{on.sku_name}",
        defaults={
            "region": on.account.region,
            "kind": "provisioned" if on.is_provisioned else "tokens",
            "first_seen_at": LONG_AGO,
            "last_seen_at": LONG_AGO,
        },
    )
    facts: dict[str, Any] = {"kind": "adopted", "recorded_at": start}
    return LedgerEntry.objects.create(
        pool=pool,
        deployment=on,
        service=by,
        units=units,
        effective_from=start,
        effective_until=end,
        **{**facts, **more},
    )


def day(text: str) -> Window:
    """The UTC day "2026-03-02"."""
    start = utc(f"{text} 00:00")
    return Window(start, start + timedelta(days=1))


def counted_by_gateway(on: Deployment, of: Service, hour: datetime, tokens: int = 1_000) -> None:
    """An hour in which a gateway counted these tokens for the service, and Azure as many."""
    nought = dict.fromkeys(
        field.attname
        for field in ServiceHour._meta.concrete_fields
        if field.get_internal_type() in ("BigIntegerField", "IntegerField") and not field.null
    )
    ServiceHour.objects.create(
        **dict.fromkeys(nought, 0) | {"prompt_tokens": tokens},
        deployment=on,
        service=of,
        hour=hour,
        method="gateway",
    )
