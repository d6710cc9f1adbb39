"""What every answer to a request has in common: who may give it, on what, and how it is kept.

Locks are taken in one order everywhere, the pool and then the request, so that no two wait for each
other. What costs time, the evidence, is gathered before either is locked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.policy_facts import RequestFacts
from quotas.domain.terms import Terms, narrowed
from quotas.models import CapacityRequest, Decision, Evidence, Pool
from quotas.services import evidence, evidence_rows, policy
from quotas.services.approvers import Turn, turn_of
from quotas.services.asking import terms_of
from quotas.services.pools import fed_by_another, lock_pool
from quotas.services.refusals import refuse
from quotas.services.stages import Spoken, Voice, voice_of, voices

Outcome = Decision.Outcome


@dataclass(frozen=True)
class Answer:
    """One person's, or the policy's (`by` None), answer in the making. The pool and the request are
    locked until the transaction ends.
    """

    request: CapacityRequest
    by: User | None
    voice: Voice
    seen: Evidence | None
    facts: RequestFacts | None
    policy_version: int
    pool: Pool
    at: datetime
    asked: frozenset[int] | None = None  # the approvers of the open stage, where they were read

    @property
    def by_id(self) -> int | None:
        return self.by.pk if self.by else None


def begin(request: CapacityRequest, *, by: User, at: datetime) -> Answer:
    """For an approver. Raises DomainError where this person may not answer the open stage, and
    ChangedMeanwhile where somebody else was first.
    """
    turn = _check_turn(request, by, at=at)  # who may not, need not wait for the evidence
    if request.deployment.gone_at and not request.deployment.is_expected:
        raise refuse(
            "deployment_gone",
            f"The deployment {request.deployment} is no longer in Azure, so nothing can be granted "
            "on it. Deny the request, or create the deployment again. Nothing was written.",
        )
    judged = evidence.gather(evidence.asked_of(request), at=at)
    seen = evidence_rows.store(request, judged, at=at)
    number = judged.policy_number or policy.current_number(at=at)
    pool, heard = lock_and_hear(request)
    voice = voice_of(request, by, at=at, turn=turn, heard=heard)
    return Answer(request, by, voice, seen, judged.facts, number, pool, at, turn.asked)


def begin_denial(request: CapacityRequest, *, by: User, at: datetime) -> Answer:
    """As `begin`, on the evidence that is there: saying no needs no room and no newer figures."""
    turn = _check_turn(request, by, at=at)
    pool, heard = lock_and_hear(request)
    voice = voice_of(request, by, at=at, turn=turn, heard=heard)
    seen = request.evidence.first()
    facts = RequestFacts.from_json(seen.facts["policy_facts"]) if seen else None
    number = policy.current_number(at=at)
    return Answer(request, by, voice, seen, facts, number, pool, at, turn.asked)


def _check_turn(request: CapacityRequest, by: User, *, at: datetime) -> Turn:
    """The turn of the open stage, where it names this person; who said yes already is looked at
    under the lock. Whoever looks at something that has changed meanwhile hears that first.
    """
    turn = turn_of(request, by, at=at)
    try:
        voice_of(request, by, at=at, turn=turn, heard=())
        return turn
    except DomainError:
        if not _as_looked_at(request).exists():
            raise ChangedMeanwhile(f"Request #{request.pk}") from None
        raise


def _as_looked_at(request: CapacityRequest) -> QuerySet[CapacityRequest]:
    found: QuerySet[CapacityRequest] = CapacityRequest.objects.filter(
        pk=request.pk,
        state=request.state,
        content_hash=request.content_hash,
        stage=request.stage,
    )
    return found


def lock_with_pool(request: CapacityRequest) -> Pool:
    """As `lock_and_hear`, for those who need not know what was said."""
    return lock_and_hear(request)[0]


# `_as_looked_at`, locked; with the pool that feeds its deployment, and `standing_approvals`. Both
# are certain, as whoever moves a deployment or writes an approval has the pool locked. In SQL and
# in one statement, as others wait for the pool meanwhile.
LOCKED = """
SELECT deployment.pool_id, said.stage, said.decided_by_id, said.delegated_by_id, said.outcome,
    said.units, said.starts_at, said.ends_at
FROM quotas_capacityrequest request
JOIN quotas_deployment deployment ON deployment.id = request.deployment_id
LEFT JOIN quotas_decision said ON said.request_id = request.id AND said.outcome = ANY(%s)
    AND said.voided_at IS NULL AND said.content_hash = request.content_hash
WHERE request.id = %s AND request.state = %s AND request.content_hash = %s AND request.stage = %s
FOR NO KEY UPDATE OF request"""


def lock_and_hear(request: CapacityRequest) -> tuple[Pool, list[Spoken]]:
    """The pool that feeds its deployment, locked, and then the request (`lock_request`); and every
    approval of it that stands. Raises ChangedMeanwhile, also where a sync found the deployment fed
    by another pool.
    """
    pool = lock_pool(request.deployment.pool_id)
    approvals = [str(each) for each in Decision.APPROVALS]
    seen = (request.pk, str(request.state), request.content_hash, request.stage)
    with connection.cursor() as cursor:
        cursor.execute(LOCKED, (approvals, *seen))
        rows = cursor.fetchall()
    if not rows:
        raise ChangedMeanwhile(f"Request #{request.pk}")
    if rows[0][0] != pool.pk:
        raise fed_by_another(request.deployment)
    return pool, [Spoken(*said) for _, *said in rows if said[0] is not None]


def lock_request(request: CapacityRequest) -> None:
    """Two people who answer at once do it one after the other; the second is told so. What was
    looked at is what is answered. Raises ChangedMeanwhile.
    """
    if not _as_looked_at(request).select_for_update(no_key=True).exists():
        raise ChangedMeanwhile(f"Request #{request.pk}")


def record(answer: Answer, outcome: str, *, note: str = "", terms: Terms | None = None) -> Decision:
    """The row of this answer, bound to the content and the evidence that it saw."""
    return Decision.objects.create(
        request=answer.request,
        stage=max(1, answer.request.stage),
        decided_by=answer.by,
        delegated_by_id=answer.voice.delegated_by_id,
        outcome=outcome,
        note=note.strip(),
        units=terms.units if terms else None,
        starts_at=terms.window.start if terms else None,
        ends_at=terms.window.end if terms else None,
        content_hash=answer.request.content_hash,
        evidence=answer.seen,
        policy_version=answer.policy_version,
        policy_facts=answer.facts.as_json() if answer.facts else {},
        at=answer.at,
    )


def agreed_terms(request: CapacityRequest, spoken: Sequence[Spoken] | None = None) -> Terms:
    """What all approvals that stand leave of what was asked: the least, while all of them hold.
    `spoken` are these approvals, where they were read just before.
    """
    asked = terms_of(request)
    rows = voices(request) if spoken is None else spoken
    parts = [part_terms(row, asked) for row in rows if row.outcome == Outcome.PARTIAL]
    left = narrowed(asked, parts)
    if left is None:  # a part is only approved, or kept, inside what is left
        raise ValueError(f"approvals of request {request.pk} have no minute in common")
    return left


def part_terms(row: Decision | Spoken, asked: Terms) -> Terms:
    """The terms of a partial approval or an offer; what it left out is as asked."""
    window = Window(row.starts_at or asked.window.start, row.ends_at or asked.window.end)
    return Terms(asked.units if row.units is None else row.units, window)


def record_own(
    request: CapacityRequest, outcome: str, *, by: User, note: str, at: datetime
) -> Decision:
    """What the requester said to a question or an offer: no approval, but part of the story."""
    seen = request.evidence.first()
    return Decision.objects.create(
        request=request,
        stage=max(1, request.stage),
        decided_by=by,
        outcome=outcome,
        note=note.strip(),
        content_hash=request.content_hash,
        evidence=seen,
        policy_version=request.policy_version or policy.current_number(at=at),
        policy_facts={},
        at=at,
    )
