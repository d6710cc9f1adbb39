"""The text of a deployment in Azure, for the Azure CLI, for Bicep and for Terraform. Pure.

Headroom never creates deployments: a person runs this. Every name comes as a quoted word, so a name
cannot become a command, a parameter or an expression; one with a control character is refused.
Sources: `az cognitiveservices account deployment create` and the Bicep type
`Microsoft.CognitiveServices/accounts/deployments` (learn.microsoft.com); the API version is the one
that Headroom itself talks to; `azurerm_cognitive_deployment` of the Terraform provider, version 4,
and `lifecycle` (registry.terraform.io).
"""

import re
import shlex
from dataclasses import astuple, dataclass

API_VERSION = "2025-09-01"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
NO_LABEL = re.compile(r"[^A-Za-z0-9_-]")
ESCAPED_HCL = {"\\": "\\\\", '"': '\\"', "${": "$${", "%{": "%%{"}
ESCAPED = {"\\": "\\\\", "'": "\\'", "${": "\\${"}


@dataclass(frozen=True)
class PlannedDeployment:
    """Everything that Azure wants to know. `units` is the capacity: units of tokens, or PTUs."""

    subscription_id: str
    resource_group: str
    account: str
    name: str
    model_format: str
    model_name: str
    model_version: str
    sku_name: str
    units: int

    def __post_init__(self) -> None:
        """Raises ValueError for what no deployment could be made of."""
        if any(isinstance(part, str) and CONTROL.search(part) for part in astuple(self)):
            raise ValueError("a name of a deployment holds a control character")
        if self.units <= 0:
            raise ValueError("a deployment has at least one unit")


def az_cli(planned: PlannedDeployment) -> str:
    """One command for a POSIX shell."""
    options = {
        "subscription": planned.subscription_id,
        "resource-group": planned.resource_group,
        "name": planned.account,
        "deployment-name": planned.name,
        "model-format": planned.model_format,
        "model-name": planned.model_name,
        "model-version": planned.model_version,
        "sku-name": planned.sku_name,
        "sku-capacity": str(planned.units),
    }
    # `--name=value`, so that a value that begins with a hyphen is still a value.
    words = [f"--{option}={shlex.quote(value)}" for option, value in options.items()]
    return " \\\n  ".join(["az cognitiveservices account deployment create", *words])


def bicep(planned: PlannedDeployment) -> str:
    """A whole file, for the resource group of the account."""
    text = {name: bicep_string(str(value)) for name, value in vars(planned).items()}
    return f"""\
resource account 'Microsoft.CognitiveServices/accounts@{API_VERSION}' existing = {{
  name: {text["account"]}
}}

resource deployment 'Microsoft.CognitiveServices/accounts/deployments@{API_VERSION}' = {{
  parent: account
  name: {text["name"]}
  sku: {{
    name: {text["sku_name"]}
    capacity: {planned.units}
  }}
  properties: {{
    model: {{
      format: {text["model_format"]}
      name: {text["model_name"]}
      version: {text["model_version"]}
    }}
  }}
}}
"""


def bicep_deploy(planned: PlannedDeployment, file: str = "deployment.bicep") -> str:
    """The command that applies the Bicep file."""
    options = {
        "subscription": planned.subscription_id,
        "resource-group": planned.resource_group,
        "template-file": file,
    }
    words = [f"--{option}={shlex.quote(value)}" for option, value in options.items()]
    return " \\\n  ".join(["az deployment group create", *words])


def bicep_string(text: str) -> str:
    """A literal of Bicep: backslash, quote and the beginning of an expression are escaped."""
    return "'" + re.sub(r"\\|'|\$\{", lambda found: ESCAPED[found[0]], text) + "'"


def terraform(planned: PlannedDeployment) -> str:
    """A resource of the azurerm provider that leaves the capacity to Headroom once it is there."""
    text = {name: hcl_string(str(value)) for name, value in vars(planned).items()}
    account = (
        f"/subscriptions/{planned.subscription_id}/resourceGroups/{planned.resource_group}"
        f"/providers/Microsoft.CognitiveServices/accounts/{planned.account}"
    )
    return f"""\
resource "azurerm_cognitive_deployment" "{hcl_label(planned.name)}" {{
  name                 = {text["name"]}
  cognitive_account_id = {hcl_string(account)}

  model {{
    format  = {text["model_format"]}
    name    = {text["model_name"]}
    version = {text["model_version"]}
  }}

  sku {{
    name     = {text["sku_name"]}
    capacity = {planned.units}
  }}

  lifecycle {{
    # Headroom moves the capacity as bursts start and end; without this each apply undoes it.
    ignore_changes = [sku[0].capacity]
  }}
}}
"""


def az_capacity(planned: PlannedDeployment) -> str:
    """The command that prints the capacity that is there: Bicep, which cannot ignore it, is given
    this instead of a number of its own.
    """
    options = {
        "subscription": planned.subscription_id,
        "resource-group": planned.resource_group,
        "name": planned.account,
        "deployment-name": planned.name,
        "query": "sku.capacity",
        "output": "tsv",
    }
    words = [f"--{option}={shlex.quote(value)}" for option, value in options.items()]
    return " \\\n  ".join(["az cognitiveservices account deployment show", *words])


def hcl_string(text: str) -> str:
    """A literal of Terraform: backslash, quote and the beginnings of templates are escaped."""
    return '"' + re.sub(r'\\|"|\$\{|%\{', lambda found: ESCAPED_HCL[found[0]], text) + '"'


def hcl_label(name: str) -> str:
    """The name of the resource in its file: letters, digits, `_` and `-`, the first no digit."""
    label = NO_LABEL.sub("_", name)
    return label if label[:1].isalpha() or label[:1] == "_" else f"_{label}"
