"""An organisation of any size for the pages to show: its people, what they hold and asked for.

Everything grows with the number of deployments in the proportions of the demo (10 teams, 30
services and two subscriptions for 33 deployments), but for what one person has to do with: a team
has three services whatever the size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.windows import DAY, FOREVER
from portal.models import AuditRow, Role, RoleGrant, User
from quotas.models import (
    AzureAccount,
    Deployment,
    LedgerEntry,
    Membership,
    Pool,
    PoolLimit,
    Service,
    Team,
    TeamBudget,
    TeamCostCentre,
)
from quotas.selectors.budgets import month_of

HISTORY = timedelta(days=93)
SERVICES_PER_TEAM = 3
DEPLOYMENTS_PER_ACCOUNT = 8
ACCOUNTS_PER_SUBSCRIPTION = 2
UNMAPPED_EVERY = 11  # one deployment in so many belongs to nobody yet
SHARED_EVERY = 33  # of those that belong to nobody: several services call it
PROVISIONED_EVERY = 16
AUDIT_ROWS_PER_DEPLOYMENT = 60
UNITS = 50
REGIONS = ("eastus2", "swedencentral", "northeurope")
MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini")
USAGE_NAMES = {name: f"OpenAI.GlobalStandard.{name}" for name in MODELS}
ARM = "/subscriptions/{0}/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/{1}"


@dataclass(frozen=True)
class Made:
    """What the other makers go on with; `services[n]` is served by `mapped[n]`."""

    at: datetime
    since: datetime
    deployments: Sequence[Deployment]
    services: Sequence[Service]
    mapped: Sequence[Deployment]
    accounts: Sequence[AzureAccount]


def make_organisation(count: int, *, at: datetime) -> Made:
    """So many deployments and all that goes with them."""
    since = at - HISTORY
    services = _services(_teams(count, since), count)
    accounts = _accounts(count, since, at)
    deployments = _deployments(count, accounts, services, since, at)
    mapped = [each for each in deployments if each.service_id]
    LedgerEntry.objects.bulk_create(
        LedgerEntry(pool_id=each.pool_id, deployment=each, service_id=each.service_id, units=UNITS,
                    effective_from=since, effective_until=FOREVER, kind="adopted",
                    recorded_at=since)
        for each in deployments
    )  # fmt: skip
    by_id = {each.pk: each for each in services}
    served = [by_id[each.service_id] for each in mapped if each.service_id]
    _audit(count, since)
    return Made(at, since, deployments, served, mapped, accounts)


def _teams(count: int, since: datetime) -> list[Team]:
    """Each with a lead and a member; and one person for each role of the organisation."""
    for role in Role.values:
        holder = User.objects.create(username=role, first_name=role, time_zone="UTC")
        RoleGrant.objects.create(user=holder, role=role, granted_at=since)
    number = max(1, round(count * 10 / 33))
    people = User.objects.bulk_create(
        User(username=f"person-{n}", first_name="Person", last_name=str(n), time_zone="UTC")
        for n in range(2 * number)
    )
    finance = User.objects.get(username=Role.FINANCE)
    teams = Team.objects.bulk_create(
        Team(name=f"Team {n:03}", slug=f"team-{n:03}", finance_contact=finance)
        for n in range(number)
    )
    first = month_of(since)
    TeamBudget.objects.bulk_create(TeamBudget(team=t, amount=9000, from_month=first) for t in teams)
    TeamCostCentre.objects.bulk_create(
        TeamCostCentre(team=team, code=f"CC-{n:04}", effective_from=since, effective_until=FOREVER)
        for n, team in enumerate(teams)
    )
    Membership.objects.bulk_create(
        Membership(team=team, user=people[2 * n + place], role=role)
        for n, team in enumerate(teams)
        for place, role in enumerate((Membership.Role.LEAD, Membership.Role.MEMBER))
    )
    return teams


def _services(teams: Sequence[Team], count: int) -> list[Service]:
    people = {(m.team_id, m.role): m.user_id for m in Membership.objects.all()}
    number = min(len(teams) * SERVICES_PER_TEAM, count - count // UNMAPPED_EVERY)
    return Service.objects.bulk_create(
        Service(
            team=(team := teams[n // SERVICES_PER_TEAM]),
            name=f"Service {n:04}",
            slug=f"service-{n:04}",
            owner_id=people[team.pk, Membership.Role.LEAD],
            deputy_id=people[team.pk, Membership.Role.MEMBER],
            environment="production",
            tier=1 + n % 4,
            purpose="Drafts answers that somebody reads before they are sent.",
            if_throttled="Answers come late.",
            proof_metric="Minutes per case",
            user_population="200 people",
        )
        for n in range(number)
    )


def _accounts(count: int, since: datetime, at: datetime) -> list[AzureAccount]:
    rows = []
    for n in range(-(-count // DEPLOYMENTS_PER_ACCOUNT)):
        subscription, name = subscription_of(n), f"acme-{n:03}"
        resource = ARM.format(subscription, name)
        rows.append(
            AzureAccount(resource_id=resource, resource_key=resource.lower(), name=name,
                         subscription_id=subscription, resource_group="rg", kind="OpenAI",
                         region=REGIONS[n % len(REGIONS)], subdomain=name,
                         first_seen_at=since, last_seen_at=at)
        )  # fmt: skip
    return AzureAccount.objects.bulk_create(rows)


def subscription_of(account: int) -> str:
    return f"00000000-0000-4000-8000-{account // ACCOUNTS_PER_SUBSCRIPTION:012}"


def _pools(wanted: dict[tuple[str, str, str], int], since: datetime, at: datetime) -> dict[
    tuple[str, str, str], Pool
]:  # fmt: skip
    """By subscription, region and usage name; `wanted` says how many deployments each feeds."""
    rows = Pool.objects.bulk_create(
        Pool(subscription_id=subscription, scope_id=region, region=region, usage_name=usage_name,
             kind="provisioned" if "Provisioned" in usage_name else "tokens", lead=timedelta(0),
             mode="apply", first_seen_at=since, last_seen_at=at)
        for subscription, region, usage_name in wanted
    )  # fmt: skip
    PoolLimit.objects.bulk_create(
        PoolLimit(pool=pool, observed_at=since + n * DAY, limit_units=held * UNITS * 2 + n,
                  azure_used_units=held * UNITS)
        for pool, held in zip(rows, wanted.values(), strict=True)
        for n in range(3)
    )  # fmt: skip
    return dict(zip(wanted, rows, strict=True))


def _deployments(
    count: int,
    accounts: Sequence[AzureAccount],
    services: Sequence[Service],
    since: datetime,
    at: datetime,
) -> list[Deployment]:
    keys, feeds = [], dict[tuple[str, str, str], int]()
    for n in range(count):
        account = accounts[n // DEPLOYMENTS_PER_ACCOUNT]
        usage_name = USAGE_NAMES[MODELS[n % len(MODELS)]]
        if n % PROVISIONED_EVERY == PROVISIONED_EVERY - 1:
            usage_name = "OpenAI.GlobalProvisionedManaged"
        keys.append((account.subscription_id, account.region, usage_name))
        feeds[keys[-1]] = feeds.get(keys[-1], 0) + 1
    pools, of_services = _pools(feeds, since, at), iter(services)
    return Deployment.objects.bulk_create(
        _deployment(n, accounts[n // DEPLOYMENTS_PER_ACCOUNT], pools[key],
                    None if n % UNMAPPED_EVERY == 0 else next(of_services, None), since, at)
        for n, key in enumerate(keys)
    )  # fmt: skip


def _deployment(
    n: int,
    account: AzureAccount,
    pool: Pool,
    service: Service | None,
    since: datetime,
    at: datetime,
) -> Deployment:
    name = service.slug if service else f"service-{n:04}-trial"
    resource = f"{account.resource_id}/deployments/{name}"
    tokens = not pool.is_provisioned
    return Deployment(
        account=account, name=name, service=service, pool=pool, resource_id=resource,
        resource_key=resource.lower(), model_format="OpenAI", model_name=MODELS[n % len(MODELS)],
        model_version="1", sku_name="GlobalStandard" if tokens else "GlobalProvisionedManaged",
        capacity_units=UNITS, settled_units=UNITS, provisioning_state="Succeeded",
        tokens_per_minute_per_unit=1000 if tokens else None,
        requests_per_minute_per_unit=6 if tokens else None, minimum_units=1 if tokens else 15,
        step_units=1 if tokens else 5, first_seen_at=since, observed_at=at,
    )  # fmt: skip


def _audit(count: int, since: datetime) -> None:
    rows = count * AUDIT_ROWS_PER_DEPLOYMENT
    AuditRow.objects.bulk_create(
        (
            AuditRow(at=since + n * HISTORY / rows, actor_id=1 + n % 9, verb="burst.approved",
                     subject=f"request/{1 + n // 60}")
            for n in range(rows)
        ),
        batch_size=5000,
    )  # fmt: skip
