"""Sandboxes: claimed at once within the pool's room, kept for longer, given up, over by time."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from portal.kernel.errors import DomainError
from portal.kernel.windows import DAY, MINUTE, Window
from portal.models import AuditRow, Message, User
from quotas import tasks
from quotas.domain.ledger import steps_over
from quotas.domain.policy import DEFAULT
from quotas.domain.policy_facts import RequestFacts
from quotas.domain.policy_judge import judge
from quotas.domain.policy_rules import Condition, Operator, Outcome, Policy, Rule
from quotas.models import (
    CapacityRequest,
    Decision,
    Deployment,
    LedgerEntry,
    PolicyVersion,
    Pool,
    Sandbox,
    Service,
    Team,
)
from quotas.selectors.holdings import holdings_of
from quotas.selectors.rooms import pool_entries
from quotas.selectors.unmapped import unmapped_deployments
from quotas.services import give_back, mapping, policy
from quotas.services.requests import submit
from quotas.services.sandboxes import claim, give_up, renew, set_open
from quotas.tests.conftest import Browse, ask, draft, reconcile_at, sync, words_of
from quotas.tests.factories import (
    AUDITOR,
    NOON,
    FakeAzure,
    deployment_seen,
    person,
    service,
    team,
)

END = NOON + 30 * DAY
LATE = END - 3 * DAY
WHOLE = Window(NOON, NOON + 90 * DAY)


@pytest.fixture
def playground(synced: FakeAzure, pool: Pool, cleo: User) -> Deployment:
    """One unit of the pool of 1,000, of which chat and search have 300; open for sandboxes."""
    synced.add(deployment_seen("playground", 1))
    sync(synced)
    found = Deployment.objects.select_related("account", "pool").get(name="playground")
    return set_open(found, is_open=True, by=cleo, at=NOON)


@pytest.fixture
def mine(playground: Deployment, atlas: Team, ben: User) -> Sandbox:
    return claim(playground, purpose="Compare prompts.", by=ben, at=NOON)


def held(at: datetime, deployment: Deployment) -> int:
    rows = LedgerEntry.objects.filter(deployment=deployment).in_force_at(at)
    return sum(row.units for row in rows)


def fullest(pool: Pool) -> int:
    return max(step.units for step in steps_over(pool_entries(pool, WHOLE), WHOLE))


def refusal(call: Any) -> DomainError:
    """What is said, and that nothing at all was written."""
    rows = (LedgerEntry, CapacityRequest, Sandbox, Service, AuditRow, Message, Decision)
    before = [model.objects.count() for model in rows]
    with pytest.raises(DomainError) as refused:
        call()
    assert [model.objects.count() for model in rows] == before
    return refused.value


# ── Claiming ─────────────────────────────────────────────────────────────────────────────────


def test_a_sandbox_is_granted_at_once_for_30_days(
    mine: Sandbox, playground: Deployment, atlas: Team, ben: User
) -> None:
    assert (mine.units, mine.starts_at, mine.ends_at) == (10, NOON, END)
    of = mine.service
    assert (of.owner, of.team, of.tier, of.environment) == (ben, atlas, 4, "development")
    assert (of.name, of.purpose) == ("Sandbox of Ben: gpt-4o", "Compare prompts.")
    (entry,) = LedgerEntry.objects.filter(service=of)
    assert (entry.units, entry.window, entry.kind) == (10, Window(NOON, END), "burst")
    assert held(NOON, playground) == 11
    assert held(END, playground) == 1  # the minute it ends it is over
    assert holdings_of([of.pk], at=NOON)[of.pk].burst == "10k TPM"


def test_it_goes_the_way_of_every_request_with_decision_audit_and_message(
    mine: Sandbox, ben: User
) -> None:
    request = CapacityRequest.objects.get(kind="sandbox")
    assert (request.state, request.requester, request.service) == ("approved", ben, mine.service)
    decision = Decision.objects.get(request=request)
    assert (decision.decided_by, decision.outcome) == (None, "approved")
    facts, rules = decision.policy_facts, PolicyVersion.objects.get().policy
    verdict = judge(RequestFacts.from_json(facts), rules)  # I16: replayed, it says the same
    assert (verdict.outcome, verdict.rule) == (Outcome.AUTO, "Sandboxes")
    verbs = AuditRow.objects.filter(actor_id=ben.pk).values_list("verb", flat=True)
    assert sorted(verbs) == ["sandbox.claimed", "sandbox.submitted"]
    assert AuditRow.objects.filter(verb="sandbox.approved").count() == 1
    assert Message.objects.filter(person=ben, notice__event="request.approved").count() == 1


def test_it_is_written_to_azure_and_taken_back(
    mine: Sandbox, synced: FakeAzure, pool: Pool, cleo: User
) -> None:
    from quotas.services import pools

    pools.switch_mode(pool, mode="apply", by=cleo, at=NOON)
    for minute in range(3):
        reconcile_at(synced, NOON + minute * MINUTE)
    assert synced.units("playground") == 11
    for minute in range(3):
        reconcile_at(synced, END + minute * MINUTE)
    assert synced.units("playground") == 1


def test_two_people_hold_theirs_on_one_deployment(
    mine: Sandbox, playground: Deployment, ada: User
) -> None:
    other = claim(playground, purpose="Try tools.", by=ada, at=NOON)
    assert other.service != mine.service
    assert held(NOON, playground) == 21


def test_one_person_has_one_sandbox_of_a_pool(
    mine: Sandbox, playground: Deployment, ben: User
) -> None:
    said = refusal(lambda: claim(playground, purpose="More.", by=ben, at=NOON))
    assert (said.code, "You have a sandbox of this pool already" in said.sentence) == (
        "sandbox_there",
        True,
    )
    claim(playground, purpose="Again.", by=ben, at=END)  # over by time: no need to wait for a task
    assert [row.slug[-2:] for row in Service.objects.filter(owner=ben)] == ["-1", "-2"]


@pytest.mark.parametrize(
    ("units", "code"), [(11, "above_sandbox"), (0, "nothing_asked"), (-1, "nothing_asked")]
)
def test_more_than_a_sandbox_may_have_is_refused(
    playground: Deployment, atlas: Team, ben: User, units: int, code: str
) -> None:
    said = refusal(lambda: claim(playground, purpose="Try.", by=ben, at=NOON, units=units))
    assert said.code == code
    if code == "above_sandbox":
        assert "register a service with an owner and a purpose" in said.sentence


def test_how_many_units_is_a_setting_and_nought_turns_them_off(
    playground: Deployment, atlas: Team, ben: User, settings: Any
) -> None:
    settings.HEADROOM_SANDBOX_UNITS = 0
    said = refusal(lambda: claim(playground, purpose="Try.", by=ben, at=NOON))
    assert said.code == "no_sandboxes"
    settings.HEADROOM_SANDBOX_UNITS = 3
    assert claim(playground, purpose="Try.", by=ben, at=NOON).units == 3


def test_without_a_purpose_there_is_none(playground: Deployment, atlas: Team, ben: User) -> None:
    assert refusal(lambda: claim(playground, purpose=" ", by=ben, at=NOON)).code == (
        "purpose_missing"
    )


def test_i01_a_sandbox_never_takes_what_is_not_free(
    playground: Deployment, pool: Pool, atlas: Team, ben: User, cleo: User
) -> None:
    """Of 1,000 units 301 are held; the reserve leaves 9 for normal entries."""
    Pool.objects.update(reserve_units=690)
    said = refusal(lambda: claim(playground, purpose="Try.", by=ben, at=NOON))
    assert said.code == "pool_exhausted"
    assert "9,000 tokens per minute would fit" in said.sentence
    assert claim(playground, purpose="Try.", by=ben, at=NOON, units=9).units == 9
    assert fullest(pool) == 310


def test_i01_nor_what_somebody_was_promised_inside_its_30_days(
    playground: Deployment, chat: Service, ada: User, ben: User, cleo: User
) -> None:
    from quotas.services import decisions

    decisions.approve(ask(chat, ada, units=695), by=cleo, note="", at=NOON)  # tomorrow, 10 to 18
    assert refusal(lambda: claim(playground, purpose="Try.", by=ben, at=NOON)).code == (
        "pool_exhausted"
    )


def test_residency_of_the_teams_services_bars_it(
    playground: Deployment, atlas: Team, ada: User, ben: User
) -> None:
    service("Records", atlas, ada, data_residency="region")
    said = refusal(lambda: claim(playground, purpose="Try.", by=ben, at=NOON))
    assert said.code == "residency"
    assert "barred for sandboxes of Atlas, as it is for Records: its data stays in its region" in (
        said.sentence
    )


def test_who_is_in_no_team_has_nobody_who_pays(playground: Deployment) -> None:
    said = refusal(lambda: claim(playground, purpose="Try.", by=person("Nils"), at=NOON))
    assert said.code == "no_team"


def test_who_is_in_several_teams_says_which_pays(
    playground: Deployment, atlas: Team, ben: User
) -> None:
    delta = team("Delta", member=ben)
    said = refusal(lambda: claim(playground, purpose="Try.", by=ben, at=NOON))
    assert said.code == "team_missing"
    other = team("Other")
    said = refusal(lambda: claim(playground, purpose="Try.", by=ben, at=NOON, team=other))
    assert said.code == "not_yours"
    assert claim(playground, purpose="Try.", by=ben, at=NOON, team=delta).service.team == delta


def policy_with(*rules: Rule) -> None:
    number, _ = policy.current(at=NOON)
    PolicyVersion.objects.create(
        number=number + 1,
        content=Policy((*rules, *DEFAULT.rules), DEFAULT.longest_hours).as_json(),
        published_at=NOON,
        published_by_id=None,
    )


def test_a_policy_may_refuse_sandboxes_with_a_reason(
    playground: Deployment, atlas: Team, ben: User
) -> None:
    full = Condition("pool_peak_share", Operator.ABOVE, Decimal("0.2"))
    policy_with(Rule("No sandboxes", Outcome.DENY, ("sandbox",), (full,), reason="Month-end"))
    said = refusal(lambda: claim(playground, purpose="Try.", by=ben, at=NOON))
    assert (said.code, "refuses this: Month-end" in said.sentence) == ("policy_refuses", True)


def test_nobody_asks_for_a_sandbox_past_its_own_door(
    mine: Sandbox, chat: Service, ada: User, ben: User, browse: Browse
) -> None:
    """Neither by the kind of a request, nor by a burst of the sandbox's service."""
    own = draft(chat)
    tries = [
        (replace(own, kind="sandbox"), ada),
        (replace(own, kind="sandbox", deployment=mine.deployment), ada),
        (replace(own, kind="sandbox", service=mine.service, deployment=mine.deployment), ada),
        (replace(own, service=mine.service, deployment=mine.deployment), ben),  # a burst of it
    ]
    for asked, by in tries:
        said = refusal(lambda asked=asked, by=by: submit(asked, by=by, at=NOON))
        assert said.code == "not_yours"
    body = {"service": "chat-assistant", "deployment": "chat", "kind": "sandbox", "units": 1}
    answer = browse(ada).post("/api/v1/requests/", body, content_type="application/json")
    assert answer.status_code == 400


# ── Keeping, giving up, ending ───────────────────────────────────────────────────────────────


def test_it_is_kept_for_30_more_days_and_nothing_drops_in_between(
    mine: Sandbox, playground: Deployment, pool: Pool, ben: User
) -> None:
    kept = renew(mine, by=ben, at=LATE)
    assert kept.ends_at == LATE + 30 * DAY
    for at in (LATE, END - MINUTE, END, kept.ends_at - MINUTE):
        assert held(at, playground) == 11
    assert held(kept.ends_at, playground) == 1
    entries = LedgerEntry.objects.filter(service=mine.service).order_by("effective_from")
    assert [entry.window for entry in entries] == [
        Window(NOON, END),
        Window(END, kept.ends_at),
    ]
    assert AuditRow.objects.filter(verb="sandbox.renewed").count() == 1
    again = renew(kept, by=ben, at=kept.ends_at - DAY)  # and so on, as long as somebody clicks
    assert held(again.ends_at - MINUTE, playground) == 11


@pytest.mark.parametrize(
    ("who", "at", "code"),
    [
        ("Ben", NOON + DAY, "too_early"),
        ("Ben", END, "sandbox_over"),
        ("Ada", LATE, "not_yours"),  # not even the lead of the team
        ("Cleo", LATE, "not_yours"),
    ],
)
def test_who_keeps_it_and_when(
    mine: Sandbox, cleo: User, who: str, at: datetime, code: str
) -> None:
    assert refusal(lambda: renew(mine, by=person(who), at=at)).code == code


def test_the_same_click_twice_keeps_it_once(
    mine: Sandbox, playground: Deployment, ben: User
) -> None:
    renew(mine, by=ben, at=LATE)
    assert refusal(lambda: renew(mine, by=ben, at=LATE)).code == "too_early"
    assert held(END + DAY, playground) == 11


def test_it_is_not_kept_where_others_were_promised_the_room(
    mine: Sandbox, playground: Deployment, ben: User
) -> None:
    Pool.objects.update(reserve_units=690)
    assert refusal(lambda: renew(mine, by=ben, at=LATE)).code == "pool_exhausted"
    mine.refresh_from_db()
    assert mine.ends_at == END


def test_what_was_revoked_is_not_kept(mine: Sandbox, cleo: User, ben: User) -> None:
    request = CapacityRequest.objects.get(kind="sandbox")
    give_back.revoke(request, by=cleo, reason="Needed.", at=NOON + DAY)
    assert refusal(lambda: renew(mine, by=ben, at=LATE)).code == "nothing_left"


@pytest.mark.parametrize("who", ["Ben", "Cleo"])
def test_given_up_its_units_are_free_at_once(
    mine: Sandbox, playground: Deployment, cleo: User, who: str
) -> None:
    at = NOON + DAY
    give_up(mine, by=person(who), at=at)
    assert held(at, playground) == 1
    mine.refresh_from_db()
    assert (mine.ended_at, mine.service.lifecycle) == (at, "retired")
    assert Message.objects.filter(notice__event="sandbox.ended").count() == 1
    assert refusal(lambda: give_up(mine, by=person(who), at=at)).code == "sandbox_over"


def test_given_up_after_it_was_kept_nothing_of_it_is_left(
    mine: Sandbox, playground: Deployment, ben: User
) -> None:
    kept = renew(mine, by=ben, at=LATE)
    give_up(kept, by=ben, at=LATE)
    assert [held(at, playground) for at in (LATE, END, END + DAY)] == [1, 1, 1]


def test_nobody_else_ends_it(mine: Sandbox, ada: User, dan: User) -> None:
    for user in (ada, dan):
        assert refusal(lambda user=user: give_up(mine, by=user, at=NOON)).code == "not_yours"


def test_it_ends_by_time_alone_and_its_past_stays(
    mine: Sandbox, playground: Deployment, noon: Any
) -> None:
    noon.move_to(END)
    tasks.time_out_requests()
    tasks.time_out_requests()
    mine.refresh_from_db()
    assert (mine.ended_at, mine.service.lifecycle) == (END, "retired")
    assert AuditRow.objects.filter(verb="sandbox.ended").count() == 1
    assert Message.objects.filter(notice__event="sandbox.ended").count() == 1
    assert LedgerEntry.objects.filter(service=mine.service, units__lt=0).count() == 0


def test_its_person_is_reminded_a_week_before_once_for_each_end(
    mine: Sandbox, ben: User, noon: Any
) -> None:
    def told() -> int:
        tasks.tell_news()
        return Message.objects.filter(person=ben, notice__event="sandbox.ending").count()

    noon.move_to(END - 7 * DAY - MINUTE)
    assert told() == 0
    noon.move_to(END - 7 * DAY)
    assert (told(), told()) == (1, 1)
    kept = renew(mine, by=ben, at=END - 7 * DAY)
    assert told() == 1
    noon.move_to(kept.ends_at - DAY)
    assert told() == 2


# ── Where sandboxes can be ───────────────────────────────────────────────────────────────────


def test_a_deployment_that_takes_sandboxes_is_not_among_the_unmapped(
    playground: Deployment, cleo: User
) -> None:
    assert "playground" not in {row.name for row in unmapped_deployments(cleo, at=NOON)}


def test_it_cannot_be_given_to_a_service_while_it_is_open(
    playground: Deployment, atlas: Team, ada: User, cleo: User
) -> None:
    records = service("Records", atlas, ada)
    with pytest.raises(DomainError, match="open for sandboxes"):
        mapping.map_deployment(playground, service=records, by=cleo, at=NOON)


def test_only_owners_of_its_pool_open_and_close_one(
    playground: Deployment, pool: Pool, ada: User, dan: User, cleo: User
) -> None:
    other = Deployment.objects.get(name="chat")
    for user in (ada, person("Audrey", AUDITOR)):
        said = refusal(lambda user=user: set_open(other, is_open=True, by=user, at=NOON))
        assert said.code == "not_yours"
    pool.owners.add(dan)
    assert set_open(other, is_open=True, by=dan, at=NOON).takes_sandboxes
    set_open(other, is_open=True, by=dan, at=NOON)
    verbs = AuditRow.objects.filter(subject=f"deployment/{other.pk}", actor_id=dan.pk)
    assert [row.verb for row in verbs] == ["deployment.opened_for_sandboxes"]
    set_open(other, is_open=False, by=dan, at=NOON)
    assert not Deployment.objects.get(pk=other.pk).takes_sandboxes


def test_a_services_own_deployment_takes_none(chat: Service, cleo: User) -> None:
    of_chat = chat.deployments.get()
    assert refusal(lambda: set_open(of_chat, is_open=True, by=cleo, at=NOON)).code == "mapped"


def test_it_is_not_closed_while_somebody_has_a_sandbox_on_it(
    mine: Sandbox, playground: Deployment, cleo: User
) -> None:
    said = refusal(lambda: set_open(playground, is_open=False, by=cleo, at=NOON))
    assert "1 sandbox is on acme/playground; the last ends Wed 01 Apr" in said.sentence


def test_provisioned_capacity_takes_none(playground: Deployment, pool: Pool, cleo: User) -> None:
    Pool.objects.update(kind="provisioned")
    other = Deployment.objects.select_related("pool").get(name="chat")
    assert refusal(lambda: set_open(other, is_open=True, by=cleo, at=NOON)).code == (
        "not_for_sandboxes"
    )
    assert not Deployment.objects.open_for_sandboxes().exists()


# ── Pages and API ────────────────────────────────────────────────────────────────────────────

PAGE = "/sandboxes/"


def test_a_sandbox_is_claimed_with_two_fields_and_kept_and_ended_on_the_page(
    browse: Browse, playground: Deployment, atlas: Team, ben: User, noon: Any
) -> None:
    client = browse(ben)
    shown = words_of(client.get(PAGE))
    assert "Claim a sandbox" in shown
    assert "Which team pays" not in shown
    assert "Register a service" not in shown  # that is for leads
    body = {"deployment": playground.pk, "purpose": "Compare prompts."}
    shown = words_of(client.post(PAGE, body, follow=True))
    assert "10k TPM of gpt-4o are yours until" in shown
    assert "You have 1 sandbox" in shown
    mine = Sandbox.objects.get()
    noon.move_to(LATE)
    client.force_login(ben)
    assert "Keep it for 30 more days" in words_of(client.get(PAGE))
    client.post(reverse("sandbox_keep", args=[mine.pk]))
    mine.refresh_from_db()
    assert mine.ends_at == LATE + 30 * DAY
    shown = words_of(client.post(reverse("sandbox_end", args=[mine.pk]), follow=True))
    assert "The sandbox is over; what it held is free again." in shown
    assert not Sandbox.objects.live().exists()


def test_the_page_says_what_is_wrong_beside_the_field(
    browse: Browse, playground: Deployment, atlas: Team, ben: User
) -> None:
    client = browse(ben)
    answer = client.post(PAGE, {"deployment": playground.pk, "purpose": ""})
    assert (answer.status_code, "Say what you want to try out." in words_of(answer)) == (422, True)
    Pool.objects.update(reserve_units=690)
    answer = client.post(PAGE, {"deployment": playground.pk, "purpose": "Try."})
    assert (answer.status_code, "would fit over the whole window" in words_of(answer)) == (
        422,
        True,
    )


def test_the_empty_page_teaches(browse: Browse, pool: Pool, atlas: Team, cleo: User) -> None:
    assert "A platform owner opens a deployment for them" in words_of(
        browse(person("Ben")).get(PAGE)
    )
    assert "You are in no team yet" in words_of(browse(person("Nils")).get(PAGE))
    team("Platform", lead=cleo)
    client = browse(cleo)
    assert "Open a deployment for them below" in words_of(client.get(PAGE))
    chat = Deployment.objects.get(name="chat")
    client.post(reverse("sandboxes_open"), {"deployment": chat.pk, "open": "1"})
    assert Deployment.objects.open_for_sandboxes().get() == chat
    assert "Claim a sandbox" in words_of(client.get(PAGE))


def test_i19_a_person_of_another_team_sees_nothing_of_it(
    browse: Browse, mine: Sandbox, dan: User, delta: Team
) -> None:
    client = browse(dan)
    assert "Ben" not in words_of(client.get(PAGE))
    for name in ("sandbox_keep", "sandbox_end"):
        assert client.post(reverse(name, args=[mine.pk])).status_code == 404
    assert client.get(reverse("service", args=[mine.service.slug])).status_code == 404
    assert client.get("/api/v1/sandboxes/").json()["results"] == []
    for verb in ("keep", "end"):
        assert client.post(f"/api/v1/sandboxes/{mine.pk}/{verb}/").status_code == 404
    playground = Deployment.objects.get(name="playground")
    client.post(reverse("sandboxes_open"), {"deployment": playground.pk, "open": ""})
    assert Deployment.objects.get(name="playground").takes_sandboxes


def test_operators_see_it_on_the_pool_the_calendar_and_the_service_page(
    browse: Browse, mine: Sandbox, pool: Pool, cleo: User, ben: User
) -> None:
    client = browse(cleo)
    for page in (
        reverse("pool", args=[pool.pk]),
        reverse("pool_calendar", args=[pool.pk]),
        PAGE,
    ):
        assert "Ben" in words_of(client.get(page)), page
    own = words_of(browse(ben).get(reverse("service", args=[mine.service.slug])))
    assert "A sandbox: it ends" in own
    assert "acme/playground" in own
    assert "Request burst" not in own


def test_its_person_sees_how_it_came_to_azure_and_nothing_of_the_others_on_it(
    browse: Browse,
    mine: Sandbox,
    playground: Deployment,
    synced: FakeAzure,
    pool: Pool,
    ada: User,
    ben: User,
    cleo: User,
) -> None:
    from quotas.services import pools

    pools.switch_mode(pool, mode="apply", by=cleo, at=NOON)
    reconcile_at(synced, NOON)
    later = NOON + 30 * MINUTE
    of_ada = claim(playground, purpose="Try a tone.", by=ada, at=later)
    for minute in range(3):
        reconcile_at(synced, later + minute * MINUTE)
    assert synced.units("playground") == 21
    first, second = (each.service.requests.get().pk for each in (mine, of_ada))
    own = browse(ben).get(reverse("service", args=[mine.service.slug])).context["page"].changes
    assert {text for row in own for text, _ in row.why} == {f"#{first} starts"}
    hers = browse(ada).get(reverse("service", args=[of_ada.service.slug])).context["page"].changes
    assert [[text for text, _ in row.why] for row in hers] == [[f"#{second} starts"]]


def test_the_api_claims_keeps_and_ends(
    browse: Browse, playground: Deployment, atlas: Team, ben: User, noon: Any
) -> None:
    client = browse(ben)
    body = {"deployment": playground.pk, "purpose": "Compare.", "units": 4}
    made = client.post("/api/v1/sandboxes/", body, content_type="application/json")
    assert made.status_code == 201
    found = made.json()
    assert (found["units"], found["tokens_per_minute"], found["team"]) == (4, 4000, "atlas")
    assert (found["person"], found["deployment"], found["ended_at"]) == ("ben", "playground", None)
    twice = client.post("/api/v1/sandboxes/", body, content_type="application/json")
    assert (twice.status_code, twice.json()["code"]) == (422, "sandbox_there")
    address = f"/api/v1/sandboxes/{found['id']}"
    early = client.post(f"{address}/keep/")
    assert (early.status_code, early.json()["code"]) == (422, "too_early")
    noon.move_to(LATE)
    client.force_login(ben)
    kept = client.post(f"{address}/keep/").json()
    assert datetime.fromisoformat(kept["ends_at"]) == LATE + timedelta(days=30)
    assert client.post(f"{address}/end/").json()["ended_at"] is not None
    assert len(client.get("/api/v1/sandboxes/").json()["results"]) == 1
