"""I5, I6, I8, I9 and I16, from the rows before and after a step."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from quotas.domain.policy_facts import RequestFacts
from quotas.domain.policy_judge import judge
from quotas.models import PolicyVersion
from quotas.tests.machine.judge import newly
from quotas.tests.machine.picture import Asked, Picture, Said
from quotas.tests.machine.world import World

ENDED = ("approved", "denied", "withdrawn", "timed_out")
BY_APPROVERS = ("approved", "partial", "counter_offered", "denied", "asked")
Stage = dict[str, Any]


def judge_reviews(before: Picture, after: Picture, world: World, *, at: datetime) -> None:
    for said in after.said.values():
        if said.id not in before.said and said.carried_from_id is None:
            if said.decided_by_id is None:
                i16_the_policy_says_it_again(after, said)
            elif said.outcome in BY_APPROVERS:
                i06_only_who_is_asked_and_did_not_ask(before, after, world, said)
    for request in after.requests.values():
        people = [s.decided_by_id for s in after.standing(request) if s.decided_by_id]
        assert len(people) == len(set(people))  # I6: one person, one stage
        assert request.state in ENDED or request.deadline_at is not None  # I8
    for request in newly(before, after, "approved"):
        i05_every_stage_said_yes_to_exactly_this(after, world, request)
    for number, was in before.requests.items():
        if was.state in ENDED:  # I9
            assert after.requests[number] == was
        assert after.requests.get(number) or was.state == "draft"


def i05_every_stage_said_yes_to_exactly_this(after: Picture, world: World, request: Asked) -> None:
    standing = after.standing(request)
    if not request.stages:
        assert [said.decided_by_id for said in standing if said.stage <= 1] == [None]
    for number, stage in enumerate(request.stages, start=1):
        yes = {s.delegated_by_id or s.decided_by_id for s in standing if s.stage == number}
        asked = approvers(world, stage, request)
        assert asked & yes if stage["mode"] == "any_of" else asked <= yes, number


def approvers(world: World, stage: Stage, request: Asked) -> set[int | None]:
    """Whom a stage of this world's policy names, less those who ask."""
    ids = {name: person.pk for name, person in world.people.items()}
    if stage["approvers"] == "finance":
        named = {ids["fay"]}
    elif stage["mode"] == "all_of":
        named = {ids["olga"], ids["cleo"]}
    else:
        named = {ids["olga"], ids["cleo"]} | ({ids["nils"]} if request.escalated_at else set())
    return named - request.askers


def i06_only_who_is_asked_and_did_not_ask(
    before: Picture, after: Picture, world: World, said: Said
) -> None:
    """Not who asks, nor their delegate; for themselves, or for somebody who is asked."""
    request = after.requests[said.request_id]
    assert said.decided_by_id not in request.askers
    lent = lent_to(said.decided_by_id, world, said.at)
    assert not lent & request.askers
    assert said.delegated_by_id is None or said.delegated_by_id in lent
    speaker = said.delegated_by_id or said.decided_by_id
    # As it stood before: with the last yes the stage is another one, and its escalation is over.
    # Of several steps that happened at once, another may have changed the stages first.
    rows = [p.requests[request.id] for p in (before, after) if request.id in p.requests]
    named = [approvers(world, row.stages[said.stage - 1], row)
             for row in rows if len(row.stages) >= said.stage]  # fmt: skip
    assert any(speaker in people for people in named), (said, named)


def lent_to(person: int | None, world: World, at: datetime) -> set[int]:
    """Who lets this person decide in their place at that moment, for this pool or for all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT from_person_id FROM quotas_delegation WHERE to_person_id = %s "
            "AND effective_from <= %s AND effective_until > %s "
            "AND (pool_id IS NULL OR pool_id = %s)",
            [person, at, at, world.pool.pk],
        )
        return {row[0] for row in cursor.fetchall()}


def i16_the_policy_says_it_again(after: Picture, said: Said) -> None:
    """From the stored facts and the stored version alone."""
    request = after.requests[said.request_id]
    if request.units < 0:
        return  # always granted
    rules = PolicyVersion.objects.get(number=said.policy_version).policy
    assert judge(RequestFacts.from_json(said.policy_facts), rules).automatic


def i16_the_stages_follow_from_the_facts(request: Asked) -> None:
    """Of a request that was just sent, or edited: the newest evidence is what it was judged on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT facts->'policy_facts' FROM quotas_evidence WHERE request_id = %s "
            "ORDER BY id DESC LIMIT 1",
            [request.id],
        )
        facts = RequestFacts.from_json(json.loads(cursor.fetchone()[0]))
    rules = PolicyVersion.objects.get(number=request.policy_version).policy
    assert [stage.as_json() for stage in judge(facts, rules).stages] == request.stages


def i08_nothing_waits_for_ever(after: Picture, *, at: datetime) -> None:
    """After time alone has done its part; a draft lasts 30 days, nothing else as long."""
    for request in after.requests.values():
        if request.state not in ENDED:
            assert request.deadline_at is not None
            assert at < request.deadline_at <= at + timedelta(days=30)
