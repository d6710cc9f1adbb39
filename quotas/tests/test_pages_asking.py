"""Baselines, extensions, transfers, drafts, edits and asking again: each by its page."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from portal.kernel.windows import Window
from portal.models import User
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Service
from quotas.selectors.ask_forms import moved_on
from quotas.tests.conftest import HTMX, Browse, ask, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen, utc

Kind = CapacityRequest.Kind
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def typed(**more: Any) -> dict[str, Any]:
    return {"starts_now": "on", "purpose": "A reason.", "send": "yes", **more}


@pytest.fixture
def baseline(chat: Service) -> str:
    return reverse("request_baseline", args=[chat.slug])


@pytest.fixture
def granted(chat: Service, ada: User) -> CapacityRequest:
    found = ask(chat, by=ada, units=40)
    assert found.state == "approved"
    return found


@pytest.fixture
def second(chat: Service, azure: FakeAzure, cleo: User, atlas: Any, ada: User) -> Service:
    """Another service of Ada's, fed by the same pool."""
    from quotas.services import mapping
    from quotas.tests import factories

    azure.add(deployment_seen("mail", 50))
    sync(azure)
    found = factories.service("Mail", atlas, ada)
    mapping.map_deployment(Deployment.objects.get(name="mail"), service=found, by=cleo, at=NOON)
    return found


def held(name: str) -> int:
    rows = LedgerEntry.objects.filter(deployment__name=name).in_force_at(NOON + timedelta(hours=1))
    return sum(row.units for row in rows)


def test_a_lower_baseline_is_granted_at_once(browse: Browse, baseline: str, ada: User):
    answer = browse(ada).post(baseline, typed(direction="less", amount="30k"))
    sent = CapacityRequest.objects.get()
    assert answer["Location"] == reverse("request", args=[sent.pk])
    assert (sent.kind, sent.units, sent.ends_at, sent.state) == ("baseline", -30, None, "approved")
    assert held("chat") == 70


def test_a_higher_baseline_stays_until_it_is_changed(browse: Browse, baseline: str, ada: User):
    browse(ada).post(baseline, typed(direction="more", amount="20k"))
    sent = CapacityRequest.objects.get()
    assert (sent.units, sent.ends_at) == (20, None)


def test_the_page_of_a_baseline_begins_with_the_own_use(browse: Browse, baseline: str, ada: User):
    answer = browse(ada).get(baseline)
    initial = answer.context["form"].initial
    assert initial["direction"] in ("more", "less")
    assert int(initial["amount"].replace(",", "")) > 0
    assert answer.context["verdict"] is not None
    assert "the p95 minute used" in answer.context["page"].lead


def test_more_than_can_go_is_refused_beside_the_amount(browse: Browse, baseline: str, ada: User):
    answer = browse(ada).post(baseline, typed(direction="less", amount="100k"))
    assert answer.status_code == 422
    assert "at most" in str(answer.context["form"].errors["amount"])
    assert not CapacityRequest.objects.exists()


def test_the_verdict_comes_from_the_same_address(browse: Browse, baseline: str, ada: User):
    query = {"direction": "more", "amount": "20k", "starts_now": "on", "verdict": "yes"}
    answer = browse(ada).get(baseline, query, headers=HTMX)
    assert answer.templates[0].name == "quotas/asking/_verdict.html"
    assert "120,000" in answer.content.decode()
    refused = browse(ada).get(baseline, {**query, "amount": "lots"}, headers=HTMX)
    assert "Write a whole number" in refused.content.decode()


def test_an_extension_begins_where_the_grant_ends(
    browse: Browse, granted: CapacityRequest, ada: User
):
    address = reverse("request_extend", args=[granted.pk])
    begins = browse(ada).get(address).context["form"].initial
    assert begins["ends_at"] == f"{granted.ends_at + timedelta(days=1):%Y-%m-%dT%H:%M}"
    longer = granted.ends_at + timedelta(hours=2)
    browse(ada).post(address, typed(ends_at=f"{longer:%Y-%m-%dT%H:%M}"))
    sent = granted.children.get()
    assert (sent.kind, sent.units, sent.starts_at) == (Kind.EXTENSION, 40, granted.ends_at)
    assert sent.ends_at == longer


def test_an_extension_that_ends_too_early_says_when_it_ends(
    browse: Browse, granted: CapacityRequest, ada: User
):
    address = reverse("request_extend", args=[granted.pk])
    answer = browse(ada).post(address, typed(ends_at=f"{granted.starts_at:%Y-%m-%dT%H:%M}"))
    assert answer.status_code == 422
    assert "It lasts until" in str(answer.context["form"].errors["ends_at"])


def test_what_holds_nothing_cannot_be_extended(browse: Browse, chat: Service, ada: User):
    asked = ask(chat, by=ada, units=90)
    assert asked.state == "in_review"
    answer = browse(ada).get(reverse("request_extend", args=[asked.pk]))
    assert "holds nothing that could last longer" in answer.content.decode()


def test_a_transfer_moves_the_baseline(browse: Browse, second: Service, ada: User, chat: Service):
    address = reverse("request_transfer", args=[chat.slug])
    assert (
        "Mail" in browse(ada).get(address).content.decode()
        or "mail" in browse(ada).get(address).content.decode()
    )
    to = Deployment.objects.get(name="mail")
    browse(ada).post(address, typed(amount="20k", to_deployment=to.pk))
    sent = CapacityRequest.objects.get()
    assert (sent.kind, sent.to_service, sent.units) == (Kind.TRANSFER, second, 20)
    if sent.state == "approved":
        assert (held("chat"), held("mail")) == (80, 70)


def test_a_transfer_to_another_teams_deployment_is_no_choice(
    browse: Browse, second: Service, search: Service, chat: Service, ada: User
):
    address = reverse("request_transfer", args=[chat.slug])
    other = Deployment.objects.get(name="search")
    answer = browse(ada).post(address, typed(amount="20k", to_deployment=other.pk))
    assert answer.status_code == 422
    assert "to_deployment" in answer.context["form"].errors


def test_with_nowhere_to_go_the_page_says_what_to_do(browse: Browse, chat: Service, ada: User):
    answer = browse(ada).get(reverse("request_transfer", args=[chat.slug]))
    assert "Ask for a smaller baseline here" in answer.content.decode()


def test_a_burst_is_kept_as_a_draft_and_sent_from_it(browse: Browse, chat: Service, ada: User):
    address = reverse("request_burst", args=[chat.slug])
    window = {"starts_at": "2026-03-03T10:00", "ends_at": "2026-03-03T18:00"}
    hers = browse(ada)
    hers.post(address, {"amount": "40k", **window, "keep": "yes"})
    kept = CapacityRequest.objects.get()
    assert (kept.state, kept.units, kept.purpose) == ("draft", 40, "")
    resumed = hers.get(hers.get(reverse("draft_resume", args=[kept.pk]))["Location"])
    assert resumed.context["form"].initial["amount"] == "40,000"
    more = {"occasion": "launch", "purpose": "The launch.", "send": "yes"}
    hers.post(resumed.context["page"].here, {"amount": "40k", **window, **more})
    kept.refresh_from_db()
    assert (CapacityRequest.objects.count(), kept.state) == (1, "approved")


def test_a_baseline_is_kept_as_a_draft_too(browse: Browse, baseline: str, ada: User):
    browse(ada).post(
        baseline, {"direction": "less", "amount": "30k", "starts_now": "1", "keep": "1"}
    )
    kept = CapacityRequest.objects.get()
    assert (kept.state, kept.kind, kept.units) == ("draft", "baseline", -30)
    page = browse(ada).get(browse(ada).get(reverse("draft_resume", args=[kept.pk]))["Location"])
    assert page.context["form"].initial["direction"] == "less"


def test_a_draft_is_its_writers_alone(browse: Browse, chat: Service, ada: User, ben: User):
    address = reverse("request_burst", args=[chat.slug])
    window = {"starts_at": "2026-03-03T10:00", "ends_at": "2026-03-03T18:00"}
    browse(ada).post(address, {"amount": "40k", **window, "keep": "yes"})
    kept = CapacityRequest.objects.get()
    for person, listed in ((ada, 1), (ben, 0)):
        page = browse(person).get(chat.get_absolute_url()).context["page"]
        assert len(page.recent) == listed
    for name in ("draft_resume", "request"):
        assert browse(ben).get(reverse(name, args=[kept.pk])).status_code == 404
    assert browse(ben).post(reverse("draft_delete", args=[kept.pk])).status_code == 404
    browse(ada).post(reverse("draft_delete", args=[kept.pk]))
    assert not CapacityRequest.objects.exists()


def test_what_cannot_be_read_is_not_kept(browse: Browse, baseline: str, ada: User):
    answer = browse(ada).post(baseline, {"direction": "more", "amount": "lots", "keep": "yes"})
    assert answer.status_code == 422
    assert not CapacityRequest.objects.exists()


def test_an_open_request_is_edited_on_its_page(browse: Browse, chat: Service, ada: User):
    asked = ask(chat, by=ada, units=90)
    address = reverse("request_edit", args=[asked.pk])
    begins = browse(ada).get(address).context["form"].initial
    assert begins["amount"] == "90,000"
    browse(ada).post(address, {**begins, "amount": "80k", "send": "yes", "starts_now": ""})
    asked.refresh_from_db()
    assert asked.units == 80


def test_an_extension_in_review_is_edited_too(browse: Browse, granted: CapacityRequest, ada: User):
    longer = granted.ends_at + timedelta(days=5)
    browse(ada).post(
        reverse("request_extend", args=[granted.pk]), typed(ends_at=f"{longer:%Y-%m-%dT%H:%M}")
    )
    sent = granted.children.get()
    assert sent.state == "in_review"
    shorter = granted.ends_at + timedelta(days=4)
    address = reverse("request_edit", args=[sent.pk])
    browse(ada).post(address, typed(ends_at=f"{shorter:%Y-%m-%dT%H:%M}"))
    sent.refresh_from_db()
    assert sent.ends_at == shorter


def test_asking_again_fills_in_the_same_for_next_week(
    browse: Browse, granted: CapacityRequest, ada: User
):
    form = browse(ada).get(reverse("request_clone", args=[granted.pk]))["Location"]
    initial = browse(ada).get(form).context["form"].initial
    assert initial["amount"] == "40,000"
    assert initial["purpose"] == granted.purpose


def test_a_repeated_window_keeps_the_wall_clock_across_a_clock_change():
    friday = Window(utc("2026-03-27 08:00"), utc("2026-03-28 08:00"))  # 9 to 9 in Amsterdam
    found = moved_on(friday, at=utc("2026-04-01 00:00"), zone=AMSTERDAM)
    assert (found.start, found.end) == (utc("2026-04-03 07:00"), utc("2026-04-04 07:00"))
    over = Window(utc("2026-03-21 08:00"), utc("2026-03-22 08:00"))
    moved = moved_on(over, at=utc("2026-03-22 09:00"), zone=AMSTERDAM)
    assert moved.end.astimezone(AMSTERDAM).hour == 9
    assert (moved.end - moved.start) == timedelta(days=1)  # by the wall clock
    assert (moved.end.astimezone(ZoneInfo("UTC")) - moved.start.astimezone(ZoneInfo("UTC"))) == (
        timedelta(hours=23)
    )


@pytest.mark.parametrize("name", ["request_baseline", "request_transfer"])
def test_another_team_sees_none_of_it(browse: Browse, chat: Service, dan: User, name: str):
    assert browse(dan).get(reverse(name, args=[chat.slug])).status_code == 404


@pytest.mark.parametrize("name", ["request_extend", "request_edit", "request_clone"])
def test_another_team_sees_no_request(
    browse: Browse, granted: CapacityRequest, dan: User, pool: Pool, name: str
):
    assert browse(dan).get(reverse(name, args=[granted.pk])).status_code == 404
