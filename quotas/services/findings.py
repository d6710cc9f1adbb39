"""What a sync finds besides capacity: deployments that went, or came back, models that were
upgraded, limits that Azure moved. Each is told to those who operate the pool, once, and waits for
an answer.

Headroom changes capacity only, so nothing of this is reverted by it: somebody does that in Azure,
and the next sync closes the finding.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.urls import reverse

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import Window
from portal.models import User
from portal.outbox import Event, tell
from quotas.domain.terms import Terms
from quotas.gateway import Inventory
from quotas.models import Deployment, Finding, LedgerEntry, Pool
from quotas.selectors import words
from quotas.selectors.findings import sentence_of
from quotas.selectors.people import operators_of, owners_of, platform_owners
from quotas.services.drift import checked_snooze
from quotas.services.reasons import checked_reason, keep_reason
from quotas.services.reversing import reverse_each
from quotas.services.telling import tell_askers

Kind, How = Finding.Kind, Finding.How
DELETED = "The deployment was deleted in Azure."
Before = dict[str, tuple[str, bool]]  # by resource key: its model's version, whether it was there


def known_before(seen: Inventory) -> Before:
    """As the last sync left it, to be read before this one writes. One query."""
    mine = Deployment.objects.filter(account__subscription_id=seen.subscription_id)
    rows = mine.values_list("resource_key", "model_version", "gone_at")
    return {key: (version, gone_at is None) for key, version, gone_at in rows}


def note_seen(before: Before, seen: Inventory, *, at: datetime) -> None:
    """Models of another version than before, and deployments that are there again. In the sync's
    transaction, after it has written; no query where nothing is new.
    """
    rows = {row.resource_id.lower(): row for row in seen.deployments}
    moved = [k for k, row in rows.items() if k in before and before[k][0] != row.model_version]
    again = [key for key in rows if key in before and not before[key][1]]
    for deployment in _named(again):
        gone = Finding.objects.open().filter(deployment=deployment, kind=Kind.DELETED)
        if _end(gone, at=at):
            subject = f"deployment/{deployment.pk}"
            audit.record("deployment.returned", subject, actor_id=None, at=at)
    for deployment in _named(moved):
        if before[deployment.resource_key][1]:
            _note_version(deployment, before[deployment.resource_key][0], at=at)


def note_gone(deployments: Iterable[Deployment], *, at: datetime) -> None:
    """Those that went while the ledger holds for them; in the sync's transaction."""
    gone = {deployment.pk: deployment for deployment in deployments}
    held = LedgerEntry.objects.applied().filter(deployment__in=gone, effective_until__gt=at)
    units = held.order_by().values_list("deployment").annotate(units=Sum("units"))
    for pk in [pk for pk, left in units if left > 0]:
        deployment = gone[pk]
        facts = {"was": deployment.name, "now": _successor(deployment, at=at), "found_at": at}
        found, is_new = Finding.objects.get_or_create(
            deployment=deployment, kind=Kind.DELETED, ended_at=None, defaults=facts
        )
        if is_new:
            _tell(found, at=at)


@transaction.atomic
def note_limit(pool: Pool, was: int, now: int, *, at: datetime) -> Finding | None:
    """Azure moved the limit (units) of a pool; in the sync's transaction. None where nobody is
    asked: it feeds nothing, or has again what it had. Told by whoever tells of the limit.
    """
    found: Finding | None = Finding.objects.select_for_update().open().filter(pool=pool).first()
    if found is None:
        if not pool.is_allocatable or not pool.deployments.present().exists():
            return None
        facts = {"was": str(was), "now": str(now), "found_at": at}
        found = Finding.objects.create(pool=pool, kind=Kind.LIMIT, **facts)
    elif found.was == str(now):
        _end(Finding.objects.filter(pk=found.pk), at=at)
        return None
    else:
        found.now, found.snoozed_until = str(now), None
        found.save(update_fields=["now", "snoozed_until"])
    return found


@transaction.atomic
def adopt(finding: Finding, *, by: User, reason: str, at: datetime) -> Finding:
    """It stays as Azure has it. What the ledger held for a deployment that went is given back from
    this minute on, bursts too; of another limit nothing is taken, it is Azure's. Raises
    DomainError, as without a reason, or ChangedMeanwhile where it is over already.
    """
    _check(finding, by)
    why = checked_reason(reason, missing="Say why it stays as Azure has it.")
    said = {"answered_by": by, "answer_reason": why}
    if not _end(Finding.objects.filter(pk=finding.pk), how=How.ADOPTED, at=at, **said):
        raise ChangedMeanwhile(str(finding))
    given_back = 0
    if finding.kind == Kind.DELETED:
        rows = LedgerEntry.objects.filter(deployment=finding.deployment_id, effective_until__gt=at)
        rows = rows.exclude(kind=LedgerEntry.Kind.REVERSAL)
        ids = list(rows.values_list("pk", flat=True))
        given_back = reverse_each(rows, reason=DELETED, by_id=by.pk, at=at)
        _tell_holders(finding, ids, by=by, at=at)
        if finding.deployment:
            _tell_owners(finding.deployment, ids, by=by, at=at)
    detail = {"finding": finding.pk, "entries": given_back}
    detail |= keep_reason(finding, why, by=by, at=at)
    audit.record("finding.adopted", finding.subject, actor_id=by.pk, at=at, **detail)
    return finding


@transaction.atomic
def snooze(finding: Finding, *, until: datetime, by: User, reason: str, at: datetime) -> Finding:
    """Nobody is asked until then. Raises DomainError as `drift.snooze` does."""
    _check(finding, by)
    said = checked_snooze(until, reason, at=at)
    rows = Finding.objects.open().filter(pk=finding.pk)
    if not rows.update(snoozed_until=until, answered_by=by, answer_reason=said):
        raise ChangedMeanwhile(str(finding))
    detail = {"until": until.isoformat(), **keep_reason(finding, said, by=by, at=at)}
    audit.record("finding.snoozed", f"finding/{finding.pk}", actor_id=by.pk, at=at, **detail)
    return finding


def tell_of_snoozes_over(*, at: datetime) -> int:
    """Returns how many were told, each once."""
    rows = Finding.objects.open().filter(snoozed_until__lte=at)
    return sum(
        _tell(row, occurrence=row.snoozed_until.isoformat() if row.snoozed_until else "", at=at)
        for row in rows.select_related("deployment__account", "deployment__pool", "pool")
    )


def _tell_holders(finding: Finding, ids: list[int], *, by: User, at: datetime) -> None:
    """Once for each request of these entries, of what was just taken back of it."""
    taken = LedgerEntry.objects.filter(reverses__in=ids, recorded_at=at, request__isnull=False)
    taken = taken.select_related("request__service", "request__deployment").order_by("request")
    for request, found in groupby(taken, attrgetter("request")):
        rows = list(found)
        start, end = min(r.effective_from for r in rows), max(r.effective_until for r in rows)
        terms = Terms(max(-row.units for row in rows), Window(start, end))
        tell_askers(
            Event.GRANT_GIVEN_BACK,
            request,
            by=by,
            at=at,
            terms=terms,
            note=DELETED,
            occurrence=finding.pk,
        )


def _tell_owners(deployment: Deployment, ids: list[int], *, by: User, at: datetime) -> None:
    """Whoever answers for a service that held something of it without a request, as what was there
    when Headroom first saw it: once for each service, of all that was just taken back.
    """
    taken = LedgerEntry.objects.filter(reverses__in=ids, recorded_at=at, request__isnull=True)
    taken = taken.filter(service__isnull=False).select_related("service").order_by("service")
    for service, found in groupby(taken, attrgetter("service")):
        rows = list(found)
        tell(
            Event.GRANT_GIVEN_BACK,
            owners_of(service) - {by.pk},
            subject=f"deployment/{deployment.pk}",
            url=service.get_absolute_url(),
            at=at,
            occurrence=f"{service.pk}/{at.isoformat()}",
            by=words.person_name(by),
            service=service.name,
            amount=words.amount(deployment, -sum(row.units for row in rows)),
            from_at=min(row.effective_from for row in rows),
            note=DELETED,
        )


def _named(keys: list[str]) -> list[Deployment]:
    if not keys:
        return []
    rows = Deployment.objects.filter(resource_key__in=keys)
    return list(rows.select_related("account", "pool"))


def _note_version(deployment: Deployment, was: str, *, at: datetime) -> None:
    found = Finding.objects.open().filter(deployment=deployment, kind=Kind.VERSION).first()
    subject, moved = f"deployment/{deployment.pk}", {"was": was, "now": deployment.model_version}
    audit.record("deployment.version_changed", subject, actor_id=None, at=at, **moved)
    if found is None:
        facts = {"was": was, "now": deployment.model_version, "found_at": at}
        found = Finding.objects.create(deployment=deployment, kind=Kind.VERSION, **facts)
    elif found.was == deployment.model_version:
        _end(Finding.objects.filter(pk=found.pk), at=at)
        return
    else:
        found.now, found.snoozed_until = deployment.model_version, None
        found.save(update_fields=["now", "snoozed_until"])
    _tell(found, occurrence=found.now, at=at)


def _successor(deployment: Deployment, *, at: datetime) -> str:
    """The name of the one deployment of its account, model and SKU that came in this sync."""
    came = Deployment.objects.present().filter(
        account=deployment.account_id,
        model_name=deployment.model_name,
        sku_name=deployment.sku_name,
        first_seen_at=at,
    )
    names = list(came.values_list("name", flat=True)[:2])
    return names[0] if len(names) == 1 else ""


def _end(rows: QuerySet[Finding], *, how: str = How.REVERTED, at: datetime, **facts: Any) -> int:
    return rows.filter(ended_at__isnull=True).update(ended_at=at, how=how, **facts)


def _check(finding: Finding, by: User) -> None:
    pool = finding.its_pool
    pools = Pool.objects.operated_by(by).filter(pk=pool.pk if pool else None)
    if not by.is_platform_owner and not pools.exists():
        raise DomainError("Only an owner of the pool may answer for it.", code="not_yours")


def _tell(finding: Finding, *, occurrence: object = "", at: datetime) -> bool:
    pool = finding.its_pool
    name = words.pool_name(pool) if pool else "no pool"
    event, facts = Event.DEPLOYMENT_CHANGED, {"what": sentence_of(finding)}
    if finding.pool:
        now, asks = words.pool_units(finding.pool, int(finding.now)), "Say whether it stays so."
        event, facts = Event.POOL_LIMIT_CHANGED, {"why": facts["what"], "risk": asks, "now": now}
    else:
        facts["deployment"] = str(finding.deployment)
    notice = tell(
        event,
        operators_of(pool) if pool else platform_owners(),
        subject=f"finding/{finding.pk}",
        url=reverse("finding", args=[finding.pk]),
        at=at,
        occurrence=occurrence,
        pool=name,
        **facts,
    )
    return notice is not None
