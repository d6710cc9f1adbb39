"""Edges of the ledger are looked at before they come: what would stop them is told while there is
still time, once, and taken back when it is gone.

A run may be late, run twice, or stop in the middle: what was not looked at is next.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.windows import MINUTE, Window
from portal.outbox import Event, take_back, tell
from quotas.domain.prechecks import AHEAD, Edge, Finding, edges_in, findings
from quotas.gateway import CapacityGateway
from quotas.models import CapacityRequest, Deployment, EdgeCheck, LedgerEntry, Pool
from quotas.selectors import words
from quotas.selectors.people import holders_of, operators_of, platform_owners
from quotas.selectors.rooms import entries_of
from quotas.services.edge_facts import EdgeReader

log = logging.getLogger(__name__)

BUDGET_SECONDS = 20.0
AGAIN_AFTER = 3 * MINUTE  # where something was found, each run looks again
# What often passes by itself stops an edge only where it still lasts this near to it.
NEAR = 5 * MINUTE
PASSING = {
    CloudReason.THROTTLED,
    CloudReason.CONFLICT,
    CloudReason.TIMEOUT,
    CloudReason.UNKNOWN,
}


@dataclass(frozen=True)
class _Soon:
    edges: list[Edge]
    deployments: dict[int, Deployment]
    entries: dict[int, list[LedgerEntry]]  # by deployment


def check_edges(*, gateway: CapacityGateway, at: datetime) -> int:
    """Looks at every edge of the next ten minutes that is due to be looked at. Returns how many."""
    deadline, looked = time.monotonic() + BUDGET_SECONDS, 0
    soon = _soon(at)
    known = {(c.deployment_id, c.edge_at): c for c in EdgeCheck.objects.filter(edge_at__gt=at)}
    _forget_vanished(known.values(), soon.edges, at=at)
    reader = EdgeReader(gateway, at=at)
    for edge in soon.edges:
        if time.monotonic() > deadline:
            break
        if _is_due(known.get((edge.deployment_id, edge.at)), edge, at=at):
            looked += _look(edge, soon, reader, at=at)
    return looked


def _soon(at: datetime) -> _Soon:
    """Of deployments in pools that apply: elsewhere nothing is to come through."""
    window = Window(at, at + AHEAD)
    near = Q(effective_from__gt=at, effective_from__lte=window.end) | Q(
        effective_until__gt=at, effective_until__lte=window.end
    )
    rows = LedgerEntry.objects.applied().filter(near, pool__mode=Pool.Mode.APPLY)
    concerned = Deployment.objects.present().filter(pk__in=rows.order_by().values("deployment"))
    deployments = {d.pk: d for d in concerned.select_related("account", "pool")}
    recent = LedgerEntry.objects.applied().recent_at(at)
    entries: dict[int, list[LedgerEntry]] = {}
    for row in recent.filter(deployment__in=list(deployments)):
        entries.setdefault(row.deployment_id, []).append(row)
    found = [edge for mine in entries.values() for edge in edges_in(entries_of(mine), window)]
    return _Soon(sorted(found, key=lambda e: (e.at, e.deployment_id)), deployments, entries)


def _is_due(check: EdgeCheck | None, edge: Edge, *, at: datetime) -> bool:
    if check is None or check.found_at or check.to_units != edge.to_units:
        return True
    return check.checked_at <= at - AGAIN_AFTER


def _look(edge: Edge, soon: _Soon, reader: EdgeReader, *, at: datetime) -> bool:
    """An error of one keeps no other from being looked at; the next run tries again."""
    deployment = soon.deployments[edge.deployment_id]
    try:
        found = findings(reader.facts(edge, deployment, soon.entries[edge.deployment_id]))
    except CloudError as error:
        if error.reason in PASSING and edge.at - at > NEAR:
            return False
        found = [Finding("unreadable", error.sentence)]
    except Exception:
        log.exception("looking ahead at %s", deployment)
        return False
    _note(edge, deployment, found, at=at)
    return True


@transaction.atomic
def _note(edge: Edge, deployment: Deployment, found: list[Finding], *, at: datetime) -> None:
    check, _ = EdgeCheck.objects.select_for_update().get_or_create(
        deployment=deployment,
        edge_at=edge.at,
        defaults={"from_units": 0, "to_units": 0, "checked_at": at},
    )
    was_found = check.found_at is not None
    check.from_units, check.to_units = max(0, edge.from_units), max(0, edge.to_units)
    check.requests, check.checked_at = list(edge.requests), at
    check.findings = [{"code": each.code, "sentence": each.sentence} for each in found]
    check.found_at = (check.found_at or at) if found else None
    check.times_found += bool(found and not was_found)
    check.save()
    if found and not was_found:
        why = " ".join(each.sentence for each in found)
        _tell(Event.EDGE_IN_DOUBT, check, deployment, at=at, why=why)
    elif was_found and not found:
        take_back(Event.EDGE_IN_DOUBT, _subject(check), at=at)
        _tell(Event.EDGE_CLEAR, check, deployment, at=at)


@transaction.atomic
def _forget_vanished(known: Iterable[EdgeCheck], edges: Iterable[Edge], *, at: datetime) -> None:
    """What was given back or extended has no edge there any more, so nothing can stop it."""
    there = {(edge.deployment_id, edge.at) for edge in edges}
    for check in known:
        if (check.deployment_id, check.edge_at) not in there:
            take_back(Event.EDGE_IN_DOUBT, _subject(check), at=at)
            check.delete()


def _subject(check: EdgeCheck) -> str:
    return f"edge/{check.pk}"


def _tell(
    event: Event, check: EdgeCheck, deployment: Deployment, *, at: datetime, **facts: str
) -> None:
    """To those who hold it, who operate the pool, and who own the platform."""
    requests = list(CapacityRequest.objects.filter(pk__in=check.requests).select_related("service"))
    people = {person for request in requests for person in holders_of(request)}
    if deployment.pool:
        people |= operators_of(deployment.pool)
    one = requests[0].get_absolute_url() if len(requests) == 1 else reverse("changes")
    tell(
        event,
        people | platform_owners(),
        subject=_subject(check),
        url=one,
        at=at,
        occurrence=check.times_found,
        deployment=str(deployment),
        what=check.word,
        before=words.amount(deployment, check.from_units),
        after=words.amount(deployment, check.to_units),
        edge_at=check.edge_at,
        **facts,
    )
