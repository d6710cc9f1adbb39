"""Taking a deployment from its service: from when on, what stays, what stands in its way."""

from datetime import timedelta

import pytest
from django.urls import reverse

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import AuditRow, User
from portal.outbox import Event
from quotas.models import CapacityRequest, Deployment, GivenReason, LedgerEntry, Pool, Service, Team
from quotas.services import decisions
from quotas.services.mapping import map_deployment
from quotas.services.requests import withdraw
from quotas.services.unmapping import unmap_deployment
from quotas.tests.conftest import Browse, ask, reconcile_at, words_of
from quotas.tests.factories import AUDITOR, FINANCE, NOON, FakeAzure, person, service
from quotas.tests.onboarding_world import told

LATER = NOON + timedelta(hours=2)
WHY = "It is the search team's."


def unmap(chat: Service, by: User, reason: str = WHY) -> Deployment:
    return unmap_deployment(chat.deployments.get(), reason=reason, by=by, at=LATER)


def held(at: object, by: Service | None) -> int:
    rows = LedgerEntry.objects.filter(deployment__name="chat", service=by).in_force_at(at)
    return sum(rows.values_list("units", flat=True))


def test_from_then_on_it_is_nobodys_and_what_was_before_stays(
    chat: Service, applying: Pool, azure: FakeAzure, atlas: Team, ada: User, cleo: User
) -> None:
    deployment = unmap(chat, cleo)
    before = LATER - timedelta(minutes=1)
    assert [held(at, chat) for at in (NOON, before, LATER)] == [100, 100, 0]
    assert [held(at, None) for at in (NOON, before, LATER)] == [0, 0, 100]
    reconcile_at(azure, LATER)
    assert azure.writes == []
    search = service("Search of all", atlas, ada)
    again = LATER + timedelta(hours=1)
    map_deployment(deployment, service=search, by=cleo, at=again)
    assert [held(at, search) for at in (before, LATER, again)] == [0, 100, 100]
    assert [held(at, chat) for at in (before, LATER)] == [100, 0]


def test_a_baseline_that_was_granted_goes_along(
    chat: Service, ada: User, cleo: User, fay: User
) -> None:
    asked = ask(chat, ada, kind=CapacityRequest.Kind.BASELINE, units=60, ends_at=None)
    for by in (cleo, fay):
        asked = decisions.approve(asked, by=by, note="", at=NOON)
    at = NOON + timedelta(days=2)
    assert (asked.state, held(at, chat)) == ("approved", 160)
    unmap_deployment(chat.deployments.get(), reason=WHY, by=cleo, at=at)
    assert (held(at, chat), held(at, None)) == (0, 160)


def test_it_is_audited_with_its_reason_and_who_answers_is_told(
    chat: Service, ben: User, cleo: User
) -> None:
    Service.objects.filter(pk=chat.pk).update(deputy=ben)
    deployment = unmap(chat, cleo)
    reason = GivenReason.objects.get()
    assert (reason.deployment, reason.reason, reason.given_by) == (deployment, WHY, cleo)
    row = AuditRow.objects.get(verb="deployment.unmapped")
    assert (row.actor_id, row.detail) == (cleo.pk, {"service": chat.pk, "reason": reason.pk})
    assert told(Event.DEPLOYMENT_TAKEN) == {"ada", "ben"}


def test_what_the_service_still_asks_or_was_granted_stands_in_its_way(
    chat: Service, ada: User, cleo: User
) -> None:
    waiting = ask(chat, ada, units=60)
    with pytest.raises(DomainError, match=f"Request #{waiting.pk} waits"):
        unmap(chat, cleo)
    withdraw(waiting, by=ada, at=NOON)
    granted = ask(chat, ada)  # tomorrow, by the policy
    with pytest.raises(DomainError, match=f"request #{granted.pk}") as refused:
        unmap(chat, cleo)
    assert refused.value.code == "still_granted"
    assert not AuditRow.objects.filter(verb="deployment.unmapped").exists()
    assert held(LATER, chat) == 100
    over = granted.ends_at
    unmap_deployment(chat.deployments.get(), reason=WHY, by=cleo, at=over)
    assert (held(over, chat), held(over, None)) == (0, 100)


def test_without_a_reason_or_twice_nothing_is_written(chat: Service, cleo: User) -> None:
    with pytest.raises(DomainError, match="Say why"):
        unmap(chat, cleo, "  ")
    deployment = chat.deployments.get()
    unmap(chat, cleo)
    with pytest.raises(ChangedMeanwhile):
        unmap_deployment(deployment, reason=WHY, by=cleo, at=LATER)
    assert AuditRow.objects.filter(verb="deployment.unmapped").count() == 1


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("platform owner", 302),
        ("member who owns the pool", 302),
        ("lead", 422),
        ("finance", 422),
        ("auditor", 422),
        ("other team", 404),
    ],
)
def test_who_may_map_may_unmap(
    browse: Browse, chat: Service, pool: Pool, ada: User, ben: User, cleo: User, dan: User,
    who: str, status: int,
) -> None:  # fmt: skip
    people = {"platform owner": cleo, "lead": ada, "member who owns the pool": ben}
    roles = {"finance": FINANCE, "auditor": AUDITOR}
    by = person("Somebody", roles[who]) if who in roles else people.get(who, dan)
    if who == "member who owns the pool":
        pool.owners.add(ben)
    page = reverse("unmap_deployment", args=[chat.deployments.get().pk])
    if status != 404:
        shown = browse(by).get(chat.get_absolute_url()).content.decode()
        assert (page in shown) is (status == 302)
    assert browse(by).post(page, {"reason": WHY}).status_code == status
    assert chat.deployments.exists() is (status != 302)


def test_on_the_page_what_follows_is_said_first_and_what_stands_in_the_way_instead(
    browse: Browse, chat: Service, ada: User, cleo: User
) -> None:
    client, deployment = browse(cleo), chat.deployments.get()
    page = reverse("unmap_deployment", args=[deployment.pk])
    assert "From this minute on it is nobody’s" in words_of(client.get(page))
    wrong = client.post(page, {"reason": ""})
    assert (wrong.status_code, "Say why" in words_of(wrong)) == (422, True)
    waiting = ask(chat, ada, units=60)
    assert f"Request #{waiting.pk} waits" in words_of(client.get(page))
    assert client.post(page, {"reason": WHY}).status_code == 422
    withdraw(waiting, by=ada, at=NOON)
    done = client.post(page, {"reason": WHY}, follow=True)
    assert "acme/chat is nobody’s now" in words_of(done)
    assert client.get(page).status_code == 404
    posted = {"service": chat.pk}
    again = client.post(reverse("map_deployment", args=[deployment.pk]), posted, follow=True)
    assert "belongs to Chat assistant since 02 Mar 2026, 12:00 UTC." in words_of(again)
