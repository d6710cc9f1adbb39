"""The register of models: what syncs say, the house's rules, refusals, the calendar, the news."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import AuditRow, Message, User
from portal.outbox import Event
from quotas.domain.model_register import Life
from quotas.models import CapacityRequest, Deployment, ModelLife, ModelRule, Pool, Service, Team
from quotas.selectors.models_page import models_page
from quotas.services.asking import draft_of
from quotas.services.edits import edit
from quotas.services.give_back import give_back
from quotas.services.model_lives import tell_of_retirements
from quotas.services.model_rules import add_rule, end_rule
from quotas.tests.conftest import HTMX, Browse, ask, sync, words_of
from quotas.tests.factories import NOON, FakeAzure, utc

END = utc("2026-05-01 00:00")
ENDING = Life("Deprecating", END, is_planned=True, successor="gpt-4.1 2025-04-14")
DAY = timedelta(days=1)


def phase_out(azure: FakeAzure, life: Life = ENDING) -> None:
    azure.life = life
    sync(azure, NOON)


def rule(by: User, *, allows: bool = False, version: str = "2024-11-20", **more) -> ModelRule:
    facts = {"starts_at": NOON, "reason": "Too dear.", "by": by, "at": NOON}
    return add_rule("gpt-4o", version, allows=allows, **(facts | more))


def test_a_sync_keeps_what_azure_says_and_when_it_first_said_so(synced: FakeAzure):
    assert (ModelLife.objects.get().life, ModelLife.objects.get().said_at) == (Life(), NOON)
    synced.life = ENDING
    sync(synced, NOON + DAY)
    sync(synced, NOON + 2 * DAY)
    found = ModelLife.objects.get()
    assert (found.life, found.said_at) == (ENDING, NOON + DAY)
    synced.deployments.clear()  # and with them what the fake lists
    sync(synced, NOON + 3 * DAY)
    assert ModelLife.objects.get().life == ENDING


def test_more_of_a_deprecated_model_is_refused_with_its_successor(
    synced: FakeAzure, chat: Service, ada: User
):
    phase_out(synced)
    for more in ({}, {"kind": "baseline", "ends_at": None}):
        with pytest.raises(DomainError) as refused:
            ask(chat, ada, **more)
        assert refused.value.code == "model_deprecated"
        assert "Azure retires it on 01 May 2026" in refused.value.sentence
        assert "Ask for gpt-4.1 2025-04-14 instead" in refused.value.sentence
    assert not CapacityRequest.objects.exists()


def test_less_of_it_may_be_asked_and_what_is_held_may_be_given_back(
    synced: FakeAzure, chat: Service, ada: User
):
    held = ask(chat, ada)
    phase_out(synced)
    assert ask(chat, ada, kind="baseline", ends_at=None, units=-20).pk
    assert give_back(held, by=ada, reason="Not needed.", at=NOON).pk


def test_what_is_asked_already_may_be_lowered_and_not_raised(
    synced: FakeAzure, chat: Service, ada: User
):
    waiting = ask(chat, ada, units=60)
    phase_out(synced)
    for more in ({"units": 70}, {"ends_at": waiting.ends_at + timedelta(hours=1)}):
        with pytest.raises(DomainError) as refused:
            edit(waiting, replace(draft_of(waiting), **more), by=ada, at=NOON)
        assert refused.value.code == "model_deprecated"
    assert edit(waiting, replace(draft_of(waiting), units=55), by=ada, at=NOON).units == 55


def test_what_is_only_planned_refuses_nothing_before_its_day(
    synced: FakeAzure, chat: Service, ada: User
):
    phase_out(synced, Life("GenerallyAvailable", END, is_planned=True))
    assert ask(chat, ada).pk
    with pytest.raises(DomainError, match="retired by Azure"):
        ask(chat, ada, at=END, starts_at=END, ends_at=END + DAY)


def test_the_house_deprecates_a_version_and_ends_that_again(chat: Service, ada: User, cleo: User):
    kept = rule(cleo, successor="gpt-4o 2024-11-20")
    with pytest.raises(DomainError, match=r"The platform owners say why: Too dear\."):
        ask(chat, ada)
    end_rule(kept, by=cleo, at=NOON)
    assert ask(chat, ada).pk
    assert AuditRow.objects.filter(verb__startswith="model_rule.").count() == 2


def test_a_versions_own_rule_comes_before_that_of_every_version(
    chat: Service, ada: User, cleo: User
):
    rule(cleo, version="")
    with pytest.raises(DomainError):
        ask(chat, ada)
    rule(cleo, allows=True)
    assert ask(chat, ada).pk


def test_one_rule_stands_for_one_model(chat: Service, cleo: User):
    first, second = rule(cleo), rule(cleo, allows=True)
    assert list(ModelRule.objects.filter(ended_at=None)) == [second]
    first.refresh_from_db()
    assert (first.ended_at, first.ended_by) == (NOON, cleo)
    rows = AuditRow.objects.filter(verb__startswith="model_rule.").order_by("pk")
    assert list(rows.values_list("verb", "subject")) == [
        ("model_rule.added", f"model_rule/{first.pk}"),
        ("model_rule.ended", f"model_rule/{first.pk}"),
        ("model_rule.added", f"model_rule/{second.pk}"),
    ]


def test_what_holds_goes_on_until_a_rule_to_come_begins(chat: Service, ada: User, cleo: User):
    now, later = rule(cleo), rule(cleo, allows=True, starts_at=NOON + DAY)
    with pytest.raises(DomainError):
        ask(chat, ada)
    assert ask(chat, ada, at=NOON + DAY, starts_at=NOON + DAY, ends_at=NOON + 2 * DAY).pk
    [row] = models_page(cleo, at=NOON).rows
    assert [(each.id, each.word) for each in row.rules] == [
        (now.pk, "deprecated"), (later.pk, "allowed"),
    ]  # fmt: skip
    end_rule(later, by=cleo, at=NOON)
    with pytest.raises(DomainError):
        ask(chat, ada, at=NOON + DAY, starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)
    with pytest.raises(ChangedMeanwhile):
        end_rule(later, by=cleo, at=NOON)


def test_a_rule_to_come_never_begins_where_another_is_to_begin_before_it(chat: Service, cleo: User):
    late, early = rule(cleo, starts_at=NOON + 2 * DAY), rule(cleo, starts_at=NOON + DAY)
    assert list(ModelRule.objects.open_at(NOON)) == [early]
    late.refresh_from_db()
    assert late.ended_at == NOON


def test_a_versions_rule_to_come_hides_none_of_every_version(chat: Service, ada: User, cleo: User):
    rule(cleo, version="")
    rule(cleo, allows=True, starts_at=NOON + DAY)
    with pytest.raises(DomainError):
        ask(chat, ada)


def test_only_platform_owners_rule_with_a_reason_on_what_is_known(
    chat: Service, ada: User, cleo: User
):
    for code, by, more in (
        ("not_yours", ada, {}),
        ("reason_missing", cleo, {"reason": " "}),
        ("model_unknown", cleo, {"version": "1"}),
        ("successor_unknown", cleo, {"successor": "gpt-9 1"}),
    ):
        with pytest.raises(DomainError) as refused:
            rule(by, **more)
        assert refused.value.code == code
    assert not ModelRule.objects.exists()


def test_owners_hear_of_a_planned_end_once_at_each_mark(
    synced: FakeAzure, chat: Service, ada: User, cleo: User
):
    phase_out(synced)
    news = Message.objects.filter(notice__event=Event.MODEL_RETIRES)
    told = {(row.person, row.notice.facts["deployment"]) for row in news}
    assert told == {(ada, "acme/chat"), (cleo, "acme/search")}
    for days, count in ((59, 2), (31, 2), (30, 4), (7, 6), (1, 6), (0, 6)):
        sync(synced, END - days * DAY)
        assert Message.objects.filter(notice__event=Event.MODEL_RETIRES).count() == count, days


def test_what_was_told_costs_a_later_sync_no_statement_for_each_deployment(
    synced: FakeAzure, chat: Service, django_assert_num_queries: DjangoAssertNumQueries
):
    phase_out(synced)
    subscription = chat.deployments.get().account.subscription_id
    with django_assert_num_queries(2):
        tell_of_retirements(subscription, at=NOON)


def test_a_tentative_date_is_told_nobody(synced: FakeAzure, chat: Service):
    phase_out(synced, Life("GenerallyAvailable", END, is_planned=False))
    assert not Message.objects.filter(notice__event=Event.MODEL_RETIRES).exists()


def test_the_page_lists_what_runs_and_ends_and_takes_the_houses_word(
    synced: FakeAzure, chat: Service, ada: User, cleo: User, browse: Browse
):
    phase_out(synced)
    text = words_of(browse(ada).get(reverse("models")))
    assert "1 model version runs; 1 of them is deprecated or has a planned end." in text
    assert ("Deprecated" in text, "gpt-4.1 2025-04-14" in text) == (True, True)
    assert ("Chat assistant" in text, "acme/search" in text, "Your own word" in text) == (
        True, False, False,
    )  # fmt: skip
    hers, typed = browse(cleo), {"model": "gpt-4o 2024-11-20", "word": "allow", "successor": "",
                                 "starts_at": "2026-03-02T12:00"}  # fmt: skip
    refused = hers.post(reverse("models"), typed)
    assert (refused.status_code, "Say why" in words_of(refused)) == (422, True)
    done = hers.post(reverse("models"), {**typed, "reason": "Until June."}, follow=True)
    assert "Cleo: allowed. Until June." in words_of(done)
    kept = ModelRule.objects.get()
    hers.post(reverse("model_rule_end", args=[kept.pk]))
    assert models_page(cleo, at=NOON).rows[0].rules == []
    assert browse(ada).post(reverse("models"), {**typed, "reason": "No."}).status_code == 422
    assert "The next sync reads" not in text


def test_every_version_of_a_model_is_one_choice(chat: Service, cleo: User, browse: Browse):
    typed = {"model": "gpt-4o ", "word": "deprecate", "successor": "", "reason": "Dear.",
             "starts_at": "2026-03-02T12:00"}  # fmt: skip
    browse(cleo).post(reverse("models"), typed)
    assert ModelRule.objects.get().model_version == ""


def test_the_page_teaches_before_the_first_sync(ada: User, atlas: Team, browse: Browse):
    assert "The next sync reads which models" in words_of(browse(ada).get(reverse("models")))


def test_the_calendar_and_its_file_show_the_end(
    synced: FakeAzure, chat: Service, pool: Pool, cleo: User, browse: Browse
):
    phase_out(synced, Life("GenerallyAvailable", utc("2026-03-05 00:00"), is_planned=True))
    answer = browse(cleo).get(reverse("pool_calendar", args=[pool.pk]))
    assert "Azure retires gpt-4o 2024-11-20, which 2 deployments serve" in words_of(answer)
    assert answer.content.count(b'class="retires"') == 2  # the line and its sample
    file = browse(cleo).get(reverse("pool_calendar_file", args=[pool.pk])).content.decode()
    assert "DTSTART:20260305T000000Z\r\nSUMMARY:Azure retires gpt-4o 2024-11-20" in file
    phase_out(synced, Life("GenerallyAvailable", utc("2027-03-05 00:00"), is_planned=True))
    answer = browse(cleo).get(reverse("pool_calendar", args=[pool.pk]))
    assert "Azure retires" not in words_of(answer)


def test_a_model_that_ends_twice_in_a_pool_is_two_events_of_its_file(
    synced: FakeAzure, chat: Service, pool: Pool, cleo: User, browse: Browse
):
    phase_out(synced, Life("GenerallyAvailable", utc("2026-03-05 00:00"), is_planned=True))
    life = ModelLife.objects.get()
    life.pk, life.region, life.retires_at = None, "westeurope", utc("2026-03-06 00:00")
    life.save()
    account = Deployment.objects.get(name="search").account
    account.pk, account.region = None, "westeurope"
    account.resource_id = account.resource_key = "/accounts/west"
    account.save()
    Deployment.objects.filter(name="search").update(account=account)
    file = browse(cleo).get(reverse("pool_calendar_file", args=[pool.pk])).content.decode()
    uids = [line for line in file.split("\r\n") if line.startswith("UID:headroom-retires")]
    assert (len(uids), len(set(uids))) == (2, 2)


def test_a_deprecated_model_is_no_place_for_a_new_deployment(
    synced: FakeAzure, chat: Service, ada: User, browse: Browse
):
    phase_out(synced)
    Deployment.objects.filter(service=chat).update(service=None)
    asked = {
        "typed": "yes",
        "model": "OpenAI|gpt-4o|2024-11-20",
        "home": "eastus",
        "latency": "interactive",
        "shape": "office_hours",
        "tokens_per_minute": "40k",
    }
    page = browse(ada).get(reverse("service_plan", args=[chat.slug]), asked, headers=HTMX)
    assert "the model is deprecated: choose gpt-4.1 2025-04-14" in words_of(page)


def test_the_api_tells_the_register_and_takes_rules(
    synced: FakeAzure, chat: Service, ada: User, cleo: User, browse: Browse
):
    phase_out(synced)
    [row] = browse(ada).get(reverse("api_models")).json()
    assert (row["standing"], row["retires_at"], row["is_planned"]) == (
        "deprecated", "2026-05-01T00:00:00Z", True,
    )  # fmt: skip
    body = {"model": "gpt-4o", "version": "2024-11-20", "allows": True, "reason": "Until June."}
    where, json = reverse("api_model_rules"), "application/json"
    assert browse(ada).post(where, body, content_type=json).status_code in (403, 422)
    made = browse(cleo).post(where, body, content_type=json)
    assert (made.status_code, made.json()["allows"]) == (201, True)
    [row] = browse(ada).get(reverse("api_models")).json()
    assert (row["standing"], row["rule"]["recorded_by"]) == ("allowed", "cleo")
    ended = browse(cleo).post(reverse("api_model_rule_end", args=[made.json()["id"]]))
    assert ended.json()["ended_at"]
