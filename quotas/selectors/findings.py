"""What syncs found besides capacity, as pages show it: what was, what is, what would undo it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, QuerySet, Value, When
from django.urls import reverse

from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tone
from portal.models import User
from quotas.domain.ledger import desired_units
from quotas.domain.snippets import az_cli, bicep, terraform
from quotas.models import Finding, LedgerEntry, Pool
from quotas.selectors import statuses, words
from quotas.selectors.change_page import Snippet
from quotas.selectors.expectations import planned_deployment
from quotas.selectors.rooms import entries_of

WAITS = Status("Needs an answer", Tone.ATTENTION, "hand-raised")
ADOPTED = Status("Adopted", Tone.OK)
REVERTED = Status("As it was again", Tone.QUIET, "arrow-uturn-left")
MOST_LISTED = 10  # on the page of changes; each is told to those who operate its pool, too


@dataclass(frozen=True)
class FindingRow:
    id: int
    url: str
    name: str  # of the deployment, or of the pool
    kind: str
    sentence: str
    status: Status
    found: Shown


@dataclass(frozen=True)
class OpenFindings:
    """The first ten, or every one; `total` counts all, `deployments`, `pools` what they are of."""

    rows: list[FindingRow]
    total: int
    deployments: int
    pools: int

    @property
    def left_out(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True)
class FindingPage:
    """`snippets` bring back what was there; `is_deleted`: adopting it gives back what is held;
    `limit_of`: the id of the pool whose limit moved.
    """

    row: FindingRow
    is_deleted: bool
    limit_of: int | None
    asks: bool
    facts: list[tuple[str, Any]]
    snippets: list[Snippet]

    @property
    def trail(self) -> list[tuple[str, str]]:
        return [("Changes", reverse("changes")), (self.row.name, "")]


def findings_for(user: User) -> QuerySet[Finding]:
    of = ("deployment__account", "deployment__pool", "pool", "answered_by")
    found: QuerySet[Finding] = Finding.objects.visible_to(user).select_related(*of)
    return found


def open_findings(user: User, *, lists_all: bool = False, at: datetime) -> OpenFindings:
    """Those that nobody snoozed before the others, the newest first. Two queries."""
    found = Finding.objects.visible_to(user).filter(ended_at__isnull=True)
    numbers = found.order_by().aggregate(
        total=Count("pk", distinct=True),
        deployments=Count("deployment", distinct=True),
        pools=Count("pool", distinct=True),
    )
    sleeps = Case(When(snoozed_until__gt=at, then=Value(1)), default=Value(0))
    rows = findings_for(user).filter(ended_at__isnull=True).annotate(sleeps=sleeps)
    rows = rows.order_by("sleeps", "-found_at", "-id")
    shown = rows if lists_all else rows[:MOST_LISTED]
    return OpenFindings([_row(row, at=at) for row in shown], **numbers)


def finding_page(finding: Finding, user: User, *, at: datetime) -> FindingPage:
    pool = finding.its_pool
    operated = Pool.objects.operated_by(user).filter(pk=pool.pk if pool else None)
    may_answer = user.is_platform_owner or operated.exists()
    return FindingPage(
        row=_row(finding, at=at),
        is_deleted=finding.kind == Finding.Kind.DELETED,
        limit_of=finding.pool_id,
        asks=finding.ended_at is None and may_answer,
        facts=_facts(finding, at=at),
        snippets=_snippets(finding, at=at) if finding.ended_at is None else [],
    )


def name_of(finding: Finding) -> str:
    return words.pool_name(finding.pool) if finding.pool else str(finding.deployment)


def sentence_of(finding: Finding) -> str:
    if finding.pool:
        was, now = int(finding.was), int(finding.now)
        before, after = (words.pool_units(finding.pool, units) for units in (was, now))
        return f"Azure {'lowered' if now < was else 'raised'} its limit from {before} to {after}."
    if finding.kind == Finding.Kind.VERSION:
        return f"Its model is version {finding.now} now; it was {finding.was}."
    if finding.now:
        return (
            f"It is gone from Azure. {finding.now} came with the same model in the same sync, so "
            "it may have been renamed."
        )
    return "It is gone from Azure, and the ledger still holds capacity for it."


def _row(finding: Finding, *, at: datetime) -> FindingRow:
    return FindingRow(
        id=finding.pk,
        url=reverse("finding", args=[finding.pk]),
        name=name_of(finding),
        kind=finding.get_kind_display(),
        sentence=sentence_of(finding),
        status=_status(finding, at=at),
        found=words.age(finding.found_at, now=at),
    )


def _status(finding: Finding, *, at: datetime) -> Status:
    if finding.ended_at is not None:
        return ADOPTED if finding.how == Finding.How.ADOPTED else REVERTED
    until = finding.snoozed_until
    return statuses.SNOOZED if until and until > at else WAITS


def _facts(finding: Finding, *, at: datetime) -> list[tuple[str, Any]]:
    until = finding.snoozed_until
    return [
        _stands(finding, at=at),
        ("Found", words.moment(finding.found_at, now=at)),
        ("Nobody is asked until", words.moment(until, now=at) if until else None),
        ("Over since", words.moment(finding.ended_at, now=at) if finding.ended_at else None),
        ("Answered by", words.person_name(finding.answered_by, nobody="") or None),
        ("Because", finding.answer_reason or None),
    ]


def _stands(finding: Finding, *, at: datetime) -> tuple[str, Any]:
    if finding.deployment:
        return ("The ledger holds", words.amount(finding.deployment, _held(finding, at=at)))
    units = words.pool_units(finding.pool, int(finding.now)) if finding.pool else None
    return ("The limit is", units)


def _held(finding: Finding, *, at: datetime) -> int:
    rows = LedgerEntry.objects.applied().filter(deployment=finding.deployment_id)
    return desired_units(entries_of(rows.in_force_at(at)), at).get(finding.deployment_id or 0, 0)


def _snippets(finding: Finding, *, at: datetime) -> list[Snippet]:
    """The deployment as it was; nothing where the ledger holds nothing for it any more."""
    deployment = finding.deployment
    units = _held(finding, at=at) if deployment else 0
    if deployment is None or units <= 0:
        return []
    if finding.kind == Finding.Kind.VERSION:
        deployment.model_version = finding.was
    planned = planned_deployment(deployment, units)
    return [
        Snippet("az", "Azure CLI", az_cli(planned)),
        Snippet("bicep", "Bicep: deployment.bicep", bicep(planned)),
        Snippet("terraform", "Terraform", terraform(planned)),
    ]
