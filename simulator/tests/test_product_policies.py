"""API Management's products and policies through the real SDK: marks, refusals, effect, drift."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.apimanagement.models import PolicyContract

from simulator.tests import worlds
from simulator.tests.conftest import azure_environment
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import Sdk

PLACE = ("rg-gateway", "apim", "clinical", "policy")
KEY = "@(context.Subscription.Id)"


def limiting(tokens: int | str = 500, **attributes: str) -> str:
    given = {"counter-key": KEY, "tokens-per-minute": str(tokens), "estimate-prompt-tokens": "true"}
    words = " ".join(f'{k}="{v}"' for k, v in {**given, **attributes}.items() if v)
    return f"<policies><inbound><base/><llm-token-limit {words}/></inbound></policies>"


def put(sdk: Sdk, text: str, *, place: tuple[str, ...] = PLACE, **conditions: Any) -> str:
    """Sends a policy; answers its mark."""
    body = PolicyContract(value=text, format="rawxml")
    return sdk.gateways.product_policy.create_or_update(
        *place, body, cls=lambda _answer, _policy, headers: headers["ETag"], **conditions
    )


def read(sdk: Sdk, form: str = "rawxml") -> tuple[str, str]:
    """Text and mark."""
    return sdk.gateways.product_policy.get(
        *PLACE, format=form, cls=lambda _answer, policy, headers: (policy.value, headers["ETag"])
    )


def refusal(ask: Callable[[], Any]) -> tuple[int, dict[str, Any]]:
    with pytest.raises(HttpResponseError) as caught:
        ask()
    return caught.value.status_code, json.loads(caught.value.response.text())["error"]


def test_products_and_their_keys_are_listed_without_secrets(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"page_size": 1})
    service = sdk.gateways.api_management_service.get("RG-gateway", "APIM")
    assert (service.name, service.location) == ("apim", "eastus2")
    [product] = sdk.gateways.product.list_by_service("rg-gateway", "apim")
    assert (product.name, product.display_name, product.state) == (
        "clinical",
        "Clinical",
        "published",
    )
    [key] = sdk.gateways.product_subscriptions.list("rg-gateway", "apim", "clinical")
    assert (key.name, key.state, key.primary_key) == ("radiology", "active", None)
    assert key.scope == f"{service.id}/products/clinical"


def test_what_is_not_there_is_not_found(sdk: Sdk):
    status, error = refusal(lambda: read(sdk))
    assert (status, error["code"], error["message"]) == (
        404,
        "ResourceNotFound",
        "Policy not found.",
    )
    for place, words in (
        (("rg-gateway", "apim", "other", "policy"), "Product not found."),
        (("rg-gateway", "other", "clinical", "policy"), "ApiManagement/service/other' under"),
        (("rg-other", "apim", "clinical", "policy"), "Resource group 'rg-other'"),
    ):
        status, error = refusal(lambda at=place: put(sdk, limiting(), place=at))
        assert status == 404
        assert words in error["message"]


def test_a_policy_is_made_read_in_both_forms_and_taken_away(sdk: Sdk, simulator: SimulatorProcess):
    text = f"<policies><inbound><x a='@(1 < 2 ? \"y\" : {KEY[2:-1]})'/></inbound></policies>"
    etag = put(sdk, text, headers={"If-None-Match": "*"})
    raw, mark = read(sdk)
    assert mark == etag
    assert raw == (
        '<policies>\r\n\t<inbound>\r\n\t\t<x a="@(1 < 2 ? "y" : context.Subscription.Id)" />'
        "\r\n\t</inbound>\r\n</policies>"
    )
    assert "@(1 &lt; 2 ? &quot;y&quot; :" in read(sdk, "xml")[0]
    head = sdk.gateways.product_policy.get_entity_tag(
        *PLACE, cls=lambda _answer, _nothing, headers: headers["ETag"]
    )
    assert head == etag
    sdk.gateways.product_policy.delete(*PLACE, if_match=etag)
    assert refusal(lambda: read(sdk))[0] == 404
    assert put(sdk, text) != etag, "a mark is never used again"
    writes = [row for row in simulator.control("GET", "/log") if row["method"] == "PUT"]
    assert [row["status"] for row in writes] == [201, 201]
    assert writes[0]["headers"]["if-none-match"] == "*"
    assert writes[0]["body"]["properties"] == {"value": text, "format": "rawxml"}


def test_only_the_mark_of_what_is_there_replaces_it(sdk: Sdk):
    first = put(sdk, limiting(500))
    second = put(sdk, limiting(600), if_match=first)
    assert second != first
    for conditions in ({"if_match": first}, {"headers": {"If-None-Match": "*"}}, {}):
        status, error = refusal(lambda said=conditions: put(sdk, limiting(700), **said))
        assert (status, error["code"]) == (412, "PreconditionFailed")
    assert 'tokens-per-minute="600"' in read(sdk)[0]
    assert put(sdk, limiting(700), if_match="*") == read(sdk)[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<policies><inbound></policies>", "The policy is not a valid XML: mismatched tag."),
        ("<inbound/>", "The root of a policy is 'policies'."),
        ("<policies><x/></policies>", "has invalid child element 'x'"),
        ("<policies><inbound/><inbound/></policies>", "The section is there twice."),
        (limiting().replace("inbound", "outbound"), "not allowed in the section 'outbound'"),
        (limiting(**{"counter-key": ""}), "required attribute 'counter-key' is missing"),
        (limiting(**{"estimate-prompt-tokens": ""}), "'estimate-prompt-tokens' is missing"),
        (limiting(**{"tokens-per-minute": ""}), "'tokens-per-minute' or 'token-quota' is req"),
        (limiting(0), "The value '0' is not a whole number above 0."),
        (limiting(**{"token-quota": "9"}), "'token-quota' and 'token-quota-period' go together"),
        (limiting(speed="9"), "The 'speed' attribute is not declared."),
        ("<policies><inbound><choose/></inbound></policies>", "at least one 'when'"),
    ],
)
def test_a_wrong_policy_is_refused_in_azures_form(sdk: Sdk, text: str, words: str):
    status, error = refusal(lambda: put(sdk, text))
    assert (status, error["code"]) == (400, "ValidationError")
    assert error["message"] == "One or more fields contain incorrect values:"
    assert words in error["details"][0]["message"]
    assert refusal(lambda: read(sdk))[0] == 404


def test_a_right_that_is_missing_is_named(sdk: Sdk, simulator: SimulatorProcess):
    action = "Microsoft.ApiManagement/service/products/policies/write"
    simulator.control("POST", "/knobs", {"denied_actions": [action]})
    status, error = refusal(lambda: put(sdk, limiting()))
    assert (status, error["code"]) == (403, "AuthorizationFailed")
    assert action in error["message"]


def test_an_edit_by_hand_changes_the_mark(sdk: Sdk, simulator: SimulatorProcess):
    etag = put(sdk, limiting(500))
    edit = {"gateway": "apim", "product": "clinical", "policy": limiting(900)}
    row = simulator.control("POST", "/policies", edit)
    assert row["limits"] == {
        "radiology": [{"counter": "subscription radiology", "tokens_per_minute": 900}]
    }
    assert refusal(lambda: put(sdk, limiting(600), if_match=etag))[0] == 412
    assert simulator.control("GET", "/policies") == {"value": [row]}
    simulator.control("POST", "/policies", {**edit, "policy": None})
    assert refusal(lambda: read(sdk))[0] == 404


def test_callers_feel_a_policy_from_the_next_minute_on_and_no_earlier_one_changes(
    sdk: Sdk, simulator: SimulatorProcess
):
    def refused(start: str, end: str) -> int:
        found = simulator.control(
            "GET", f"/callers?from=2026-03-04T{start}Z&until=2026-03-04T{end}Z"
        )
        return sum(
            row["throttled_by_gateway"] for row in found["value"] if row["caller"] == "radiology"
        )

    put(sdk, limiting(50))
    simulator.control("POST", "/clock", {"at": "2026-03-04T11:30:00Z", "frozen": True})
    assert refused("09:30:00", "10:31:00") == 0
    assert refused("10:31:00", "11:30:00") > 0
    put(sdk, limiting(900_000), if_match="*")
    simulator.control("POST", "/clock", {"at": "2026-03-04T12:30:00Z", "frozen": True})
    assert refused("11:31:00", "12:30:00") == 0
    assert refused("10:31:00", "11:30:00") > 0


def test_a_limit_of_the_world_file_is_a_policy_and_what_was_written_outlives_a_kill(
    start: Callable[..., SimulatorProcess], monkeypatch: pytest.MonkeyPatch
):
    limited = [{"id": "radiology", "product": "clinical", "tokens_per_minute": 4_000}]
    behind = worlds.backend(weights=[{"of": {"radiology": 1}}])
    raw = worlds.world(worlds.account("one", worlds.deployment(capacity=50)))
    raw["gateways"] = [worlds.gateway(behind, subscriptions=limited)]
    process = start(raw)
    for sdk in azure_environment(process, monkeypatch):
        assert 'tokens-per-minute="4000"' in read(sdk)[0]
        etag = put(sdk, limiting(600), if_match=read(sdk)[1])
    process.stop(signal.SIGKILL)
    process.start()
    for sdk in azure_environment(process, monkeypatch):
        text, mark = read(sdk)
        assert ('tokens-per-minute="600"' in text, mark) == (True, etag)
