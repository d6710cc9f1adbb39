"""Pages of requests: the list, one request, withdrawing and giving back."""

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.models import User
from quotas.models import CapacityRequest, Decision, LedgerEntry, Pool, Service
from quotas.selectors.statuses import NOT_APPLIED
from quotas.tests.conftest import Browse, ask, ask_often, reconcile_at, words_of
from quotas.tests.factories import FakeAzure, utc

BURST_START = utc("2026-03-03 10:00")


def page(pk: int) -> str:
    return reverse("request", args=[pk])


def test_a_visitor_who_is_not_signed_in_is_sent_to_sign_in(client, db):
    answer = client.get(reverse("requests"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("login"))


def test_ada_finds_her_request_and_can_ask_for_another(browse: Browse, waiting, ada: User):
    answer = browse(ada).get(reverse("requests"))
    assert answer.status_code == 200
    assert [row.id for row in answer.context["found"].rows] == [waiting.pk]
    assert reverse("request_new") in answer.content.decode()


def test_ben_asked_for_nothing_but_sees_his_teams_requests(browse: Browse, waiting, ben: User):
    assert browse(ben).get(reverse("requests")).context["found"].rows == []
    all_of_them = browse(ben).get(reverse("requests"), {"scope": "all"})
    assert [row.id for row in all_of_them.context["found"].rows] == [waiting.pk]


def test_dan_of_another_team_sees_nothing(browse: Browse, waiting, search: Service, dan: User):
    his = browse(dan)
    assert his.get(reverse("requests"), {"scope": "all"}).context["found"].rows == []
    assert his.get(page(waiting.pk)).status_code == 404
    for action in ("withdraw", "give_back", "approve", "deny"):
        assert his.post(reverse(f"request_{action}", args=[waiting.pk])).status_code == 404
    waiting.refresh_from_db()
    assert waiting.state == "in_review"


def test_fay_of_finance_reads_every_request_but_has_no_buttons(browse: Browse, waiting, fay: User):
    answer = browse(fay).get(page(waiting.pk))
    shown = answer.context["page"]
    assert answer.status_code == 200
    assert [shown.may_withdraw, shown.may_give_back, shown.may_decide] == [False] * 3


def test_the_list_can_be_narrowed_to_a_state(browse: Browse, waiting, ada: User):
    hers = browse(ada)
    assert hers.get(reverse("requests"), {"state": "denied"}).context["found"].rows == []
    assert len(hers.get(reverse("requests"), {"state": "in_review"}).context["found"].rows) == 1
    assert len(hers.get(reverse("requests"), {"state": "nonsense"}).context["found"].rows) == 1


def test_the_list_takes_as_many_queries_for_forty_as_for_one(
    browse: Browse,
    chat: Service,
    ada: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    hers = browse(ada)
    ask_often(chat, ada, 40)
    with django_assert_max_num_queries(15):
        assert len(hers.get(reverse("requests")).context["found"].rows) == 40


def test_long_lists_page_by_cursor_in_both_directions(browse: Browse, chat: Service, ada: User):
    first, *_, last = ask_often(chat, ada, 53)
    hers = browse(ada)
    newest = hers.get(reverse("requests")).context["found"]
    assert (newest.rows[0].id, len(newest.rows), newest.newer_url) == (last, 50, "")
    older = hers.get(reverse("requests") + newest.older_url).context["found"]
    assert ([row.id for row in older.rows][-1], older.older_url) == (first, "")
    assert hers.get(reverse("requests") + older.newer_url).context["found"].rows == newest.rows


def test_an_odd_cursor_counts_as_none(browse: Browse, waiting, ada: User):
    answer = browse(ada).get(reverse("requests"), {"before": "x' or 1=1", "after": "-4"})
    assert len(answer.context["found"].rows) == 1


def test_a_waiting_request_shows_its_evidence_and_can_be_withdrawn(
    browse: Browse, waiting: CapacityRequest, ada: User
):
    hers = browse(ada)
    shown = hers.get(page(waiting.pk)).content.decode()
    assert "it waits for an answer" in shown
    assert "12 throttled minutes as it is, 0 with it" in shown
    answer = hers.post(reverse("request_withdraw", args=[waiting.pk]), follow=True)
    assert answer.status_code == 200
    waiting.refresh_from_db()
    assert waiting.state == "withdrawn"
    assert "Withdrawn" in answer.content.decode()


def test_withdrawing_twice_says_why_not(browse: Browse, waiting, ada: User):
    hers = browse(ada)
    hers.post(reverse("request_withdraw", args=[waiting.pk]))
    again = hers.post(reverse("request_withdraw", args=[waiting.pk]))
    assert again.status_code == 422
    assert "it can no longer be changed that way" in again.content.decode()


def test_ben_may_not_withdraw_what_ada_asked(browse: Browse, waiting, ben: User):
    answer = browse(ben).post(reverse("request_withdraw", args=[waiting.pk]))
    assert answer.status_code == 422
    assert "Only the person who asked" in answer.content.decode()


def test_an_action_by_get_changes_nothing(browse: Browse, waiting, ada: User):
    for action in ("withdraw", "give_back", "approve", "deny"):
        address = reverse(f"request_{action}", args=[waiting.pk])
        assert browse(ada).get(address).status_code == 302
    waiting.refresh_from_db()
    assert (waiting.state, Decision.objects.count()) == ("in_review", 0)


def test_a_grant_goes_from_upcoming_to_on_to_over_by_three_facts(
    browse: Browse,
    synced: FakeAzure,
    granted: CapacityRequest,
    applying: Pool,
    ada: User,
    noon,
):
    hers = browse(ada)

    def standing() -> tuple[str, list[str]]:
        shown = hers.get(page(granted.pk)).context["row"]
        return shown.status.word, [tick for _, tick, _ in shown.grant.ticks]

    assert standing() == ("Upcoming", ["done", "waiting", "waiting"])
    noon.move_to(BURST_START)
    assert standing() == ("Starting", ["done", "waiting", "waiting"])
    reconcile_at(synced, BURST_START)
    assert standing() == ("On", ["done", "done", "done"])
    titles = [e["title"] for e in hers.get(page(granted.pk)).context["page"].events]
    assert titles == [
        "Asked", "Approved", "Written to Azure", "Read back from Azure", "Ends by itself",
    ]  # fmt: skip
    noon.move_to(granted.ends_at)
    assert standing()[0] == "Ending"
    for address in (page(granted.pk), reverse("service", args=[granted.service.slug])):
        said = words_of(hers.get(address))
        assert "not yet taken back" in said
        assert "not yet applied" not in said
    assert "Not taken back yet. The next run plans" in words_of(hers.get(page(granted.pk)))
    reconcile_at(synced, granted.ends_at)
    assert standing()[0] == "Over"
    assert "not yet applied" not in words_of(hers.get(page(granted.pk)))


def test_in_an_observe_only_pool_a_grant_is_approved_and_never_called_on(
    browse: Browse, granted: CapacityRequest, ada: User, noon
):
    noon.move_to(BURST_START)
    answer = browse(ada).get(page(granted.pk))
    assert answer.context["row"].status == NOT_APPLIED
    assert [tick for _, tick, _ in answer.context["row"].grant.ticks] == [
        "done", "held", "waiting",
    ]  # fmt: skip
    assert "observe-only mode" in answer.content.decode()


def test_another_bursts_start_does_not_make_a_running_one_look_undone(
    browse: Browse,
    synced: FakeAzure,
    granted: CapacityRequest,
    applying: Pool,
    chat: Service,
    ada: User,
    noon,
):
    reconcile_at(synced, BURST_START)
    ask(chat, ada, units=10, starts_at=utc("2026-03-03 12:00"))
    noon.move_to(utc("2026-03-03 12:00"))
    rows = {r.id: r for r in browse(ada).get(reverse("requests")).context["found"].rows}
    assert rows[granted.pk].status.word == "On"
    assert {row.status.word for pk, row in rows.items() if pk != granted.pk} == {"Starting"}


def test_giving_back_takes_effect_at_once_and_is_written_on_the_page(
    browse: Browse, granted: CapacityRequest, ada: User, noon
):
    noon.move_to(utc("2026-03-03 12:00"))
    hers = browse(ada)
    assert "gives back 60k TPM at once" in hers.get(page(granted.pk)).content.decode()
    answer = hers.post(reverse("request_give_back", args=[granted.pk]), follow=True)
    assert answer.context["row"].status.word == "Given back"
    assert LedgerEntry.objects.filter(request=granted, units=-60).count() == 1
    again = hers.post(reverse("request_give_back", args=[granted.pk]))
    assert again.status_code == 422
    assert "is held any more" in again.content.decode()


def test_cleo_must_say_why_she_revokes(browse: Browse, granted: CapacityRequest, cleo: User):
    hers = browse(cleo)
    assert hers.get(page(granted.pk)).context["page"].must_say_why
    silent = hers.post(reverse("request_give_back", args=[granted.pk]))
    assert (silent.status_code, "Say why" in silent.content.decode()) == (422, True)
    hers.post(reverse("request_give_back", args=[granted.pk]), {"reason": "An incident."})
    assert LedgerEntry.objects.get(request=granted, units__lt=0).reason == "An incident."


@pytest.mark.parametrize("name", ["requests", "request_new", "pools", "changes", "services"])
def test_somebody_of_no_team_gets_pages_that_teach(browse: Browse, db, name: str):
    from quotas.tests.factories import person

    answer = browse(person("Eve")).get(reverse(name))
    assert answer.status_code == 200
    assert 'class="empty"' in answer.content.decode()


def test_with_one_service_there_is_nothing_to_choose(browse: Browse, chat: Service, ada: User):
    answer = browse(ada).get(reverse("request_new"))
    assert answer["Location"] == reverse("request_burst", args=[chat.slug])


def test_what_ends_before_the_notice_is_not_offered_to_be_taken_back(
    browse: Browse, granted: CapacityRequest, ada: User, cleo: User, noon
):
    """Tier 2 is owed 8 hours: at 10:00 the burst until 18:00 can be revoked no more."""
    hers, address = browse(cleo), granted.get_absolute_url()
    noon.move_to(utc("2026-03-03 09:59"))
    shown = words_of(hers.get(address))
    assert "from Tue 3 Mar, 17:59 on, after a notice of 8 h" in shown
    noon.move_to(utc("2026-03-03 10:00"))
    answer = hers.get(address)
    assert "It cannot be taken back in time" in words_of(answer)
    assert "it ends by itself Tue 3 Mar, 18:00" in words_of(answer)
    assert reverse("request_give_back", args=[granted.pk]) not in answer.content.decode()
    assert "gives back 60k TPM at once" in words_of(browse(ada).get(address))


def test_what_has_not_begun_is_taken_back_before_it_starts(
    browse: Browse, granted: CapacityRequest, cleo: User
):
    shown = words_of(browse(cleo).get(granted.get_absolute_url()))
    assert "takes 60k TPM back from Tue 3 Mar, 10:00 on, after a notice of 8 h" in shown
