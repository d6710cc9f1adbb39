"""The rights that the portal's calls need: one table for the doctor, the role files and the docs.

A test holds `deploy/azure/*.json` and the table of calls in docs/azure.md equal to it. The rights
are asked for on the subscription: on a single account, its regions' quotas and models stay unread;
those of logs on the workspace and those of limits on the API Management service, which may both be
in another subscription.
"""

from dataclasses import dataclass

COGNITIVE_SERVICES = "Microsoft.CognitiveServices"
OBSERVER_ROLE = "Headroom observer"
WRITER_ROLE = "Headroom capacity writer"
LOG_READER_ROLE = "Headroom log reader"
GATEWAY_ROLE = "Headroom gateway limits"
WORKSPACES = "Microsoft.OperationalInsights/workspaces"
PRODUCTS = "Microsoft.ApiManagement/service/products"
ROLE_FILES = {
    OBSERVER_ROLE: "deploy/azure/observer-role.json",
    WRITER_ROLE: "deploy/azure/writer-role.json",
    LOG_READER_ROLE: "deploy/azure/log-reader-role.json",
    GATEWAY_ROLE: "deploy/azure/gateway-limits-role.json",
}


@dataclass(frozen=True)
class Right:
    """`role` is the role to give; `action` the single right inside it that the call needs."""

    action: str
    role: str

    def fix(self, scope: str) -> str:
        """What to do when Azure refuses. `scope` is words such as "subscription 1111…"."""
        return f"Give the identity the role {self.role} on {scope} (it needs {self.action})."


READER = f"Reader or {OBSERVER_ROLE}"
LOG_READER = f"Log Analytics Data Reader, Log Analytics Reader or {LOG_READER_ROLE}"
WRITER = f"{WRITER_ROLE} ({ROLE_FILES[WRITER_ROLE]})"
GATEWAY = f"{GATEWAY_ROLE} ({ROLE_FILES[GATEWAY_ROLE]})"

ACCOUNTS = Right(f"{COGNITIVE_SERVICES}/accounts/read", READER)
DEPLOYMENTS = Right(f"{COGNITIVE_SERVICES}/accounts/deployments/read", READER)
USAGES = Right(f"{COGNITIVE_SERVICES}/locations/usages/read", READER)
MODELS = Right(f"{COGNITIVE_SERVICES}/locations/models/read", READER)
CAPACITIES = Right(f"{COGNITIVE_SERVICES}/modelCapacities/read", READER)
QUOTA_TIERS = Right(f"{COGNITIVE_SERVICES}/quotaTiers/read", READER)
METRICS = Right("Microsoft.Insights/metrics/read", f"Monitoring Reader or {OBSERVER_ROLE}")
WRITE = Right(f"{COGNITIVE_SERVICES}/accounts/deployments/write", WRITER)
OPERATIONS = Right(f"{COGNITIVE_SERVICES}/locations/operationResults/read", WRITER)

LOGS = Right(f"{WORKSPACES}/query/read", LOG_READER)
WORKSPACE = Right(f"{WORKSPACES}/read", LOG_READER)
CALLS_TABLE = Right(f"{WORKSPACES}/query/ApiManagementGatewayLogs/read", LOG_READER)
TOKENS_TABLE = Right(f"{WORKSPACES}/query/ApiManagementGatewayLlmLog/read", LOG_READER)

GATEWAY_PRODUCTS = Right(f"{PRODUCTS}/read", GATEWAY)
GATEWAY_SUBSCRIPTIONS = Right(f"{PRODUCTS}/subscriptions/read", GATEWAY)
GATEWAY_POLICIES = Right(f"{PRODUCTS}/policies/read", GATEWAY)
GATEWAY_WRITE = Right(f"{PRODUCTS}/policies/write", GATEWAY)

OBSERVER_RIGHTS = (ACCOUNTS, DEPLOYMENTS, USAGES, MODELS, CAPACITIES, QUOTA_TIERS, METRICS)
WRITER_RIGHTS = (WRITE, OPERATIONS)
LOG_READER_RIGHTS = (WORKSPACE, LOGS, CALLS_TABLE, TOKENS_TABLE)
GATEWAY_RIGHTS = (GATEWAY_PRODUCTS, GATEWAY_SUBSCRIPTIONS, GATEWAY_POLICIES, GATEWAY_WRITE)
ALL_RIGHTS = (*OBSERVER_RIGHTS, *WRITER_RIGHTS, *LOG_READER_RIGHTS, *GATEWAY_RIGHTS)
