"""What people asked for in a made organisation, and what became of it in Azure.

A few requests are asked in the portal's own way, so that the evidence on them is what it always
is; the others are copies of these for other services.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from portal.kernel.windows import DAY, HOUR, MINUTE, floor_to_hour
from portal.management.benches.made_organisation import Made
from portal.models import User
from quotas.domain.plan import DRIFT
from quotas.models import (
    CapacityRequest,
    Change,
    Decision,
    Evidence,
    Finding,
    LedgerEntry,
    Plan,
    Service,
)
from quotas.services.asking import Draft
from quotas.services.requests import submit

OPEN_EVERY = 15  # services for one request that waits for an answer: two in the demo
CLOSED_EVERY = 2
ON_EVERY = 15  # bursts that are on now
STUCK_EVERY = 15
FOUND_EVERY = 30  # deployments of which Azure changed the model's version
TOO_MUCH = 30  # units, so that no policy approves it by itself


def make_work(made: Made) -> None:
    """Requests open and decided, their grants, and changes done, refused and waiting."""
    pairs = [
        (service, deployment)
        for service, deployment in zip(made.services, made.mapped, strict=True)
        if not deployment.is_provisioned
    ]
    asked = _asked(made, *pairs[0])
    open_rows = [_copy(asked, *pair) for pair in pairs[1::OPEN_EVERY]]
    closed = [
        _decided(_copy(asked, *pair), made.since + (n % 80) * DAY)
        for n, pair in enumerate(pairs[1::CLOSED_EVERY])
    ]
    running = [
        _decided(_copy(asked, *pair), floor_to_hour(made.at) - 2 * HOUR)
        for pair in pairs[2::ON_EVERY]
    ]
    CapacityRequest.objects.bulk_create([*open_rows, *closed, *running])
    _with_evidence(asked, [*open_rows, *closed, *running])
    _grants([*closed, *running])
    _changes(made, [*closed, *running])
    _stuck(made, pairs[3::STUCK_EVERY])
    Finding.objects.bulk_create(
        Finding(deployment=deployment, kind=Finding.Kind.VERSION, was="1", now="2",
                found_at=made.at - HOUR)
        for _, deployment in pairs[::FOUND_EVERY]
    )  # fmt: skip


def _asked(made: Made, service: Service, deployment: object) -> CapacityRequest:
    start = floor_to_hour(made.at) + DAY
    draft = Draft(
        service=service,
        deployment=deployment,  # type: ignore[arg-type]
        units=TOO_MUCH,
        starts_at=start,
        ends_at=start + 9 * HOUR,
        occasion="launch",
        purpose="A day on which twice as many people write.",
    )
    return submit(draft, by=service.owner, at=made.at - HOUR)


def _copy(asked: CapacityRequest, service: Service, deployment: object) -> CapacityRequest:
    fields = {f.attname: getattr(asked, f.attname) for f in asked._meta.concrete_fields}
    ids = {"id": None, "service_id": service.pk, "deployment_id": deployment.pk,  # type: ignore[attr-defined]
           "requester_id": service.owner_id}  # fmt: skip
    return CapacityRequest(**(fields | ids))


def _decided(request: CapacityRequest, start: datetime) -> CapacityRequest:
    request.submitted_at, request.decided_at = start - DAY, start - 20 * HOUR
    request.starts_at, request.ends_at = start, start + 9 * HOUR
    request.state, request.deadline_at = CapacityRequest.State.APPROVED, None
    return request


def _with_evidence(asked: CapacityRequest, rows: Sequence[CapacityRequest]) -> None:
    facts = asked.evidence.latest("computed_at").facts
    Evidence.objects.bulk_create(
        Evidence(request=row, computed_at=row.submitted_at, facts=facts) for row in rows
    )
    approver = User.objects.get(username="platform_owner")
    found = {e.request_id: e for e in Evidence.objects.defer("facts")}
    Decision.objects.bulk_create(
        Decision(request=row, decided_by=approver, outcome="approved", at=row.decided_at,
                 content_hash=row.content_hash, evidence=found[row.pk], policy_version=1,
                 policy_facts={}, note="Good.")
        for row in rows
        if row.decided_at
    )  # fmt: skip


def _grants(rows: Sequence[CapacityRequest]) -> None:
    LedgerEntry.objects.bulk_create(
        LedgerEntry(pool_id=row.deployment.pool_id, deployment_id=row.deployment_id,
                    service_id=row.service_id, units=row.units, effective_from=row.starts_at,
                    effective_until=row.ends_at, kind="burst", request=row,
                    recorded_at=row.decided_at)
        for row in rows
    )  # fmt: skip


def _changes(made: Made, rows: Sequence[CapacityRequest]) -> None:
    """Every edge that has passed was written and read back."""
    edges = [
        (row, edge, moment)
        for row in rows
        for edge, moment in (("start", row.starts_at), ("end", row.ends_at))
        if moment <= made.at
    ]
    plans = Plan.objects.bulk_create(
        Plan(pool_id=row.deployment.pool_id, made_at=moment, mode="apply")
        for row, _, moment in edges
    )
    Change.objects.bulk_create(
        _change(row, edge, moment, plan)
        for (row, edge, moment), plan in zip(edges, plans, strict=True)
    )


def _change(row: CapacityRequest, edge: str, moment: datetime, plan: Plan) -> Change:
    usual, raised = row.deployment.settled_units, row.deployment.settled_units + row.units
    before, after = (usual, raised) if edge == "start" else (raised, usual)
    return Change(
        plan=plan, deployment_id=row.deployment_id, position=0, from_units=before, to_units=after,
        because=[{"request": row.pk, "edge": edge}], state="succeeded", not_before=moment,
        attempts=1, planned_at=moment, written_at=moment, verified_at=moment + MINUTE,
        read_back_units=after, ended_at=moment + MINUTE,
    )  # fmt: skip


def _stuck(made: Made, pairs: Sequence[tuple[Service, object]]) -> None:
    """Half were refused by Azure, half were edited by somebody else."""
    planned = made.at - 3 * HOUR
    plans = Plan.objects.bulk_create(
        Plan(pool_id=deployment.pool_id, made_at=planned, mode="apply")  # type: ignore[attr-defined]
        for _, deployment in pairs
    )
    refused = {"state": "blocked", "error_reason": "forbidden", "attempts": 9,
               "azure_code": "AuthorizationFailed", "azure_message": "The client may not write.",
               "sentence": "Azure does not let Headroom write in this account."}  # fmt: skip
    drifted = {"state": "needs_human", "sentence": DRIFT}
    Change.objects.bulk_create(
        Change(plan=plan, deployment=deployment, position=0, from_units=60, to_units=50,
               not_before=planned + timedelta(hours=4), planned_at=planned,
               **(drifted if n % 2 else refused))
        for n, ((_, deployment), plan) in enumerate(zip(pairs, plans, strict=True))
    )  # fmt: skip
