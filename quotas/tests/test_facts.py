"""Changing what is known of a service: by whom, what is refused, and that nothing is lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import AuditRow, RoleGrant, User
from portal.outbox import Event
from quotas.models import Deployment, FactsChange, Membership, Pool, Sandbox, Service, Team
from quotas.selectors.facts import FACTS, facts_of, seen
from quotas.services.facts import change_facts
from quotas.tests.conftest import Browse, words_of
from quotas.tests.factories import AUDITOR, FINANCE, NOON, PLATFORM_OWNER, person
from quotas.tests.onboarding_world import CLAIMS_LETTERS, register, the_plan, told

OTHER = {
    "environment": "test",
    "tier": 3,
    "purpose": "Answers on the intranet.",
    "user_population": "All 900 of the staff.",
    "if_throttled": "They search by hand.",
    "proof_metric": "Answers a day.",
    "data_class": "internal",
    "data_residency": "anywhere",
}


def change(service: Service, by: User, **wanted: Any) -> Service:
    return change_facts(service, wanted, as_seen=seen(service), by=by, at=NOON)


def rows() -> list[FactsChange]:
    """Oldest first; the audit has a row for each of them."""
    found = list(FactsChange.objects.order_by("pk"))
    audited = AuditRow.objects.filter(verb="service.facts_changed").order_by("pk")
    assert [row.detail["change"] for row in audited] == [row.pk for row in found]
    return found


def test_every_fact_can_be_changed_and_it_is_kept_from_what_to_what(
    chat: Service, ada: User
) -> None:
    before = facts_of(chat)
    assert set(OTHER) == set(FACTS)
    change(chat, ada, **OTHER)
    chat.refresh_from_db()
    assert facts_of(chat) == OTHER
    [row] = rows()
    changed = {name for name in FACTS if before[name] != OTHER[name]}
    assert row.before == {name: before[name] for name in changed}
    assert row.after == {name: OTHER[name] for name in changed}
    audited = AuditRow.objects.get(verb="service.facts_changed")
    assert (audited.actor_id, audited.subject) == (ada.pk, f"service/{chat.pk}")
    assert set(audited.detail["facts"]) == changed
    assert audited.detail["before"] == {"environment": "production", "tier": 2, "data_class": ""}
    assert audited.detail["after"] == {"environment": "test", "tier": 3, "data_class": "internal"}


def test_the_same_again_writes_nothing(chat: Service, ada: User) -> None:
    change(chat, ada, **facts_of(chat))
    change(chat, ada, purpose=f"  {chat.purpose} ")
    old = seen(chat)
    change(chat, ada, tier=3)
    change_facts(chat, {"tier": 3}, as_seen=old, by=ada, at=NOON)  # the same call, sent twice
    assert [row.after for row in rows()] == [{"tier": 3}]


def test_who_answers_is_told_and_of_what_approvers_go_by_the_platform_owners(
    chat: Service, ada: User, ben: User, cleo: User
) -> None:
    Service.objects.filter(pk=chat.pk).update(deputy=ben)
    change(chat, ada, purpose="Another.")
    assert told(Event.SERVICE_FACTS_CHANGED) == {"ben"}
    chat.refresh_from_db()
    change_facts(
        chat, {"environment": "test"}, as_seen=seen(chat), by=ben, at=NOON.replace(hour=13)
    )
    assert told(Event.SERVICE_FACTS_CHANGED) == {"ada", "ben", "cleo"}


@pytest.mark.parametrize(
    ("who", "changes", "raises"),
    [
        ("lead", True, False),
        ("owner", True, False),
        ("deputy", True, False),
        ("member", False, False),
        ("other team", False, False),
        ("finance", False, False),
        ("auditor", False, False),
        ("platform owner", True, True),
        ("platform owner who leads the team", True, False),
    ],
)
def test_who_may_change_facts_and_who_may_raise_the_tier(
    chat: Service, atlas: Team, ada: User, dan: User, who: str, changes: bool, raises: bool
) -> None:
    by = _somebody(who, chat, atlas, ada, dan)
    for may, wanted in ((changes, {"tier": 4}), (raises, {"tier": 1})):
        chat.refresh_from_db()
        if may:
            assert change(chat, by, **wanted).tier == wanted["tier"]
        else:
            with pytest.raises(DomainError) as refused:
                change(chat, by, **wanted)
            expected = "tier_not_yours" if changes else "not_yours"
            assert refused.value.code == expected
    assert len(rows()) == changes + raises


def _somebody(who: str, chat: Service, atlas: Team, ada: User, dan: User) -> User:
    roles = {"finance": FINANCE, "auditor": AUDITOR}
    if who in ("lead", "other team"):
        return ada if who == "lead" else dan
    if who in roles:
        return person("Somebody", roles[who])
    found = person("Somebody")
    if who.startswith("platform owner"):
        RoleGrant.objects.create(user=found, role=PLATFORM_OWNER, granted_at=NOON)
    if who != "platform owner":
        role = Membership.Role.LEAD if who.endswith("leads the team") else Membership.Role.MEMBER
        Membership.objects.create(team=atlas, user=found, role=role)
    if who in ("owner", "deputy"):
        Service.objects.filter(pk=chat.pk).update(**{who: found})
    return found


def test_a_sandbox_stays_what_it_is(pool: Pool, chat: Service, ada: User, cleo: User) -> None:
    Sandbox.objects.create(
        service=chat, person=ada, pool=pool, deployment=chat.deployments.get(), units=1,
        starts_at=NOON, ends_at=NOON + timedelta(days=30),
    )  # fmt: skip
    for by in (ada, cleo):
        with pytest.raises(DomainError, match="a sandbox stays what it is"):
            change(Service.objects.get(pk=chat.pk), by, purpose="More.")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"purpose": "  "}, "purpose_missing"),
        ({"if_throttled": ""}, "if_throttled_missing"),
        ({"data_class": "secret"}, "class_unknown"),
        ({"data_class": "restricted"}, "too_far_for_its_class"),
        ({"data_residency": "data_zone"}, "residency_of_held"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    chat: Service, ada: User, wanted: dict[str, str], code: str
) -> None:
    before = facts_of(chat)
    with pytest.raises(DomainError) as refused:
        change(chat, ada, tier=4, **wanted)
    assert refused.value.code == code
    chat.refresh_from_db()
    assert (facts_of(chat), rows()) == (before, [])


def test_what_nobody_ever_said_need_not_be_said_to_change_something_else(
    chat: Service, ada: User
) -> None:
    assert (chat.proof_metric, chat.data_class) == ("", "")
    assert change(chat, ada, tier=4).tier == 4


def test_narrowing_names_what_it_would_bar_and_why(chat: Service, ada: User) -> None:
    with pytest.raises(DomainError) as refused:
        change(chat, ada, data_residency="region")
    sentence = refused.value.sentence
    assert "chat" in sentence
    assert "a GlobalStandard deployment may process it in any region of the world" in sentence
    Deployment.objects.filter(name="chat").update(sku_name="Standard")
    assert change(chat, ada, data_residency="region").data_residency == "region"
    Deployment.objects.filter(name="chat").update(sku_name="GlobalStandard")
    chat.refresh_from_db()
    assert change(chat, ada, data_residency="data_zone").data_residency == "data_zone"  # wider


def test_a_deployment_that_is_planned_counts_as_well(
    pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    service = register(atlas, ada, ben, by=ada)
    with pytest.raises(DomainError, match="claims-letters"):
        change(service, ada, data_residency="region")
    Deployment.objects.filter(pk=the_plan().deployment_id).update(service=None)
    the_plan().delete()
    assert change(service, ada, data_residency="region").data_residency == "region"


def test_where_somebody_else_was_first_nothing_is_overwritten(
    chat: Service, ada: User, cleo: User
) -> None:
    old = seen(chat)
    change(chat, cleo, purpose="Cleo's.")
    with pytest.raises(ChangedMeanwhile):
        change_facts(chat, {"purpose": "Ada's."}, as_seen=old, by=ada, at=NOON)
    chat.refresh_from_db()
    assert chat.purpose == "Cleo's."


def shown(page: HttpResponse) -> dict[str, Any]:
    """What a browser sends of a form that nobody touched."""
    form = page.context["form"]
    values = {name: form[name].value() for name in form.fields}
    hidden = {f"initial-{name}": values[name] for name in FACTS}
    return {**values, **hidden}


def test_on_the_page_one_thing_is_changed_and_the_rest_left_alone(
    browse: Browse, chat: Service, ada: User
) -> None:
    page, client = reverse("service_facts", args=[chat.slug]), browse(ada)
    assert page in client.get(chat.get_absolute_url()).content.decode()
    opened = client.get(page)
    assert "initial-purpose" in opened.content.decode()
    tiers = [int(value) for value, _ in opened.context["form"].fields["tier"].choices]
    assert tiers == [2, 3, 4]  # higher is not hers to choose
    wrong = client.post(page, {**shown(opened), "purpose": ""})
    assert (wrong.status_code, "Say what it is for" in words_of(wrong)) == (422, True)
    raised = client.post(page, {**shown(opened), "tier": "1"})
    assert (raised.status_code, rows()) == (422, [])
    barred = client.post(page, {**shown(opened), "data_residency": "region"})
    assert "may process it in any region of the world" in words_of(barred)
    assert barred.context["form"].errors.keys() == {"data_residency"}
    done = client.post(page, {**shown(opened), "purpose": "Answers."}, follow=True)
    assert "Chat assistant: purpose changed." in words_of(done)
    assert [row.after for row in rows()] == [{"purpose": "Answers."}]
    same = client.post(page, shown(client.get(page)), follow=True)
    assert "Nothing was changed." in words_of(same)
    assert len(rows()) == 1


def test_a_form_opened_before_somebody_elses_change_is_told_and_keeps_what_was_typed(
    browse: Browse, chat: Service, ada: User, cleo: User
) -> None:
    page, client = reverse("service_facts", args=[chat.slug]), browse(ada)
    opened = client.get(page)
    change(chat, cleo, purpose="Cleo's.", tier=3)
    mine = {**shown(opened), "purpose": "Ada's.", "proof_metric": "Answers a day."}
    told_so = client.post(page, mine)
    assert told_so.status_code == 422
    assert "Cleo changed tier and purpose since you opened this page." in words_of(told_so)
    form = told_so.context["form"]
    assert form.errors["purpose"] == ["It is now: Cleo's."]
    assert (form["purpose"].value(), form["tier"].value()) == ("Ada's.", "3")
    assert len(rows()) == 1
    again = {name: form[name].value() for name in form.fields}
    hidden = {f"initial-{n}": form.data[f"initial-{n}"] for n in FACTS}
    client.post(page, {**again, **hidden})
    chat.refresh_from_db()
    assert (chat.purpose, chat.tier, chat.proof_metric) == ("Ada's.", 3, "Answers a day.")
    assert rows()[-1].before == {"purpose": "Cleo's.", "proof_metric": ""}


@pytest.mark.parametrize("name", ["service_facts", "api_service_facts"])
def test_dan_of_another_team_sees_nothing_of_it_and_ben_may_not(
    browse: Browse, chat: Service, ben: User, dan: User, name: str
) -> None:
    address = reverse(name, args=[chat.slug])
    assert browse(dan).get(address).status_code == 404
    refused = send(browse(ben), address, {"purpose": "Mine."})
    assert refused.status_code == 422
    assert send(browse(dan), address, {"purpose": "Mine."}).status_code == 404
    assert "Change facts" not in words_of(browse(ben).get(chat.get_absolute_url()))


def send(client: Client, address: str, data: dict[str, Any]) -> HttpResponse:
    if "/api/" not in address:
        return client.post(address, data)
    return client.patch(address, {"seen": "x", **data}, content_type="application/json")


def test_by_the_api_what_is_named_is_changed_as_it_was_read(
    browse: Browse, chat: Service, ada: User, cleo: User
) -> None:
    address, client = reverse("api_service_facts", args=[chat.slug]), browse(ada)
    read = client.get(address).json()
    assert read == {"service": chat.slug, **facts_of(chat), "seen": seen(chat)}
    wanted = {"seen": read["seen"], "purpose": "Answers.", "tier": 3}
    answer = send(client, address, wanted)
    assert answer.json() == {
        **read, "purpose": "Answers.", "tier": 3, "seen": client.get(address).json()["seen"],
    }  # fmt: skip
    assert send(client, address, wanted).status_code == 200  # the same call, sent twice
    late = send(client, address, {"seen": read["seen"], "purpose": "Other."})
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    blank = send(client, address, {"purpose": "", "data_class": "secret"})
    assert (blank.status_code, set(blank.json()["errors"])) == (400, {"purpose", "data_class"})
    unseen = client.patch(address, {"purpose": "X"}, content_type="application/json")
    assert set(unseen.json()["errors"]) == {"seen"}
    assert len(rows()) == 1
    assert set(CLAIMS_LETTERS) - {"name"} == set(FACTS)  # what registering asks, and no more
