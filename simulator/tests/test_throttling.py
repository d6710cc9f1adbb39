"""ARM's token buckets: what is left is told, too many calls wait until a bucket refills."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk
from simulator.tests.worlds import SUBSCRIPTION
from simulator.throttling import Rate, Throttle

LEFT = "x-ms-ratelimit-remaining-subscription"
PATH = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/accounts"


class Timer:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def headers_of(sdk: Sdk) -> dict[str, str]:
    """Of a read."""
    seen: dict[str, str] = {}
    sdk.arm.quota_tiers.get(
        "default", raw_response_hook=lambda answer: seen.update(answer.http_response.headers)
    )
    return {name.lower(): value for name, value in seen.items()}


def test_a_bucket_refills_with_time_up_to_its_size():
    timer = Timer()
    throttle, rate = Throttle(timer), Rate(3, 0.5)
    assert [throttle.take("s", "p", "reads", rate, None).left for _ in range(3)] == [2, 1, 0]
    refused = throttle.take("s", "p", "reads", rate, None)
    assert (refused.wait_seconds, refused.refused_by, refused.left) == (2, "principal", 0)
    timer.seconds += 2
    assert throttle.take("s", "p", "reads", rate, None).wait_seconds is None
    timer.seconds += 1000
    assert throttle.take("s", "p", "reads", rate, None).left == 2


def test_each_scope_principal_and_operation_has_its_own_bucket():
    throttle, rate = Throttle(Timer()), Rate(1, 1)
    for key in (
        ("s", "p", "reads"),
        ("t", "p", "reads"),
        ("s", "q", "reads"),
        ("s", "p", "writes"),
    ):
        assert throttle.take(*key, rate, None).wait_seconds is None
        assert throttle.take(*key, rate, None).wait_seconds == 1


def test_all_principals_of_a_subscription_share_a_larger_bucket():
    throttle, rate, for_all = Throttle(Timer()), Rate(2, 1), Rate(3, 1)
    taken = [throttle.take("s", p, "reads", rate, for_all) for p in ("a", "a", "b", "b")]
    assert [each.left_for_all for each in taken] == [2, 1, 0, 0]
    assert [each.refused_by for each in taken] == [None, None, None, "subscription"]
    # The refused call cost its principal nothing.
    assert [each.left for each in taken] == [1, 0, 1, 1]


def test_answers_tell_what_is_left_by_azures_figures(sdk: Sdk):
    first, second = headers_of(sdk), headers_of(sdk)
    assert 245 <= int(second[f"{LEFT}-reads"]) <= int(first[f"{LEFT}-reads"]) == 249
    assert int(first[f"{LEFT}-global-reads"]) == 15 * 250 - 1
    assert f"{LEFT}-writes" not in first


def test_writes_have_buckets_of_their_own(sdk: Sdk):
    seen: dict[str, Any] = {}
    sdk.arm.deployments.begin_update(
        GROUP, "one", "chat", {"sku": {"name": "GlobalStandard", "capacity": 60}},
        raw_response_hook=lambda answer: seen.update(answer.http_response.headers),
    )  # fmt: skip
    left = {name.lower(): value for name, value in seen.items()}
    assert (left[f"{LEFT}-writes"], left[f"{LEFT}-global-writes"]) == ("199", "2999")


def test_errors_tell_it_too(sdk: Sdk):
    with pytest.raises(ResourceNotFoundError) as caught:
        sdk.arm.deployments.get(GROUP, "one", "none")
    assert f"{LEFT}-reads" in caught.value.response.headers


def test_too_many_calls_are_refused_and_told_when_to_come_back(
    sdk: Sdk, simulator: SimulatorProcess
):
    slow = {"arm_reads_bucket": 3, "arm_reads_per_second": 0.05}
    simulator.control("POST", "/knobs", slow)
    for _ in range(3):
        sdk.arm.quota_tiers.get("default")
    with pytest.raises(HttpResponseError) as caught:
        sdk.arm.quota_tiers.get("default")
    assert (caught.value.status_code, caught.value.error.code) == (429, "TooManyRequests")
    assert 19 <= int(caught.value.response.headers["Retry-After"]) <= 20
    assert caught.value.response.headers[f"{LEFT}-reads"] == "0"
    # Reads are used up, writes are not; nor is anything that is not ARM.
    body = {"sku": {"name": "GlobalStandard", "capacity": 60}}
    sdk.arm.deployments.begin_update(GROUP, "one", "chat", body, polling=False)
    assert simulator.control("GET", "/state")["accounts"][0]["deployments"][0]["capacity"] == 60


def test_the_sdk_waits_and_comes_back(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"arm_reads_bucket": 1, "arm_reads_per_second": 2})
    began = time.monotonic()
    sdk.arm.quota_tiers.get("default")
    tier = sdk.arm.quota_tiers.get("default", retry_total=2)
    assert tier.name == "default"
    assert 0.4 <= time.monotonic() - began < 10


def test_a_subscription_may_run_out_for_all_principals(sdk: Sdk, simulator: SimulatorProcess):
    few = {"arm_subscription_factor": 0.01, "arm_reads_bucket": 100, "arm_reads_per_second": 1}
    simulator.control("POST", "/knobs", few)
    sdk.arm.quota_tiers.get("default")
    with pytest.raises(HttpResponseError) as caught:
        sdk.arm.quota_tiers.get("default")
    assert caught.value.error.code == "SubscriptionRequestsThrottled"
    assert f"subscription '{SUBSCRIPTION}'" in caught.value.error.message


def test_one_factor_widens_every_bucket(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"arm_throttle_factor": 10})
    assert headers_of(sdk)[f"{LEFT}-reads"] == "2499"


def test_calls_without_a_token_cost_nobody_anything(sdk: Sdk, simulator: SimulatorProcess):
    with simulator.http() as http:
        answers: list[httpx.Response] = [http.get(f"{PATH}?api-version=1") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {401}
    assert f"{LEFT}-reads" not in answers[0].headers
    assert headers_of(sdk)[f"{LEFT}-reads"] == "249"


def test_calls_outside_any_subscription_count_for_the_tenant(simulator: SimulatorProcess):
    headers = {"Authorization": f"Bearer {simulator.token('https://management.azure.com')}"}
    with simulator.http() as http:
        answer = http.get("/subscriptions?api-version=2022-12-01", headers=headers)
    left = {name: n for name, n in answer.headers.items() if "ratelimit" in name}
    assert left == {"x-ms-ratelimit-remaining-tenant-reads": "249"}
