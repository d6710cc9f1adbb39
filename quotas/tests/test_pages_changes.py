"""Changes: what is written, what Azure answered, and the answers that wait for a person."""

from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.kernel.errors import CloudError, CloudReason
from portal.models import User
from quotas.models import CapacityRequest, Change, Deployment, LedgerEntry, Plan, Pool, Service
from quotas.selectors.change_list import PAGE_SIZE
from quotas.tests.conftest import Browse, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, utc

START = utc("2026-03-03 10:00")


def rows(browse: Browse, user: User, view: str = "open"):
    return browse(user).get(reverse("changes"), {"view": view}).context["found"].rows


def ticks(row) -> list[str]:
    return [tick for _, tick, _ in row.ticks]


def test_nothing_to_write_teaches_when_something_will_be(browse: Browse, pool, cleo: User):
    answer = browse(cleo).get(reverse("changes"))
    assert answer.status_code == 200
    assert "No change is open." in answer.content.decode()


def test_a_written_burst_shows_all_three_facts_and_links_to_its_request(
    browse: Browse, synced: FakeAzure, granted: CapacityRequest, applying, cleo: User, noon
):
    noon.move_to(START)
    reconcile_at(synced, START)
    [row] = rows(browse, cleo, "done")
    assert (row.before, row.after, ticks(row)) == ("100k TPM", "160k TPM", ["done"] * 3)
    assert row.why == [(f"#{granted.pk} starts", granted.get_absolute_url())]
    assert rows(browse, cleo) == []


def test_a_burst_given_back_is_named_once(
    browse: Browse, synced: FakeAzure, granted: CapacityRequest, applying, ada: User, noon
):
    reconcile_at(synced, START)
    noon.move_to(utc("2026-03-03 12:00"))
    browse(ada).post(reverse("request_give_back", args=[granted.pk]))
    reconcile_at(synced, utc("2026-03-03 12:00"))
    newest = rows(browse, ada, "done")[0]
    assert newest.why == [(f"#{granted.pk} ends", granted.get_absolute_url())]


def test_the_page_of_a_verified_change_says_what_was_planned_not_what_the_ledger_wants_now(
    browse: Browse, synced: FakeAzure, granted: CapacityRequest, applying, cleo: User, noon
):
    reconcile_at(synced, START)
    noon.move_to(granted.ends_at)
    change = Change.objects.get()
    facts = dict(browse(cleo).get(reverse("change", args=[change.pk])).context["page"].facts)
    assert "The ledger wants" not in facts
    assert facts["Planned capacity"] == "160k TPM"


def test_an_observed_change_is_held_and_says_so(
    browse: Browse, synced: FakeAzure, granted, pool: Pool, cleo: User, noon
):
    noon.move_to(START)
    reconcile_at(synced, START)
    [row] = rows(browse, cleo)
    assert (row.status.word, ticks(row)) == ("Observed only", ["done", "held", "waiting"])
    assert synced.writes == []


def test_a_refused_change_shows_what_azure_answered_and_the_next_try(
    browse: Browse, synced: FakeAzure, granted: CapacityRequest, applying, cleo: User, noon
):
    synced.refusals.append(
        CloudError(
            CloudReason.INSUFFICIENT_QUOTA,
            "Azure's quota of the pool is used up.",
            azure_code="InsufficientQuota",
            azure_message="This operation require 60 new capacity in quota",
        )
    )
    noon.move_to(START)
    reconcile_at(synced, START)
    answer = browse(cleo).get(reverse("changes"))
    [row] = answer.context["found"].rows
    assert (row.status.word, ticks(row)) == ("Blocked", ["done", "failed", "waiting"])
    assert row.answer == "InsufficientQuota: This operation require 60 new capacity in quota"
    assert str(row.next_try).startswith("in") or row.next_try == "just now"
    assert "quota of the pool is used up" in answer.content.decode()
    page = browse(cleo).get(granted.get_absolute_url())
    assert page.context["row"].status.word == "Not applied"
    assert "InsufficientQuota" in page.content.decode()


def drifted(azure: FakeAzure, units: int) -> Change:
    azure.edit("chat", units)
    sync(azure, NOON)
    reconcile_at(azure, NOON)
    return Change.objects.get(state="needs_human")


def test_drift_waits_for_an_owner_who_may_adopt_it(
    browse: Browse, synced: FakeAzure, chat: Service, applying, ada: User, cleo: User
):
    change = drifted(synced, 130)
    [row] = rows(browse, cleo)
    assert (row.may_adopt, row.may_write_back, row.why[0][0]) == (
        True, True, "edited outside Headroom",
    )  # fmt: skip
    assert not rows(browse, ada)[0].may_adopt
    browse(cleo).post(reverse("change_adopt", args=[change.pk]), {"reason": "Agreed by mail."})
    assert LedgerEntry.objects.get(units=30).reason == "Agreed by mail."
    assert rows(browse, cleo) == []


def test_drift_may_be_written_back(browse: Browse, synced: FakeAzure, chat, applying, cleo: User):
    change = drifted(synced, 130)
    browse(cleo).post(reverse("change_write_back", args=[change.pk]), {"reason": "A test."})
    reconcile_at(synced, NOON)
    assert synced.units("chat") == 100


def test_ada_sees_her_change_but_may_not_answer_it(
    browse: Browse, synced: FakeAzure, chat, applying, ada: User
):
    change = drifted(synced, 130)
    for name in ("change_adopt", "change_write_back"):
        answer = browse(ada).post(reverse(name, args=[change.pk]))
        assert (answer.status_code, "Only an owner" in answer.content.decode()) == (422, True)
    change.refresh_from_db()
    assert change.state == "needs_human"


def test_answering_twice_says_that_somebody_was_quicker(
    browse: Browse, synced: FakeAzure, chat, applying, cleo: User
):
    change = drifted(synced, 130)
    browse(cleo).post(reverse("change_adopt", args=[change.pk]), {"reason": "Agreed."})
    again = browse(cleo).post(reverse("change_write_back", args=[change.pk]))
    assert again.status_code == 409


def test_dan_sees_no_change_of_another_team(
    browse: Browse, synced: FakeAzure, chat, search: Service, applying, dan: User
):
    change = drifted(synced, 130)
    assert rows(browse, dan, "all") == []
    assert browse(dan).get(reverse("changes")).context["found"].counts["open"] == 0
    for name in ("change_adopt", "change_write_back"):
        assert browse(dan).post(reverse(name, args=[change.pk])).status_code == 404


def test_a_stopped_plan_asks_and_goes_on_after_the_yes(
    browse: Browse, synced: FakeAzure, chat, applying: Pool, ada: User, cleo: User
):
    drifted(synced, 130)
    plan = Plan.objects.get()
    Plan.objects.filter(pk=plan.pk).update(stopped_because="6 of 8 deployments differ.")
    shown = browse(cleo).get(reverse("changes"))
    assert [each.id for each in shown.context["found"].stopped] == [plan.pk]
    assert "6 of 8 deployments differ." in shown.content.decode()
    assert not browse(ada).get(reverse("changes")).context["found"].stopped[0].may_allow
    assert browse(ada).post(reverse("plan_allow", args=[plan.pk])).status_code == 422
    [asked] = shown.context["found"].stopped
    browse(cleo).post(reverse("plan_allow", args=[plan.pk]), {"content": asked.content})
    plan.refresh_from_db()
    assert (plan.stopped_because, plan.allowed_by_id) == ("", cleo.pk)


def test_the_list_takes_as_many_queries_for_forty_changes(
    browse: Browse,
    pool: Pool,
    cleo: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    hers = browse(cleo)
    plan = Plan.objects.create(pool=pool, made_at=NOON, mode="apply")
    for number in range(40):
        Change.objects.create(
            plan=plan,
            deployment=Deployment.objects.get(name="chat"),
            position=number,
            from_units=100,
            to_units=101,
            because=[{"request": number + 1, "edge": "start"}],
            state="succeeded",
            not_before=NOON,
            planned_at=NOON,
        )
    with django_assert_max_num_queries(12):
        answer = hers.get(reverse("changes"), {"view": "done"})
    assert len(answer.context["found"].rows) == PAGE_SIZE
    older = hers.get(reverse("changes") + answer.context["found"].older_url)
    assert len(older.context["found"].rows) == PAGE_SIZE
