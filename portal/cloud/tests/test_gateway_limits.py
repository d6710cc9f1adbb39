"""AzureGatewayLimits and the simulated API Management, through the real SDK over HTTPS."""

from typing import Any

import pytest

from portal.cloud.gateway_limits import AzureGatewayLimits
from portal.cloud.tests.simulated import SUBSCRIPTION, arm_requests
from portal.kernel.errors import CloudError, CloudReason, GatewayChanged
from quotas.domain import gateway_policy
from quotas.domain.gateway_policy import ServiceLimit
from quotas.limits_gateway import (
    GatewaySubscriptionSeen,
    ProductPolicy,
    ProductSeen,
    limits_gateway,
)
from stack.simulator_process import SimulatorProcess

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-gateway"
GATEWAY = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso-apim"
LIMITS = AzureGatewayLimits()


def limiting(tokens_per_minute: int) -> str:
    return (
        "<policies><inbound><base />"
        """<choose><when condition='@(context.Subscription.Id == "redaction")'>"""
        f'<llm-token-limit counter-key="headroom" tokens-per-minute="{tokens_per_minute}" '
        'estimate-prompt-tokens="true" /></when></choose></inbound></policies>'
    )


def found(product_id: str = "internal") -> ProductPolicy:
    policy = LIMITS.read_product_policy(GATEWAY, product_id)
    assert policy
    return policy


def write(xml: str, etag: str | None, product_id: str = "internal") -> str:
    return LIMITS.write_product_policy(GATEWAY, product_id, xml, etag=etag, request_id="limits-7")


def edit_by_hand(simulator: SimulatorProcess, policy: str | None) -> None:
    body = {"gateway": "contoso-apim", "product": "internal", "policy": policy}
    simulator.control("POST", "/policies", body)


def limits_in(simulator: SimulatorProcess) -> Any:
    """What callers of the product feel, past all clients."""
    rows = simulator.control("GET", "/policies")["value"]
    [limits] = [row["limits"] for row in rows if row["product"] == "internal"]
    return limits["redaction"]


def test_settings_name_this_gateway() -> None:
    assert isinstance(limits_gateway(), AzureGatewayLimits)


def test_products_and_their_subscriptions_over_several_pages(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"page_size": 1})
    assert LIMITS.list_products(GATEWAY) == (
        ProductSeen("clinical", "Clinical"),
        ProductSeen("internal", "Internal"),
    )
    keys = LIMITS.list_product_subscriptions(GATEWAY, "internal")
    assert keys == (
        GatewaySubscriptionSeen("risk-reports", "Risk reports"),
        GatewaySubscriptionSeen("redaction", "Document redaction"),
    )
    assert all(key.is_active for key in keys)


def test_a_policy_is_replaced_by_one_put_with_the_mark_of_what_was_read(
    simulator: SimulatorProcess,
) -> None:
    before = found()
    assert 'tokens-per-minute="15000"' in before.xml
    assert '"@(context.Subscription.Id == "redaction")"' in before.xml, "C# as it is"
    etag = write(limiting(9_000), before.etag)
    assert found().etag == etag != before.etag
    assert limits_in(simulator) == [{"counter": "key headroom", "tokens_per_minute": 9_000}]
    [put] = arm_requests(simulator, "PUT")
    assert put["headers"]["if-match"] == before.etag
    assert put["headers"]["x-ms-client-request-id"] == "limits-7"
    assert put["body"] == {"properties": {"value": limiting(9_000), "format": "rawxml"}}
    assert write(found().xml, etag) != etag, "what was read can be written back"


def test_headrooms_part_comes_back_as_it_was_meant_and_is_felt_beside_what_others_wrote(
    simulator: SimulatorProcess,
) -> None:
    before = found()
    limits = gateway_policy.in_order(
        [
            ServiceLimit("7.redaction", ("redaction",), 9_000),
            ServiceLimit('7."odd"', ('a "b" <c> {{d}}',), 4_000),
        ]
    )
    etag = write(gateway_policy.with_limits(before.xml, limits), before.etag)
    after = found()
    assert gateway_policy.limits_in(after.xml) == limits
    assert gateway_policy.with_limits(after.xml, limits) == after.xml, "nothing to write again"
    assert {"counter": "key headroom:7.redaction", "tokens_per_minute": 9_000} in limits_in(
        simulator
    )
    assert len(limits_in(simulator)) == 2, "the one that was there holds too"
    write(gateway_policy.with_limits(after.xml, ()), etag)
    assert found().xml == before.xml


def test_what_somebody_else_wrote_meanwhile_stays(simulator: SimulatorProcess) -> None:
    before = found()
    edit_by_hand(simulator, limiting(700))
    with pytest.raises(GatewayChanged) as caught:
        write(limiting(9_000), before.etag)
    refusal = caught.value
    assert (refusal.reason, refusal.status) == (CloudReason.CONFLICT, 412)
    assert (refusal.code, refusal.azure_code) == ("gateway_changed", "PreconditionFailed")
    assert refusal.maybe_applied is False
    assert refusal.sentence == (
        "The policy of product internal of API Management service contoso-apim was changed by "
        "someone else after it was read. Nothing of ours was written: read it again, look at the "
        "difference, then decide."
    )
    assert limits_in(simulator)[0]["tokens_per_minute"] == 700


def test_a_first_policy_is_written_only_where_there_is_none(simulator: SimulatorProcess) -> None:
    edit_by_hand(simulator, None)
    assert LIMITS.read_product_policy(GATEWAY, "internal") is None
    etag = write(limiting(9_000), None)
    assert found().etag == etag
    with pytest.raises(GatewayChanged):
        write(limiting(8_000), None)
    [put] = arm_requests(simulator, "PUT")
    assert put["headers"]["if-none-match"] == "*"
    edit_by_hand(simulator, None)
    with pytest.raises(GatewayChanged):  # the mark of one that was taken away
        write(limiting(8_000), etag)
    assert LIMITS.read_product_policy(GATEWAY, "internal") is None


@pytest.mark.parametrize(
    ("gateway", "product_id", "words"),
    [
        (GATEWAY, "gone", "read product gone of API Management service contoso-apim"),
        (f"{GATEWAY}-2", "internal", "of API Management service contoso-apim-2"),
    ],
)
def test_what_is_not_there_is_not_found(
    simulator: SimulatorProcess, gateway: str, product_id: str, words: str
) -> None:
    for ask in (
        lambda: LIMITS.read_product_policy(gateway, product_id),
        lambda: LIMITS.write_product_policy(gateway, product_id, limiting(1), etag=None),
    ):
        with pytest.raises(CloudError) as caught:
            ask()
        assert caught.value.reason is CloudReason.NOT_FOUND
        assert words in caught.value.sentence
    assert arm_requests(simulator, "PUT") == []


def test_what_is_no_id_of_a_gateway_is_asked_nowhere(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        LIMITS.list_products(f"{GATEWAY}/products/internal")
    assert caught.value.reason is CloudReason.BAD_REQUEST
    assert "is not the id of an API Management service" in caught.value.sentence
    assert arm_requests(simulator) == []


def test_a_wrong_policy_is_refused_with_azures_reason(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        write(limiting(0), found().etag)
    refusal = caught.value
    assert (refusal.reason, refusal.azure_code) == (CloudReason.BAD_REQUEST, "ValidationError")
    assert refusal.sentence.startswith(
        "Azure would not write the policy of product internal of API Management service "
        "contoso-apim, because it finds the request wrong. It says: One or more fields contain "
        "incorrect values: Error in element 'llm-token-limit' on line 1, column"
    )
    assert refusal.maybe_applied is False


def test_a_right_that_azure_denies_is_named_with_its_role(simulator: SimulatorProcess) -> None:
    action = "Microsoft.ApiManagement/service/products/policies/write"
    simulator.control("POST", "/knobs", {"denied_actions": [action]})
    with pytest.raises(CloudError) as caught:
        write(limiting(9_000), found().etag)
    assert caught.value.reason is CloudReason.FORBIDDEN
    assert f"the right {action} on API Management service contoso-apim" in caught.value.sentence
    assert "the role Headroom gateway limits" in caught.value.sentence


def test_a_write_whose_answer_was_lost_is_in_doubt_and_the_next_read_tells(
    simulator: SimulatorProcess,
) -> None:
    before = found()
    simulator.control("POST", "/faults", {"match": "PUT ", "drop": "after"})
    with pytest.raises(CloudError) as caught:
        write(limiting(9_000), before.etag)
    assert (caught.value.reason, caught.value.maybe_applied) == (CloudReason.TIMEOUT, True)
    assert len(arm_requests(simulator, "PUT")) == 1
    assert 'tokens-per-minute="9000"' in found().xml
