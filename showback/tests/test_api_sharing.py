"""The API of sharing: what it tells, who may, and the same rules and sentences as the pages."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import F, Sum
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.models import AuditRow, Role, User
from showback.models import (
    Caller,
    CallerHour,
    CallerMapping,
    ServiceHour,
    SharedDeployment,
    SplitRule,
    TouchedHour,
)
from showback.selectors.unattributed import unattributed
from showback.services.rollup import fill_everything
from showback.tests import factories as make
from showback.tests.factories import AT, START, utc

ROOT = "/api/v1/"
SHARED, CALLERS = f"{ROOT}shared-deployments/", f"{ROOT}callers/"
IMPORT, NOBODYS = f"{ROOT}caller-imports/", f"{ROOT}unattributed/"
HOURS = f"{ROOT}services/assistant/hours/"
PROBLEM = "application/problem+json"
FILE = (
    "time,grain,caller,deployment,ok,throttled,prompt_tokens,generated_tokens\n"
    "2026-03-02T10:00:00Z,hour,digest-key,acme/digest,5,1,1000,100\n"
)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    for door in ("sharing", "callers", "hours"):
        monkeypatch.setattr(f"showback.api.{door}.now", lambda: AT)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def got(user: User, url: str, **query: str) -> Any:
    answer = client_of(user).get(url, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def sent(user: User, url: str, **data: Any) -> Any:
    return client_of(user).post(url, data, content_type="application/json")


def uploaded(user: User, text: str, gateway: str = "Plant 4") -> Any:
    url = f"{IMPORT}?gateway={gateway}"
    return client_of(user).post(url, text.encode(), content_type="text/csv")


def one(shared: SimpleNamespace, below: str = "") -> str:
    return f"{SHARED}{shared.chat.pk}/{below}"


def key77() -> Caller:
    return Caller.objects.get(key="k-77")


def reads(shared: SimpleNamespace) -> list[str]:
    mappings = f"{CALLERS}{key77().pk}/mappings/"
    return [SHARED, one(shared), one(shared, "split-rules/"), CALLERS, mappings, NOBODYS]


def writes(shared: SimpleNamespace) -> list[tuple[str, dict[str, Any]]]:
    """Each of them would be done for a platform owner."""
    rule, caller = SplitRule.objects.get(), key77()
    shares = [{"service": "digest", "basis_points": 10_000}]
    return [
        (SHARED, {"deployment": "acme/ptu"}),
        (one(shared, f"split-rules/{rule.pk}/end/"), {}),
        (one(shared, "split-rules/"), {"shares": shares}),
        (f"{CALLERS}{caller.pk}/mappings/", {"service": "digest"}),
        (f"{CALLERS}{caller.pk}/mappings/end/", {}),
        (one(shared, "end/"), {}),
    ]


@pytest.fixture
def ruled(shared: SimpleNamespace) -> SimpleNamespace:
    shares = [{"service": "assistant", "basis_points": 10_000}]
    assert sent(shared.cleo, one(shared, "split-rules/"), shares=shares).status_code == 201
    return shared


# ── Who may ──────────────────────────────────────────────────────────────────────────────────


def test_i19_dan_of_another_team_sees_nothing_and_changes_nothing(ruled):
    before = AuditRow.objects.count()
    for url in (*reads(ruled), HOURS):
        answer = client_of(ruled.dan).get(url)
        assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM), url
    for url, data in writes(ruled):
        assert sent(ruled.dan, url, **data).status_code == 404, url
    assert uploaded(ruled.dan, FILE).status_code == 404
    assert AuditRow.objects.count() == before


def test_ada_sees_the_hours_of_her_service_and_nothing_of_whom_else_it_is_shared_with(ruled):
    assert got(ruled.ada, HOURS)["results"]
    assert [client_of(ruled.ada).get(url).status_code for url in reads(ruled)] == [404] * 6


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.FINANCE])
def test_who_reads_everything_reads_and_changes_nothing(ruled, role):
    rea = make.person("Rea", role)
    for url in (*reads(ruled), HOURS):
        got(rea, url)
    before = AuditRow.objects.count()
    for url, data in writes(ruled):
        answer = sent(rea, url, **data)
        assert (answer.status_code, answer.json()["code"]) == (422, "not_a_platform_owner"), url
    assert uploaded(rea, FILE).json()["code"] == "not_a_platform_owner"
    assert AuditRow.objects.count() == before


def test_without_a_session_nothing_is_told(ruled):
    for url in (*reads(ruled), HOURS):
        assert Client().get(url).status_code == 403, url


def test_every_write_works_for_a_platform_owner_and_needs_the_csrf_token(ruled):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ruled.cleo)
    for url, data in writes(ruled):
        assert strict.post(url, data, content_type="application/json").status_code == 403, url
        before = AuditRow.objects.count()
        assert sent(ruled.cleo, url, **data).status_code in (201, 204), url
        assert AuditRow.objects.count() == before + 1, url


# ── What is told ─────────────────────────────────────────────────────────────────────────────


def test_shared_deployments_come_with_their_tokens_by_method(shared):
    told = got(shared.fay, SHARED)
    (row,) = told["results"]
    assert (row["deployment"], row["from"], row["until"]) == (
        "acme/chat", "2026-03-02T06:00:00Z", None,
    )  # fmt: skip
    assert sum(each["tokens"] for each in row["methods"]) == row["tokens"] > 0
    assert {each["method"] for each in row["methods"]} == {"none"}
    assert row["unattributed_share"] == told["unattributed_share"] == 1
    assert [target["name"] for target in told["unknown_targets"]] == [f"{make.HOST}/nowhere"]


def test_one_tells_its_callers_windows_and_rules(ruled):
    told = got(ruled.fay, one(ruled))
    callers = {row["caller"]: row for row in told["callers"]}
    assert callers.keys() == {"assistant-key", "k-77"}
    assert callers["assistant-key"]["suggested"]["service"] == "assistant"
    assert callers["assistant-key"]["suggested"]["reason"].startswith("names 100")
    assert callers["k-77"]["suggested"] is callers["k-77"]["service"] is None
    assert told["windows"] == [{"from": "2026-03-02T06:00:00Z", "until": None, "reason": "x"}]
    (rule,) = told["split_rules"]
    assert rule["shares"] == [{"service": "assistant", "basis_points": 10_000}]
    assert (rule["state"], rule["from"]) == ("running", "2026-03-02T14:00:00Z")


def test_filtered_requests_are_null_where_the_gateway_logs_none(shared):
    counted = {row["caller"]: row["filtered"] for row in got(shared.fay, one(shared))["callers"]}
    assert counted == {"assistant-key": 0, "k-77": 0}
    CallerHour.objects.filter(caller=key77()).update(filtered=None)
    CallerHour.objects.filter(caller__key="assistant-key", hour=START).update(filtered=7)
    counted = {row["caller"]: row["filtered"] for row in got(shared.fay, one(shared))["callers"]}
    assert counted == {"assistant-key": 7, "k-77": None}


def test_hours_of_a_service_name_their_method_and_how_complete_they_are(shared):
    caller = Caller.objects.get(key="assistant-key")
    sent(shared.cleo, f"{CALLERS}{caller.pk}/mappings/", service="assistant")
    fill_everything(at=AT)
    told = got(shared.ada, HOURS)
    window = {"from": told["from"], "until": told["until"]}
    assert window == {"from": "2026-03-01T15:00:00Z", "until": "2026-03-02T15:00:00Z"}
    rows = [row for row in told["results"] if row["deployment"] == "acme/chat"]
    assert {row["method"] for row in rows if row["prompt_tokens"]} == {"gateway"}
    first = next(row for row in rows if row["method"] == "gateway")
    assert (first["hour"], first["prompt_tokens"]) == ("2026-03-02T06:00:00Z", 36_000)
    assert (first["minutes_received"], first["completeness"]) == (60, 1)
    stored = ServiceHour.objects.filter(service=shared.assistant)
    sums = stored.aggregate(tokens=Sum(F("prompt_tokens") + F("generated_tokens")))
    tokens = sum(row["prompt_tokens"] + row["generated_tokens"] for row in told["results"])
    assert tokens == sums["tokens"] == sum(each["tokens"] for each in told["methods"])


def test_an_hour_of_which_minutes_are_missing_says_so(shared):
    ServiceHour.objects.filter(service=shared.assistant, hour=START).update(minutes_received=45)
    told = got(shared.ada, HOURS)
    rows = told["results"]
    assert all(each["minutes_missing"] >= 15 for each in told["methods"] if each["tokens"])
    found = {row["completeness"] for row in rows if row["hour"] == "2026-03-02T06:00:00Z"}
    assert found == {0.75}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"from": "2026-03-02T06:00:00Z"}, "both from and until"),
        ({"from": "2026-03-02T06:00:00Z", "until": "2026-03-02T06:00:00Z"}, "after the start"),
        ({"from": "2026-01-01T00:00:00Z", "until": "2026-03-02T00:00:00Z"}, "at most 31 days"),
        ({"from": "2026-03-02T06:00:00", "until": "2026-03-02T07:00:00Z"}, "offset"),
    ],
)
def test_a_window_of_hours_is_bounded_and_explained(shared, query, sentence):
    answer = client_of(shared.ada).get(HOURS, query)
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
    assert sentence in answer.content.decode()


def test_hours_are_half_open(shared):
    told = got(shared.ada, HOURS, **{"from": "2026-03-02T07:00:00Z", "until": "2026-03-02T08:00Z"})
    assert {row["hour"] for row in told["results"]} == {"2026-03-02T07:00:00Z"}


def test_i24_what_is_nobodys_is_as_on_its_page(shared):
    told, page = got(shared.fay, NOBODYS), unattributed(at=AT)
    assert (told["tokens"], told["cost"]) == (page.tokens, str(page.amount))
    assert [row["key"] for row in told["results"]] == [bucket.key for bucket in page.buckets]
    assert sum(row["tokens"] for row in told["results"]) == told["tokens"] > 0


def test_callers_are_listed_by_page_and_by_whether_they_are_mapped(
    shared, django_assert_max_num_queries: DjangoAssertNumQueries
):
    sent(shared.cleo, f"{CALLERS}{key77().pk}/mappings/", service="digest")
    client = client_of(shared.fay)
    with django_assert_max_num_queries(5):
        told = client.get(CALLERS, {"mapped": "true"}).json()
    assert [row["caller"] for row in told["results"]] == ["k-77"]
    assert "k-77" not in {
        row["caller"] for row in got(shared.fay, CALLERS, mapped="false")["results"]
    }
    assert client.get(CALLERS, {"mapped": "perhaps"}).status_code == 400


# ── What is changed ──────────────────────────────────────────────────────────────────────────


def test_a_caller_is_mapped_from_its_first_use_then_from_this_hour_and_ended(shared):
    url = f"{CALLERS}{key77().pk}/mappings/"
    first = sent(shared.cleo, url, service="digest").json()
    assert (first["service"], first["from"]) == ("digest", "2026-03-02T06:00:00Z")
    second = sent(shared.cleo, url, service="assistant", **{"from": "2026-03-02T12:00:00Z"}).json()
    assert second["from"] == "2026-03-02T12:00:00Z"
    fill_everything(at=AT)
    assert sent(shared.cleo, f"{url}end/").status_code == 204
    assert TouchedHour.objects.filter(deployment=shared.chat).exists()
    told = got(shared.fay, url)["results"]
    assert [(row["service"], row["until"]) for row in told] == [
        ("assistant", "2026-03-02T14:00:00Z"),
        ("digest", "2026-03-02T12:00:00Z"),
    ]
    again = sent(shared.cleo, f"{url}end/")
    assert (again.status_code, again.json()["code"]) == (422, "not_mapped")


def test_a_deployment_is_shared_from_the_past_with_a_reason(shared):
    past = {"deployment": "acme/ptu", "from": "2026-03-02T10:00:00Z"}
    refused = sent(shared.cleo, SHARED, **past)
    assert (refused.status_code, refused.json()["code"]) == (422, "reason_missing")
    made = sent(shared.cleo, SHARED, **past, reason="It was always so.")
    assert made.status_code == 201
    assert made.json()["windows"][0]["reason"] == "It was always so."
    assert SharedDeployment.objects.get(deployment=shared.ptu).effective_from == utc(
        "2026-03-02 10:00"
    )
    assert sent(shared.cleo, f"{SHARED}{shared.ptu.pk}/end/").status_code == 204
    assert SharedDeployment.objects.get(deployment=shared.ptu).effective_until == utc(
        "2026-03-02 14:00"
    )


@pytest.mark.parametrize(
    ("below", "data", "status", "code"),
    [
        ("", {"deployment": "acme/none"}, 400, "invalid"),
        ("", {"deployment": "acme/chat"}, 422, "already_shared"),
        ("", {"deployment": "acme/ptu", "from": "2026-03-02T14:30:00Z"}, 422, "whole_hours"),
        ("", {"deployment": "acme/ptu", "from": "2026-03-02T15:00:00"}, 400, "invalid"),
        ("split", {"shares": []}, 400, "invalid"),
        ("split", {"shares": [["digest", 5000]]}, 422, "shares_not_whole"),
        ("split", {"shares": [["digest", 0]]}, 400, "invalid"),
        ("split", {"shares": [["no-such", 10_000]]}, 400, "invalid"),
        ("split", {"shares": [["digest", 5000], ["digest", 5000]]}, 400, "invalid"),
        ("split", {"shares": [["digest", 10_000]], "until": "2026-03-02T14:00:00Z"}, 422,
         "ends_before_start"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_problem_with_a_sentence_and_nothing_is_written(
    shared, below, data, status, code
):
    before = AuditRow.objects.count()
    if "shares" in data:
        pairs = data["shares"]
        data = {**data, "shares": [{"service": s, "basis_points": n} for s, n in pairs]}
    answer = sent(shared.cleo, one(shared, "split-rules/") if below else SHARED, **data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == PROBLEM
    assert (AuditRow.objects.count(), SplitRule.objects.count()) == (before, 0)


def test_a_rule_of_another_deployment_is_not_found_below_this_one(ruled):
    rule = SplitRule.objects.get()
    url = f"{SHARED}{ruled.ptu.pk}/split-rules/{rule.pk}/end/"
    assert sent(ruled.cleo, url).status_code == 404
    assert SplitRule.objects.filter(pk=rule.pk).exists()


def test_a_file_is_imported_once_and_wrong_lines_are_named(shared):
    assert uploaded(shared.cleo, FILE).json() == {"lines": 1, "hours": 1, "hours_changed": 1}
    assert uploaded(shared.cleo, FILE).json()["hours_changed"] == 0
    wrong = uploaded(shared.cleo, FILE.replace("acme/digest", "acme/none"))
    assert wrong.status_code == 400
    assert "Line 2: no one deployment is called" in wrong.json()["errors"]["lines"][0]
    assert uploaded(shared.cleo, FILE, gateway="").json()["errors"].keys() == {"gateway"}
    assert sent(shared.cleo, f"{IMPORT}?gateway=x", time="now").status_code == 415
    assert CallerMapping.objects.count() == 0


def test_an_answer_asks_as_often_for_many_callers_as_for_one(
    shared, django_assert_max_num_queries: DjangoAssertNumQueries
):
    client = client_of(shared.fay)
    for url in (SHARED, one(shared), NOBODYS):
        with django_assert_max_num_queries(20):
            client.get(url)
