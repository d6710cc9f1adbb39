"""Pages of shared deployments and of what is nobody's: what they say, who may, what they change."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver, reverse

from portal.kernel.windows import HOUR, MINUTE, Window
from portal.models import AuditRow, Role
from quotas.models import Deployment, Service
from showback.gateway import CallerKey
from showback.models import (
    Caller,
    CallerHour,
    CallerMapping,
    ServiceHour,
    SharedDeployment,
    SplitRule,
    TouchedHour,
)
from showback.selectors.month import team_month
from showback.selectors.scope import account_scope, month_scope
from showback.selectors.shared_page import shared_page
from showback.selectors.shared_pages import shared_list
from showback.selectors.unattributed import unattributed
from showback.services.caller_mapping import map_caller
from showback.services.caller_pull import pull_source, workspaces
from showback.services.rollup import fill_everything
from showback.services.sharing import end_sharing, set_split_rule, share_deployment
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import AT, HOST, START, utc
from showback.tests.fakes import random_traffic, share_of_steady
from showback.tests.test_pages import get, text_of

LIST, IMPORT, NOBODYS = "/sharing/", "/sharing/import/", "/unattributed/"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    for door in ("showback.views", "showback.views.sharing", "showback.views.imports"):
        monkeypatch.setattr(f"{door}.now", lambda: AT)
    monkeypatch.setattr("portal.views.unattributed.now", lambda: AT)


def post(user, url, **data):
    client = Client()
    client.force_login(user)
    return client.post(url, data)


def rule(shares, **more):
    services = [str(service.pk) for service, _ in shares]
    percents = [percent for _, percent in shares]
    return {"service": services, "percent": percents, "start": "2026-03-02", **more}


def test_the_list_names_each_shared_deployment_and_what_is_nobodys(shared):
    page = text_of(get(shared.fay, LIST))
    assert "acme/chat" in page
    assert "of their tokens this month are nobody’s yet" in page
    assert "nowhere" in page  # what the gateway names and nobody knows
    assert "Mark as shared" not in page  # finance reads


def test_an_installation_that_shares_nothing_is_taught(world):
    page = text_of(get(make.person("Cleo", Role.PLATFORM_OWNER), LIST))
    assert "No deployment is shared" in page
    assert "HEADROOM_LOG_WORKSPACES" in page
    assert "Mark as shared" in page
    assert "Nothing is unattributed" in text_of(get(world.fay, NOBODYS))


@pytest.mark.parametrize("role", [Role.FINANCE, Role.AUDITOR])
def test_who_reads_everything_reads_and_changes_nothing(shared, role):
    person = make.person("Rea", role)
    for url in (LIST, shared.page, NOBODYS, IMPORT, "/sharing/import/template.csv"):
        assert get(person, url).status_code == 200
    before = AuditRow.objects.count()
    caller = Caller.objects.get(key="k-77")
    for url, data in (
        ("/sharing/add/", {"deployment": shared.ptu.pk, "start": "2026-03-02"}),
        (f"{shared.page}end/", {}),
        (f"{shared.page}split/", rule([(shared.assistant, "100")])),
        (f"{shared.page}callers/{caller.pk}/map/", {"service": shared.digest.pk}),
        (f"{shared.page}callers/{caller.pk}/end/", {}),
        ("/unattributed/give/", {"accept": f"caller:{caller.pk}:{shared.digest.pk}"}),
        (IMPORT, {"gateway": "x", "file": SimpleUploadedFile("a.csv", b"time")}),
    ):
        answer = post(person, url, **data)
        assert answer.status_code == 422
        assert "Only a platform owner" in answer.content.decode()
    assert AuditRow.objects.count() == before


def test_i19_dan_of_another_team_sees_nothing_of_shared_deployments(shared):
    for url in (LIST, shared.page, NOBODYS, IMPORT, "/sharing/import/template.csv"):
        assert get(shared.dan, url).status_code == 404
    for url in (
        "/sharing/add/",
        f"{shared.page}end/",
        f"{shared.page}split/",
        "/unattributed/give/",
    ):
        assert post(shared.dan, url).status_code == 404
    assert "Shared" not in text_of(get(shared.dan, "/showback/2026-03/"))


def test_the_page_of_one_names_its_callers_methods_and_rule(shared):
    page = text_of(get(shared.cleo, shared.page))
    for words in ("assistant-key", "k-77", "ai-apps", "Unattributed", "Set a split rule"):
        assert words in page
    assert "suggested, names" in page
    assert "use_by_day" in page  # the chart


def test_a_deployment_is_marked_and_given_back_on_the_page(shared):
    data = {"deployment": shared.ptu.pk, "start": "2026-03-02"}
    assert post(shared.cleo, "/sharing/add/", **data).status_code == 302
    row = SharedDeployment.objects.get(deployment=shared.ptu)
    assert row.effective_from == AT.replace(minute=0)
    assert post(shared.cleo, f"/sharing/{shared.ptu.pk}/end/").status_code == 302
    assert not SharedDeployment.objects.filter(deployment=shared.ptu).exists()
    assert post(shared.cleo, "/sharing/add/", deployment="x").status_code == 422


def mark(shared, **data):
    return post(shared.cleo, "/sharing/add/", **{"deployment": shared.ptu.pk, **data})


def test_a_deployment_is_shared_from_a_day_of_the_past_with_a_reason(shared):
    fill_everything(at=AT)
    assert not TouchedHour.objects.exists()
    answer = mark(shared, start="2026-03-01", reason="Two teams have called it since March.")
    assert answer.status_code == 302
    row = SharedDeployment.objects.get(deployment=shared.ptu)
    assert row.effective_from == utc("2026-03-01 00:00")
    assert row.reason == "Two teams have called it since March."
    assert TouchedHour.objects.filter(deployment=shared.ptu).exists()
    assert row.reason in text_of(get(shared.cleo, f"/sharing/{shared.ptu.pk}/"))
    assert AuditRow.objects.filter(verb="deployment.shared").count() == 2


def test_a_day_to_come_is_shared_from_then_and_can_be_taken_back(shared):
    assert mark(shared, start="2026-03-09").status_code == 302
    row = SharedDeployment.objects.get(deployment=shared.ptu)
    assert row.effective_from == utc("2026-03-09 00:00")
    page = text_of(get(shared.cleo, f"/sharing/{shared.ptu.pk}/"))
    assert "Set a split rule" in page
    assert post(shared.cleo, f"/sharing/{shared.ptu.pk}/end/").status_code == 302
    assert not SharedDeployment.objects.filter(deployment=shared.ptu).exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"start": "2026-03-01"}, "Give the reason"),
        ({"start": "2026-01-31", "reason": "r"}, "stay as they are"),
        ({"start": ""}, "Say from when it holds"),
        ({"start": "soon"}, "Write a date"),
        ({"start": "2026-03-02", "deployment": ""}, "Choose the deployment"),
        ({"start": "2026-03-02", "deployment": "99999"}, "Choose a deployment that is there"),
    ],
)
def test_what_cannot_be_shared_is_explained_on_the_page_and_what_was_typed_stays(
    shared, data, words
):
    answer = mark(shared, **data)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert f'value="{data["start"]}"' in page or not data["start"]
    assert not SharedDeployment.objects.filter(deployment=shared.ptu).exists()


def action_addresses(shared) -> list[str]:
    """Every address of sharing, mapping and import, with what the world has in its places."""
    known = {
        "pk": shared.chat.pk,
        "rule": SplitRule.objects.get().pk,
        "caller": Caller.objects.get(key="k-77").pk,
    }
    found = []
    for name, taken in get_resolver().reverse_dict.lists():
        route, params = taken[0][0][0]
        if isinstance(name, str) and route.startswith(("sharing/", "unattributed/", "unmapped/")):
            found.append(reverse(name, kwargs={param: known[param] for param in params}))
    return found


def test_an_address_that_refused_something_can_be_loaded_again(shared):
    set_split_rule(
        shared.chat.pk, {shared.digest.pk: 10_000}, start=utc("2026-03-02 14:00"), until=None,
        reason="", by=shared.cleo, at=AT,
    )  # fmt: skip
    addresses = action_addresses(shared)
    assert len(addresses) >= 12
    client = Client()
    client.force_login(shared.cleo)
    for address in addresses:
        for answer in (client.get(address, follow=True), client.head(address, follow=True)):
            assert answer.status_code == 200, address
        refused = client.post(address, {"service": "no", "start": "never"})
        assert client.get(address, follow=True).status_code == 200, (address, refused.status_code)


def test_a_rule_is_set_from_this_hour_and_ended(shared):
    shares = [(shared.assistant, "33.33"), (shared.digest, "66,67 %")]
    assert post(shared.cleo, f"{shared.page}split/", **rule(shares)).status_code == 302
    row = SplitRule.objects.get()
    assert row.effective_from == AT.replace(minute=0)
    assert sorted(row.shares.values_list("basis_points", flat=True)) == [3_333, 6_667]
    page = text_of(get(shared.cleo, shared.page))
    assert 'value="33.33"' in page  # the running rule is the draft of the next
    assert post(shared.cleo, f"{shared.page}rules/{row.pk}/end/").status_code == 302
    assert not SplitRule.objects.exists()  # it had not divided anything yet


@pytest.mark.parametrize(
    ("shares", "more", "words"),
    [
        ("50", {}, "The shares sum to 50 %, 50 % less than the whole"),
        ("0", {}, "above 0"),
        ("x", {}, "Write each share in per cent"),
        ("NaN", {}, "above 0"),
        ("100", {"start": ""}, "Say from when"),
        ("100", {"start": "2026-03-01"}, "Give the reason"),
        ("100", {"start": "2026-01-01", "reason": "r"}, "stay as they are"),
        ("100", {"until": "2026-03-01"}, "after the start"),
        ("100", {"start": "9999-12-31"}, "Write a date"),
    ],
)
def test_a_rule_that_cannot_be_is_explained_and_what_was_typed_stays(shared, shares, more, words):
    data = rule([(shared.assistant, shares)], **{"start": "2026-03-02", **more})
    answer = post(shared.cleo, f"{shared.page}split/", **data)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert f'value="{shares}"' in page
    assert not SplitRule.objects.exists()


def test_a_clash_names_the_other_rule(shared):
    later = rule([(shared.assistant, "100")], start="2026-03-10")
    assert post(shared.cleo, f"{shared.page}split/", **later).status_code == 302
    answer = post(shared.cleo, f"{shared.page}split/", **rule([(shared.digest, "100")]))
    assert "Another split rule begins at Tue 10 Mar 2026, 00:00 UTC" in answer.content.decode()


def test_a_caller_is_mapped_from_its_first_use_and_changed_from_this_hour(shared):
    caller = Caller.objects.get(key="k-77")
    url = f"{shared.page}callers/{caller.pk}/map/"
    assert post(shared.cleo, url, service=shared.digest.pk).status_code == 302
    assert CallerMapping.objects.get().effective_from == START
    assert post(shared.cleo, url, service=shared.assistant.pk).status_code == 302
    newest = CallerMapping.objects.latest("effective_from")
    assert (newest.service, newest.effective_from) == (shared.assistant, AT.replace(minute=0))
    assert post(shared.cleo, url, service="").status_code == 422


def test_buckets_are_dearest_first_with_a_suggestion(shared):
    page = text_of(get(shared.cleo, NOBODYS))
    for words in ("k-77", "assistant-key", "acme/stray", "Accept 1 suggestion", "names", "alike"):
        assert words in page
    found = unattributed(at=AT)
    kinds = {bucket.name: bucket.kind for bucket in found.buckets}
    assert kinds["k-77"] == "caller"
    assert kinds["acme/stray"] == "deployment"
    assert "rest" in kinds.values()


def test_i24_buckets_sum_to_the_unattributed_line_of_showback(shared):
    shared.metrics.traffic = random_traffic(5)
    pull_window(Window(START, AT), MINUTE, at=AT)
    fill_everything(at=AT)
    found = unattributed(at=AT)
    month = month_scope("2026-03", at=AT)
    listed = team_month(account_scope(shared.fay, month, "~unattributed"), at=AT)
    assert found.amount == listed.total.amount > 0
    assert found.tokens == listed.total.use.tokens > 0
    assert all(bucket.tokens >= 0 for bucket in found.buckets)


def test_what_was_just_given_is_offered_no_more_and_counts_until_days_are_worked_out(shared):
    before, caller = unattributed(at=AT), Caller.objects.get(key="k-77")
    map_caller(
        caller,
        service_id=shared.digest.pk,
        start=START,
        by=shared.cleo,
        at=AT + timedelta(seconds=1),
    )
    given = unattributed(at=AT)
    assert f"caller:{caller.pk}" in {bucket.key for bucket in before.buckets}
    assert f"caller:{caller.pk}" not in {bucket.key for bucket in given.buckets}
    assert (given.tokens, given.amount) == (before.tokens, before.amount)
    fill_everything(at=AT + MINUTE)
    assert unattributed(at=AT).tokens < before.tokens


def test_the_page_is_worked_to_zero(shared):
    assert post(shared.cleo, "/unattributed/give/", accept=[
        bucket.accepts for bucket in unattributed(at=AT).proposals
    ]).status_code == 302  # fmt: skip
    fill_everything(at=AT)
    left = {bucket.name for bucket in unattributed(at=AT).buckets}
    assert "assistant-key" not in left
    caller, stray = Caller.objects.get(key="k-77"), shared.stray
    for bucket in (f"caller:{caller.pk}", f"deployment:{stray.pk}"):
        answer = post(
            shared.cleo, "/unattributed/give/", bucket=bucket, service=str(shared.digest.pk)
        )
        assert answer.status_code == 302
    past = rule([(shared.digest, "100")], start="2026-03-02", reason="Calls past the gateway.")
    post(shared.cleo, f"{shared.page}split/", **past)

    set_split_rule(
        shared.chat.pk, {shared.digest.pk: 10_000}, start=START, until=utc("2026-03-02 14:00"),
        reason="Calls past the gateway.", by=shared.cleo, at=AT,
    )  # fmt: skip
    fill_everything(at=AT)
    assert unattributed(at=AT).buckets == []
    assert Deployment.objects.get(pk=stray.pk).service == shared.digest
    assert "Nothing is unattributed" in text_of(get(shared.cleo, NOBODYS))


def test_one_that_fails_takes_the_others_with_it(shared):
    caller = Caller.objects.get(key="k-77")
    accept = [f"caller:{caller.pk}:{shared.digest.pk}", "deployment:x:1"]
    assert post(shared.cleo, "/unattributed/give/", accept=accept).status_code == 422
    assert not CallerMapping.objects.exists()


@pytest.mark.parametrize("url", [LIST, "page", NOBODYS])
def test_a_page_asks_as_often_for_many_callers_as_for_one(
    shared, url, django_assert_max_num_queries
):
    shared.logs.keys = [CallerKey(f"c-{n}", f"p-{n % 3}", HOST, "chat") for n in range(25)]
    shared.logs.traffic = share_of_steady({f"c-{n}": 1 for n in range(25)})
    pull_source(workspaces(at=AT)[0], Window(START, AT - HOUR), at=AT)
    for number in range(6):
        extra = make.deployment(f"extra-{number}", shared.digest)
        share_deployment(extra.pk, start=START, reason="x", by=shared.cleo, at=AT)
    fill_everything(at=AT)
    client = Client()
    client.force_login(shared.cleo)
    address = shared.page if url == "page" else url
    client.get(address)
    with django_assert_max_num_queries(18):
        client.get(address)


def test_showback_names_the_methods_behind_a_service(shared):
    caller = Caller.objects.get(key="assistant-key")
    post(shared.cleo, f"{shared.page}callers/{caller.pk}/map/", service=shared.assistant.pk)
    fill_everything(at=AT)
    for url in ("/showback/2026-03/atlas/assistant/", "/showback/2026-03/atlas/assistant/2/"):
        page = text_of(get(shared.ada, url))
        assert "Counted by the gateway, caller by caller" in page
        assert "Held by one service in that hour" in page  # its own deployment


FILE = (
    "time,grain,caller,deployment,ok,throttled,prompt_tokens,generated_tokens\n"
    "2026-03-02T10:00:00Z,hour,digest-key,acme/digest,5,1,1000,100\n"
)


def upload(shared, text: str):
    file = SimpleUploadedFile("callers.csv", text.encode())
    return post(shared.cleo, IMPORT, gateway="Plant 4", file=file)


def test_a_file_is_imported_once(shared):
    assert upload(shared, FILE).status_code == 302
    row = CallerHour.objects.get(source__key="plant 4")
    assert row.target.deployment == shared.digest_deployment
    assert (row.prompt, row.filtered) == (1000, None)
    audits = AuditRow.objects.count()
    assert upload(shared, FILE).status_code == 302
    assert AuditRow.objects.count() == audits
    assert CallerHour.objects.filter(source__key="plant 4").count() == 1


def test_wrong_lines_are_named_and_nothing_is_taken_in(shared):
    wrong = FILE + (
        "2026-03-02T10:00:00Z,hour,k,acme/none,5,1,1000,100\n"
        "2026-03-02T10:00:00,hour,k,acme/digest,5,1,1000,100\n"
        "2026-03-02T11:00:00Z,hour,k,acme/digest,-5,1,1000,100\n"
        "2026-03-02T11:00:00Z,hour,k,acme/chat,5,1,1000,100\n"
    )
    answer = upload(shared, wrong)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Line 3: no one deployment is called “acme/none”" in page
    assert "Line 4: the time has no offset" in page
    assert "Line 5: ok is a whole number" in page
    assert not CallerHour.objects.filter(source__key="plant 4").exists()


def test_hours_that_a_workspace_has_are_not_counted_twice(shared):
    twice = FILE.replace("acme/digest", "acme/chat")
    assert "it would count twice" in upload(shared, twice).content.decode()


def test_the_template_can_be_imported_but_for_its_deployment(shared):
    template = get(shared.cleo, "/sharing/import/template.csv").content.decode()
    answer = upload(shared, template.replace("my-account/my-deployment", "acme/digest"))
    assert answer.status_code == 302


def test_filtered_requests_are_shown_where_the_gateway_logs_them_else_not_known(shared):
    mine = CallerHour.objects.filter(caller__key="k-77")
    mine.update(filtered=None)
    CallerHour.objects.filter(caller__key="assistant-key", hour=START).update(filtered=7)
    worked_out_again(shared)
    for url in (shared.page, NOBODYS):
        page = text_of(get(shared.cleo, url))
        assert "not known" in page
        assert ">7<" in page
        assert "do not say how many were filtered" not in page
    mine.filter(hour=START).update(filtered=3)
    worked_out_again(shared)
    for url in (shared.page, NOBODYS):
        page = text_of(get(shared.cleo, url))
        assert ">≥ 3<" in page
        assert "do not say how many were filtered" in page


def worked_out_again(shared) -> None:
    TouchedHour.objects.create(hour=START, deployment=shared.chat)
    fill_everything(at=AT)


def test_a_mapping_is_ended_on_the_page_from_this_hour_on(shared):
    caller = Caller.objects.get(key="k-77")
    url = f"{shared.page}callers/{caller.pk}/"
    assert post(shared.cleo, f"{url}end/").status_code == 422
    post(shared.cleo, f"{url}map/", service=shared.digest.pk)
    assert "Make it nobody’s" in text_of(get(shared.cleo, shared.page))
    assert "Make it nobody’s" not in text_of(get(shared.fay, shared.page))
    assert post(shared.cleo, f"{url}end/").status_code == 302
    assert CallerMapping.objects.get().effective_until == AT.replace(minute=0)
    assert TouchedHour.objects.filter(deployment=shared.chat).exists()
    assert AuditRow.objects.filter(verb="caller.mapping_ended").count() == 1


def test_what_is_shared_is_not_among_the_unmapped(shared, monkeypatch):
    monkeypatch.setattr("quotas.views.unmapped.now", lambda: AT)
    Deployment.objects.filter(pk__in=[shared.chat.pk, shared.stray.pk]).update(service=None)
    found = get(shared.cleo, "/unmapped/").context["found"]
    assert [row.name for row in found.rows] == ["stray"]
    end_sharing(shared.chat.pk, end=AT.replace(minute=0), by=shared.cleo, at=AT)
    found = get(shared.cleo, "/unmapped/").context["found"]
    assert {row.name for row in found.rows} == {"chat", "stray"}


def words_of(answer):
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", "", text_of(answer)).split())


@pytest.fixture
def many(shared, monkeypatch):
    """More deployments and services than anybody would want to scroll through."""
    monkeypatch.setattr("showback.selectors.shared_pages.MOST_OFFERED", 2)
    monkeypatch.setattr("showback.selectors.shared_pages.PAGE_SIZE", 1)
    monkeypatch.setattr("showback.selectors.offers.MOST_OFFERED", 1)
    for n in range(20):
        make.service(f"Elsewhere {n}", shared.delta)
    return shared


def test_of_many_deployments_the_one_to_be_shared_is_found_by_its_name(many):
    page = text_of(get(many.cleo, LIST))
    assert "the first 2 of 3 are offered below" in words_of(get(many.cleo, LIST))
    assert f'value="{many.stray.pk}"' not in page
    found = text_of(get(many.cleo, f"{LIST}?of=ACME/str"))
    assert "1 is offered below" in words_of(get(many.cleo, f"{LIST}?of=ACME/str"))
    assert f'value="{many.stray.pk}"' in found
    # What was found can be chosen, and what was not is no choice by guessing its number.
    answer = post(many.cleo, "/sharing/add/", deployment=many.stray.pk, start="2026-03-02")
    assert answer.status_code == 302
    assert post(many.cleo, "/sharing/add/", deployment=many.chat.pk).status_code == 422


def test_a_long_list_of_shared_deployments_is_told_in_parts_and_searched(many):
    share_deployment(many.ptu.pk, start=START, reason="x", by=many.cleo, at=AT)
    fill_everything(at=AT)
    page = words_of(get(many.cleo, LIST))
    assert "2 deployments serve several services" in page
    assert "1–1 of 2 deployments" in page
    assert "acme/ptu" not in page.split("Mark a deployment as shared")[0]
    assert "acme/ptu" in text_of(get(many.cleo, f"{LIST}?page=2"))
    assert "No shared deployment is called so." in text_of(get(many.cleo, f"{LIST}?q=nothing"))


def test_of_many_services_a_caller_is_offered_the_likeliest_and_on_demand_all(many):
    page = text_of(get(many.cleo, many.page))
    caller = Caller.objects.get(key="assistant-key")
    assert f"?all={caller.pk}#caller-{caller.pk}" in page
    assert "Elsewhere 19" not in page
    opened = text_of(get(many.cleo, f"{many.page}?all={caller.pk}"))
    assert opened.count("Elsewhere 19") == 1
    rule_open = text_of(get(many.cleo, f"{many.page}?all=rule"))
    assert rule_open.count("Elsewhere 19") == 3  # one in each row of the form


def test_a_rule_may_name_any_service_though_few_are_offered(many):
    far = Service.objects.get(name="Elsewhere 7")
    assert post(many.cleo, f"{many.page}split/", **rule([(far, "100")])).status_code == 302
    assert "Elsewhere 7" in text_of(get(many.cleo, many.page))  # it has a share now


def test_the_month_of_a_shared_deployment_is_that_of_its_hours(shared):
    page = shared_page(shared.chat.pk, at=AT)
    hours = ServiceHour.objects.filter(deployment=shared.chat, hour__gte=utc("2026-03-01 00:00"))
    by_method = {}
    for hour in hours:
        tokens = hour.prompt_tokens + hour.generated_tokens
        by_method[hour.method] = by_method.get(hour.method, 0) + tokens
    by_method = {method: tokens for method, tokens in by_method.items() if tokens}
    assert by_method
    assert {share.method: share.tokens for share in page.methods} == by_method
    [row] = shared_list(at=AT).rows
    assert {share.method: share.tokens for share in row.shares} == by_method


def test_nothing_found_among_what_is_nobodys_is_not_said_to_be_nothing(shared):
    page = text_of(get(shared.cleo, f"{NOBODYS}?q=nowhere-at-all"))
    assert "Nothing is unattributed" not in page
    assert "Nothing that is called so is unattributed." in page
