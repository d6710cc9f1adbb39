"""Text that creates a deployment: right for Azure, and no name becomes a command."""

import re
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotas.domain.snippets import (
    CONTROL,
    PlannedDeployment,
    az_capacity,
    az_cli,
    bicep,
    bicep_deploy,
    bicep_string,
    hcl_label,
    hcl_string,
    terraform,
)

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
NASTY = ["$(reboot)", "`id`", "a'b", 'a"b', "a;b", "a\\", "${x}", "--name=x", "a b", "!!", "|x&"]
names = st.text(min_size=1, max_size=30).filter(lambda text: not CONTROL.search(text))


def planned(**more: object) -> PlannedDeployment:
    facts: dict[str, object] = {
        "subscription_id": SUBSCRIPTION,
        "resource_group": "rg-ai",
        "account": "contoso-east",
        "name": "claims-letters",
        "model_format": "OpenAI",
        "model_name": "gpt-4o",
        "model_version": "2024-11-20",
        "sku_name": "DataZoneStandard",
        "units": 40,
    }
    return PlannedDeployment(**{**facts, **more})  # type: ignore[arg-type]


def words_of(command: str) -> list[str]:
    """As a shell splits them; `shlex` does not know lines that go on."""
    return shlex.split(command.replace(" \\\n", " "))


def test_the_command_names_everything_that_azure_wants():
    assert words_of(az_cli(planned())) == [
        "az", "cognitiveservices", "account", "deployment", "create",
        f"--subscription={SUBSCRIPTION}",
        "--resource-group=rg-ai",
        "--name=contoso-east",
        "--deployment-name=claims-letters",
        "--model-format=OpenAI",
        "--model-name=gpt-4o",
        "--model-version=2024-11-20",
        "--sku-name=DataZoneStandard",
        "--sku-capacity=40",
    ]  # fmt: skip


def test_the_bicep_file_is_whole():
    assert (
        bicep(planned())
        == """\
resource account 'Microsoft.CognitiveServices/accounts@2025-09-01' existing = {
  name: 'contoso-east'
}

resource deployment 'Microsoft.CognitiveServices/accounts/deployments@2025-09-01' = {
  parent: account
  name: 'claims-letters'
  sku: {
    name: 'DataZoneStandard'
    capacity: 40
  }
  properties: {
    model: {
      format: 'OpenAI'
      name: 'gpt-4o'
      version: '2024-11-20'
    }
  }
}
"""
    )
    assert words_of(bicep_deploy(planned())) == [
        "az", "deployment", "group", "create", f"--subscription={SUBSCRIPTION}",
        "--resource-group=rg-ai", "--template-file=deployment.bicep",
    ]  # fmt: skip


@given(names, names, names)
def test_every_name_is_one_word_of_the_command(group, account, name):
    made = planned(resource_group=group, account=account, name=name)
    found = words_of(az_cli(made))
    assert len(found) == 14
    assert found[6:9] == [
        f"--resource-group={group}", f"--name={account}", f"--deployment-name={name}",
    ]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_a_shell_hands_every_name_over_as_it_is(name):
    made = planned(resource_group=name, account=name, name=name, model_name=name)
    # `az` is a function that prints its words: whatever else the shell did would be missing here.
    script = "az() { printf '%s\\n' \"$@\"; }\n" + az_cli(made)
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603, S607
    words = run.stdout.splitlines()
    assert f"--deployment-name={name}" in words
    assert len(words) == 13


@given(names)
def test_a_bicep_literal_ends_where_it_should_and_holds_no_expression(text):
    literal = bicep_string(text)
    assert re.fullmatch(r"'(?:[^'\\$]|\\\\|\\'|\\\$|\$(?!\{))*'", literal)
    back = re.sub(r"\\(\\|'|\$)", r"\1", literal[1:-1])
    assert back == text


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\x00b", "a\u2028b", "a\x85b"])
def test_control_characters_are_refused(name):
    with pytest.raises(ValueError, match="control character"):
        planned(name=name)


def test_a_deployment_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one unit"):
        planned(units=0)


def test_the_terraform_resource_leaves_the_capacity_to_headroom():
    assert (
        terraform(planned())
        == f"""\
resource "azurerm_cognitive_deployment" "claims-letters" {{
  name                 = "claims-letters"
  cognitive_account_id = "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ai\
/providers/Microsoft.CognitiveServices/accounts/contoso-east"

  model {{
    format  = "OpenAI"
    name    = "gpt-4o"
    version = "2024-11-20"
  }}

  sku {{
    name     = "DataZoneStandard"
    capacity = 40
  }}

  lifecycle {{
    # Headroom moves the capacity as bursts start and end; without this each apply undoes it.
    ignore_changes = [sku[0].capacity]
  }}
}}
"""
    )


@given(names)
def test_a_terraform_literal_ends_where_it_should_and_holds_no_template(text):
    literal = hcl_string(text)
    assert re.fullmatch(r'"(?:[^"\\]|\\\\|\\")*"', literal)
    plain = re.sub(r'([$%])\1\{|\\(\\|")', lambda m: m[2] or m[1] + "{", literal[1:-1])
    assert plain == text
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", hcl_label(text))


def test_bicep_is_given_the_capacity_that_is_there():
    assert words_of(az_capacity(planned()))[-2:] == ["--query=sku.capacity", "--output=tsv"]
