"""What the SDK returns, as the contract's values: from Azure's own examples and recorded rows."""

from datetime import UTC, datetime

from portal.cloud.inventory import InventoryReader
from portal.cloud.tests.canned import ACCOUNT, SUBSCRIPTION, Answer, Canned, deployment, listed
from portal.kernel.units import UnitRate
from quotas.gateway import Inventory, QuotaSeen
from quotas.tests.factories import deployment_seen

NO_RATE = UnitRate(tokens_per_minute=None, requests_per_minute=None)


def account(name: str, location: str, kind: str = "OpenAI") -> dict[str, object]:
    return {"id": ACCOUNT.replace("acme-eus", name), "name": name, "location": location,
            "kind": kind}  # fmt: skip


def usage(name: str, limit: float, used: float, **scope: str) -> dict[str, object]:
    return {"name": {"value": name, "localizedValue": "Tokens Per Minute (thousands)"},
            "currentValue": used, "limit": limit, "unit": "Count", **scope}  # fmt: skip


def model(name: str, *skus: dict[str, object], kind: str = "OpenAI") -> dict[str, object]:
    described = {"format": "OpenAI", "name": name, "version": "1", "skus": list(skus)}
    return {"kind": kind, "skuName": "S0", "model": described}


def read(*answers: Answer) -> Inventory:
    return InventoryReader(Canned(*answers).arm(), SUBSCRIPTION).read()


def one_region(
    *, accounts: Answer | None = None, deployments: Answer | None = None,
    usages: Answer | None = None, models: Answer | None = None,
) -> Inventory:  # fmt: skip
    return read(
        accounts or listed([account("acme-eus", "East US 2")]),
        deployments or listed([]),
        usages or listed([]),
        models or listed([]),
    )


def test_accounts_that_host_no_models_are_left_out() -> None:
    accounts = [account("talk", "eastus2", "SpeechServices"), account("acme-eus", "East US 2")]
    [seen] = one_region(accounts=listed(accounts)).accounts
    assert (seen.name, seen.region, seen.kind) == ("acme-eus", "eastus2", "OpenAI")
    assert (seen.subscription_id, seen.resource_group) == (SUBSCRIPTION, "rg-ai")


def test_a_deployment_as_azure_recorded_it() -> None:
    [seen] = one_region(deployments=listed([deployment(30)])).deployments
    assert (seen.account_resource_id, seen.name) == (ACCOUNT, "chat")
    assert (seen.capacity_units, seen.sku_name) == (30, "GlobalStandard")
    assert (seen.tokens_per_minute, seen.requests_per_minute) == (30_000, 180)
    assert seen.created_at == datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert seen.etag == '"e1"'


def test_a_deployment_with_hardly_anything() -> None:
    bare = {"id": f"{ACCOUNT}/deployments/bare", "name": "bare"}
    [seen] = one_region(deployments=listed([bare])).deployments
    assert (seen.name, seen.capacity_units, seen.tokens_per_minute) == ("bare", 0, None)


def test_limits_are_whole_units_although_azure_sends_floats() -> None:
    [row] = one_region(usages=listed([usage("OpenAI.Standard.gpt-4o", 150.0, 30.0)])).quotas
    assert row == QuotaSeen(
        SUBSCRIPTION, "eastus2", "", "", "OpenAI.Standard.gpt-4o", 150, 30, ("eastus2",)
    )
    assert isinstance(row.limit_units, int)


def two_regions(first: dict[str, object], second: dict[str, object]) -> Inventory:
    accounts = [account("acme-eus", "eastus2"), account("acme-swe", "swedencentral")]
    empty = listed([])
    return read(
        listed(accounts), empty, empty, listed([first]), listed([second]), empty, empty
    )  # fmt: skip


def test_a_global_pool_counts_once_however_many_regions_list_it() -> None:
    scope = {"scopeType": "Global", "scopeId": "global"}
    row = usage("OpenAI.GlobalStandard.gpt-4o", 300, 110, **scope)
    [seen] = two_regions(row, row).quotas
    assert (seen.scope_type, seen.scope_id, seen.region) == ("Global", "global", "eastus2")
    assert (seen.limit_units, seen.used_units) == (300, 110)
    assert seen.regions == ("eastus2", "swedencentral")


def test_where_two_regions_disagree_the_careful_numbers_stand() -> None:
    scope = {"scopeType": "Global", "scopeId": "global"}
    name = "OpenAI.GlobalStandard.gpt-4o"
    [seen] = two_regions(usage(name, 300, 110, **scope), usage(name, 250, 120, **scope)).quotas
    assert (seen.limit_units, seen.used_units) == (250, 120)


def test_data_zones_are_pools_of_their_own() -> None:
    name = "OpenAI.DataZoneStandard.gpt-4o"
    us, eu = ({"scopeType": "DataZone", "scopeId": zone} for zone in ("US", "EU"))
    seen = two_regions(usage(name, 300, 0, **us), usage(name, 200, 0, **eu)).quotas
    assert [(row.scope_id, row.limit_units) for row in seen] == [("US", 300), ("EU", 200)]


def test_classic_and_regional_pools_stay_apart_by_region() -> None:
    name = "OpenAI.Standard.gpt-4o"
    assert len(two_regions(usage(name, 300, 0), usage(name, 300, 0)).quotas) == 2
    regional = {"scopeType": "Regional", "scopeId": ""}
    assert (
        len(two_regions(usage(name, 3, 0, **regional), usage(name, 3, 0, **regional)).quotas) == 2
    )


def test_two_versions_of_a_model_have_rates_of_their_own() -> None:
    limits = [{"key": "request", "count": 3, "renewalPeriod": 60},
              {"key": "token", "count": 10_000, "renewalPeriod": 60}]  # fmt: skip
    sku = {"name": "GlobalStandard", "usageName": "OpenAI.GlobalStandard.gpt-realtime-mini",
           "capacity": {"default": 100, "maximum": 30_000}, "rateLimits": limits}  # fmt: skip
    [seen] = one_region(models=listed([model("gpt-realtime-mini", sku)])).model_skus
    assert seen.rate == UnitRate(tokens_per_minute=10_000, requests_per_minute=3)
    assert seen.usage_name == "OpenAI.GlobalStandard.gpt-realtime-mini"
    assert (seen.minimum_units, seen.maximum_units, seen.step_units) == (None, 30_000, None)


def test_a_sku_that_states_no_rate_and_steps_in_fifties() -> None:
    sku = {"name": "provisioned", "usageName": "OpenAI.Provisioned.GPT4o",
           "capacity": {"minimum": 50, "maximum": 2000, "step": 50}}  # fmt: skip
    [seen] = one_region(models=listed([model("gpt-4o", sku)])).model_skus
    assert seen.rate == NO_RATE
    assert (seen.minimum_units, seen.step_units) == (50, 50)


def test_a_rate_that_never_renews_is_no_rate() -> None:
    sku = {"name": "Standard", "rateLimits": [{"key": "token", "count": 5, "renewalPeriod": 0}]}
    [seen] = one_region(models=listed([model("gpt-4o", sku)])).model_skus
    assert (seen.rate, seen.usage_name) == (NO_RATE, "")


def test_the_pool_of_fine_tuned_deployments_is_not_the_pool_of_the_model() -> None:
    sku = {"name": "Standard", "usageName": "OpenAI.Standard.gpt-4o"}
    tuned = {"name": "Standard", "usageName": "OpenAI.Standard.gpt-4o-finetune"}
    for rows in ([sku, tuned], [tuned, sku]):
        seen = one_region(models=listed([model("gpt-4o", *rows)])).model_skus
        pools = {each.is_fine_tuned: each.usage_name for each in seen}
        assert pools == {False: sku["usageName"], True: tuned["usageName"]}


def test_a_fine_tuned_deployment_is_fed_by_the_pool_for_those_of_its_base_model() -> None:
    sku = {"name": "Standard", "usageName": "OpenAI.Standard.gpt-4o"}
    tuned = {"name": "Standard", "usageName": "OpenAI.Standard.gpt-4o-finetune"}
    seen = one_region(models=listed([model("gpt-4o", sku, tuned)])).model_skus
    pools = {each.sku_key: each.usage_name for each in seen}
    own = deployment_seen(model_name="gpt-4o-1.ft-0e20", sku_name="standard")
    base = deployment_seen(model_name="gpt-4o", model_version="1", sku_name="standard")
    assert pools[own.sku_key] == tuned["usageName"]
    assert pools[base.sku_key] == sku["usageName"]


def test_a_model_listed_for_both_kinds_of_account_counts_once() -> None:
    sku = {"name": "Standard", "usageName": "OpenAI.Standard.gpt-4o"}
    both = [model("gpt-4o", sku), model("gpt-4o", sku, kind="AIServices")]
    assert len(one_region(models=listed([*both, model("x", sku, kind="Face")])).model_skus) == 1
