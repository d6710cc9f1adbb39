"""`showback.gateway.UsageSource` on Azure Monitor's batch endpoint (`metrics:getBatch`).

The raw path: the SDK's pipeline (token, retry, timeouts) without its objects. They would drop the
resource id and each metric's own error, and take some thirty times as long
(`docs/azure.md`, "Metrics"). A test holds the two paths equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from azure.core.rest import HttpRequest

from portal.cloud.clients import metrics_client
from portal.cloud.errors import azure_errors
from portal.cloud.metrics_answer import UsageTally
from portal.cloud.metrics_bytes import read_body
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.windows import HOUR, MINUTE, Window
from showback.gateway import MetricsAnswer

API_VERSION = "2024-02-01"
NAMESPACE = "Microsoft.CognitiveServices/accounts"
INTERVALS = {MINUTE: "PT1M", HOUR: "PT1H"}
ACCOUNTS_PER_CALL = 50  # Azure's limit
# Slots of one call times its accounts: bounds an answer to some tens of megabytes.
ACCOUNT_SLOTS_PER_CALL = 9_000
LEAST_SLOTS_PER_CALL = 60
# Azure keeps 10 series a resource unless told, silently; this is far above any real count.
MOST_SERIES = 1_000_000
# After these the other calls of the same pull would fail in the same way.
STOP_AFTER = frozenset({CloudReason.THROTTLED, CloudReason.FORBIDDEN, CloudReason.TIMEOUT})


@dataclass(frozen=True)
class Query:
    """Metrics that may be asked in one call: same aggregation, same dimensions to split by."""

    metrics: tuple[str, ...]
    aggregation: str
    split_by: tuple[str, ...]

    @property
    def filter(self) -> str:
        return " and ".join(f"{dimension} eq '*'" for dimension in self.split_by)


QUERIES = (
    Query(("AzureOpenAIRequests",), "Total", ("ModelDeploymentName", "StatusCode", "IsSpillover")),
    Query(("ProcessedPromptTokens", "GeneratedTokens"), "Total", ("ModelDeploymentName",)),
    Query(
        ("AzureOpenAIContextTokensCacheMatchRate", "AzureOpenAIProvisionedManagedUtilizationV2"),
        "Average",
        ("ModelDeploymentName",),
    ),
)


class AzureMetrics:
    """Stateless: the clients behind it are kept per process in `portal.cloud.clients`."""

    def pull(
        self,
        *,
        subscription_id: str,
        region: str,
        account_resource_ids: Sequence[str],
        window: Window,
        grain: timedelta,
    ) -> MetricsAnswer:
        """All deployments of these accounts over the window, in slots of a minute or an hour.

        The window must begin and end on whole slots (ValueError). What one call could not answer is
        in `failed_measures` and `problems`; CloudError when no call was answered.
        """
        tally = UsageTally(window, grain)
        errors: list[CloudError] = []
        answered = False
        for call in _calls(account_resource_ids, tally.slots):
            asked = tally.asked(call.query.metrics, call.accounts, call.first, call.last)
            if errors and errors[-1].reason in STOP_AFTER:
                tally.fail(asked)
                continue
            try:
                times = tally.times(call.first, call.last)
                names = ", ".join(call.query.metrics)
                with azure_errors(f"read the metrics {names} of region {region}"):
                    content = _ask(subscription_id, region, call, times, grain)
                    field = call.query.aggregation.lower()
                    body = read_body(content, asked.stamps, field)
                    tally.add(asked, body, field, MOST_SERIES)
                answered = True
            except CloudError as error:
                errors.append(error)
                tally.fail(asked, error.sentence)
        if errors and not answered:
            raise errors[0]
        return tally.answer()


@dataclass(frozen=True)
class _Call:
    """One request: a query, at most 50 accounts, and the slots `[first, last)` of the window."""

    query: Query
    accounts: tuple[str, ...]
    first: int
    last: int


def _calls(account_resource_ids: Sequence[str], slots: int) -> Iterator[_Call]:
    accounts = list({account.lower(): account for account in account_resource_ids}.values())
    for start in range(0, len(accounts), ACCOUNTS_PER_CALL):
        batch = tuple(accounts[start : start + ACCOUNTS_PER_CALL])
        size = max(LEAST_SLOTS_PER_CALL, ACCOUNT_SLOTS_PER_CALL // len(batch))
        for first in range(0, slots, size):
            for query in QUERIES:
                yield _Call(query, batch, first, min(first + size, slots))


def _ask(
    subscription_id: str,
    region: str,
    call: _Call,
    times: tuple[datetime, datetime],
    grain: timedelta,
) -> bytes:
    response = metrics_client(region).send_request(
        HttpRequest(
            "POST",
            f"/subscriptions/{subscription_id}/metrics:getBatch",
            params={
                "api-version": API_VERSION,
                "metricnamespace": NAMESPACE,
                "metricnames": ",".join(call.query.metrics),
                "aggregation": call.query.aggregation,
                "interval": INTERVALS[grain],
                "starttime": _azure_time(times[0]),
                "endtime": _azure_time(times[1]),
                "filter": call.query.filter,
                "top": MOST_SERIES,
            },
            json={"resourceids": list(call.accounts)},
        ),
        retry_on_methods=["POST"],  # it only reads
    )
    response.raise_for_status()
    return bytes(response.content)


def _azure_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
