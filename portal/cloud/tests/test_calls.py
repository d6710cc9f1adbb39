"""Each call is counted once an attempt, by plane, kind and hour; and it carries our id."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.rest import HttpRequest

from portal.cloud import calls
from portal.cloud.calls import Kind
from portal.cloud.endpoints import Plane
from portal.cloud.errors import azure_errors
from portal.cloud.policies import REQUEST_ID
from portal.cloud.tests.canned import Answer, Canned, deployment, error
from portal.kernel.clock import real_now
from portal.kernel.errors import CloudError
from portal.kernel.job import begin_job, current_job, end_job

JOB = "0b6f0f4e-7a1d-4a51-9b5f-2f3a4c5d6e7f"


@pytest.fixture
def job() -> Iterator[str]:
    begin_job(JOB)
    yield JOB
    end_job()


def read(canned: Canned) -> None:
    with azure_errors("read the deployment"):
        canned.arm().deployments.get("rg-ai", "acme-eus", "chat")


def counted(plane: Plane = Plane.ARM) -> dict[Kind, int]:
    return dict(calls.totals(plane, at=real_now()).by_kind)


def test_each_attempt_counts_with_its_seconds_and_its_bytes() -> None:
    read(Canned(error(503, "Busy"), error(429, "Many"), Answer(200, deployment())))
    assert counted() == {Kind.SERVER_ERROR: 1, Kind.THROTTLED: 1, Kind.OK: 1}
    found = calls.totals(Plane.ARM, at=real_now())
    assert found.calls == 3
    assert found.bytes > 300
    assert calls.totals(Plane.METRICS, at=real_now()).calls == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(400, "Bad"), Kind.REFUSED),
        (error(403, "AuthorizationFailed"), Kind.REFUSED),
        (error(409, "RequestConflict"), Kind.CONFLICT),
        (error(412, "PreconditionFailed"), Kind.CONFLICT),
        (Answer(200, b"{not json"), Kind.UNREADABLE),
        (Answer(200, "<html>"), Kind.UNREADABLE),
    ],
)
def test_the_kind_of_an_answer(answer: Answer, kind: Kind) -> None:
    with pytest.raises(CloudError):
        read(Canned(answer))
    assert counted() == {kind: 1}


def test_an_answer_that_never_came_whole_is_a_timeout_each_time() -> None:
    with pytest.raises(CloudError):
        read(Canned(Answer(200, deployment(), cut_bytes=10)))
    assert counted() == {Kind.TIMEOUT: 4}


def test_metrics_are_another_plane() -> None:
    client = Canned(Answer(200, {"values": []})).metrics()
    client.send_request(HttpRequest("POST", "/x"))
    assert counted(Plane.METRICS) == {Kind.OK: 1}
    assert counted() == {}


def test_hours_are_apart_and_the_one_before_is_told_as_well() -> None:
    for hour in (9, 10, 11):
        calls.count(Plane.ARM, Kind.OK, at=datetime(2026, 3, 4, hour, 59, tzinfo=UTC))
    at = datetime(2026, 3, 4, 11, 59, tzinfo=UTC)
    assert calls.totals(Plane.ARM, at=at, hours=1).calls == 1
    assert calls.totals(Plane.ARM, at=at, hours=2).calls == 2


def test_a_call_bears_the_id_of_its_job(job: str) -> None:
    canned = Canned(error(503, "Busy"), Answer(200, deployment()))
    read(canned)
    assert [sent.headers[REQUEST_ID] for sent in canned.requests] == [job, job]


def test_a_call_outside_of_a_job_bears_an_id_of_its_own() -> None:
    canned = Canned(Answer(200, deployment()))
    read(canned)
    read(canned)
    first, second = (sent.headers[REQUEST_ID] for sent in canned.requests)
    assert len(first) == 36
    assert first != second


def test_what_went_wrong_is_a_line_with_both_ids_and_no_query(
    job: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(CloudError):
        read(Canned(error(403, "AuthorizationFailed", x_ms_request_id="azures-id")))
    [line] = [record.getMessage() for record in caplog.records if "403" in record.getMessage()]
    assert line.startswith("GET https://arm.invalid/subscriptions/")
    assert job in line
    assert "azures-id" in line
    assert "api-version" not in line


def test_a_job_inside_another_gives_way_to_it_when_it_ends(job: str) -> None:
    begin_job("inner")
    assert current_job() == "inner"
    end_job()
    assert current_job() == job


def test_a_celery_task_and_a_web_request_are_jobs(client: Any) -> None:
    from portal.celery import app

    seen: list[str] = []

    @app.task(name="portal.cloud.tests.look")
    def look() -> None:
        seen.append(current_job())

    answer = look.apply()
    assert seen == [answer.id]
    assert current_job() == ""
    assert len(client.get("/livez")["X-Request-ID"]) == 36
    assert current_job() == ""
