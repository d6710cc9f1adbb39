"""A long write in steps: every form in which Azure documents it, and resumed by another process."""

import subprocess
import sys
from datetime import timedelta

import pytest

from portal.cloud import capacity
from portal.cloud.capacity import AzureCapacity
from portal.cloud.tests.canned import CHAT, Answer, Canned, deployment, error
from portal.kernel.errors import CloudError, CloudReason
from quotas.gateway import WriteAnswer

OPERATION = "https://arm.invalid/subscriptions/s/operationResults/42?api-version=1"
RESOURCE = f"https://arm.invalid{CHAT}"


def accepted(header: str, wait: str = "7") -> Answer:
    """A PATCH that Azure has taken on: 202 and where to ask."""
    return Answer(202, None, {header: OPERATION, "Retry-After": wait})


def status(text: str, **more: object) -> Answer:
    return Answer(200, {"name": "42", "status": text, **more})


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> "Gateway":
    return Gateway(monkeypatch)


class Gateway:
    """AzureCapacity before canned answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def answers(self, *answers: Answer) -> Canned:
        """A fresh client each time, as in another process."""
        canned = Canned(*answers)
        client = canned.arm()
        self._monkeypatch.setattr(capacity, "arm_client", lambda _: client)
        return canned

    def begin(self) -> WriteAnswer:
        return AzureCapacity().begin_write(
            CHAT, sku_name="GlobalStandard", units=50, request_id="change-7"
        )

    def poll(self, operation: str) -> WriteAnswer:
        return AzureCapacity().poll(CHAT, operation, request_id="change-7")

    def failing_poll(self, operation: str) -> CloudError:
        with pytest.raises(CloudError) as caught:
            self.poll(operation)
        return caught.value


def test_a_write_that_is_done_at_once(gateway: Gateway) -> None:
    canned = gateway.answers(Answer(200, deployment(50)))
    assert gateway.begin() == WriteAnswer(done=True)
    assert canned.sent == [f"PATCH {RESOURCE}"]
    assert canned.requests[0].body == '{"sku": {"name": "GlobalStandard", "capacity": 50}}'
    assert canned.requests[0].headers["x-ms-client-request-id"] == "change-7"


@pytest.mark.parametrize("header", ["Azure-AsyncOperation", "Location"])
def test_a_write_that_azure_takes_on_is_one_request_now_and_one_for_each_step(
    gateway: Gateway, header: str
) -> None:
    first = gateway.answers(accepted(header))
    begun = gateway.begin()
    assert (begun.done, begun.retry_after) == (False, timedelta(seconds=7))
    assert first.sent == [f"PATCH {RESOURCE}"]

    still = (
        status("InProgress")
        if header != "Location"
        else Answer(202, None, {"Location": OPERATION, "Retry-After": "9"})
    )
    second = gateway.answers(still)
    going_on = gateway.poll(begun.operation)
    assert not going_on.done
    assert second.sent == [f"GET {OPERATION.split('?')[0]}"]
    assert second.requests[0].headers["x-ms-client-request-id"] == "change-7"

    end = status("Succeeded") if header != "Location" else Answer(200, deployment(50))
    third = gateway.answers(end)
    assert gateway.poll(going_on.operation) == WriteAnswer(done=True)
    assert len(third.requests) == 1


def test_a_write_whose_state_is_in_the_resource_itself(gateway: Gateway) -> None:
    gateway.answers(Answer(200, deployment(50, "Accepted")))
    begun = gateway.begin()
    assert (begun.done, begun.retry_after) == (False, timedelta(seconds=1))

    asked = gateway.answers(Answer(200, deployment(50, "Updating")))
    going_on = gateway.poll(begun.operation)
    assert not going_on.done
    assert asked.sent == [f"GET {RESOURCE}"]

    gateway.answers(Answer(200, deployment(50)))
    assert gateway.poll(going_on.operation).done


def test_an_operation_that_fails_speaks_with_azures_words(gateway: Gateway) -> None:
    gateway.answers(accepted("Azure-AsyncOperation"))
    begun = gateway.begin()
    words = "This operation require 20 new capacity"
    failed = status("Failed", error={"code": "InsufficientQuota", "message": words})
    gateway.answers(failed)
    failure = gateway.failing_poll(begun.operation)
    assert failure.reason is CloudReason.INSUFFICIENT_QUOTA
    assert (failure.status, failure.azure_message) == (200, words)
    assert failure.maybe_applied is False


@pytest.mark.parametrize("end", ["Failed", "Canceled"])
def test_a_resource_that_ends_badly(gateway: Gateway, end: str) -> None:
    gateway.answers(Answer(200, deployment(50, "Accepted")))
    begun = gateway.begin()
    gateway.answers(Answer(200, deployment(50, end)))
    failure = gateway.failing_poll(begun.operation)
    assert failure.reason is CloudReason.UNKNOWN
    assert failure.maybe_applied is False
    assert "gave up" in failure.sentence


def test_a_write_that_fails_in_its_first_answer(gateway: Gateway) -> None:
    gateway.answers(Answer(200, deployment(50, "Failed")))
    with pytest.raises(CloudError) as caught:
        gateway.begin()
    assert caught.value.maybe_applied is False


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error(404, "NotFound"), CloudReason.NOT_FOUND),
        (error(429, "TooManyRequests", Retry_After="300"), CloudReason.THROTTLED),
        (error(503, "ServiceUnavailable", Retry_After="60"), CloudReason.UNKNOWN),
        (Answer(200, b"<html>"), CloudReason.UNKNOWN),
        (Answer(200, {"name": "42"}), CloudReason.UNKNOWN),
    ],
)
def test_asking_that_goes_wrong_leaves_the_write_in_doubt(
    gateway: Gateway, answer: Answer, reason: CloudReason
) -> None:
    gateway.answers(accepted("Azure-AsyncOperation"))
    begun = gateway.begin()
    gateway.answers(answer)
    failure = gateway.failing_poll(begun.operation)
    assert (failure.reason, failure.maybe_applied) == (reason, True)


@pytest.mark.parametrize("operation", ["", "not a token", "e30="])
def test_an_operation_text_that_means_nothing_writes_nothing(
    gateway: Gateway, operation: str
) -> None:
    canned = gateway.answers(Answer(200, deployment(50)))
    assert gateway.failing_poll(operation).reason is CloudReason.UNKNOWN
    assert canned.requests == []


def test_the_operation_is_plain_text_without_the_token(gateway: Gateway) -> None:
    gateway.answers(accepted("Azure-AsyncOperation"))
    operation = gateway.begin().operation
    assert operation.isascii()
    assert len(operation) < 8_000
    import base64

    assert b"a-token" not in base64.b64decode(operation + "==")


def test_another_process_goes_on_with_a_write(gateway: Gateway) -> None:
    gateway.answers(accepted("Azure-AsyncOperation"))
    operation = gateway.begin().operation
    program = (
        "import sys; from portal.cloud import capacity; from portal.cloud.tests.canned import *\n"
        "canned = Canned(Answer(200, {'status': 'Succeeded'})); client = canned.arm()\n"
        "capacity.arm_client = lambda _: client\n"
        "print(capacity.AzureCapacity().poll(CHAT, sys.argv[1], request_id='r'), canned.sent)"
    )
    other = subprocess.run(
        [sys.executable, "-c", program, operation], capture_output=True, text=True, timeout=60
    )
    assert other.stderr == ""
    assert "done=True" in other.stdout
    assert f"['GET {OPERATION.split('?')[0]}']" in other.stdout
