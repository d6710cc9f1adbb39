"""`showback.gateway.UsageSource` on Azure Monitor's batch endpoint (`metrics:getBatch`).

The raw path: the SDK's pipeline (token, retry, timeouts) without its objects. They would drop the
resource id and each metric's own error, and take some thirty times as long
(`docs/azure.md`, "Metrics"). A test holds the two paths equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from azure.core.rest import HttpRequest, HttpResponse

from portal.cloud.clients import metrics_client
from portal.cloud.errors import azure_errors
from portal.cloud.metrics_answer import Asked, UsageTally
from portal.cloud.metrics_bytes import read_body
from portal.cloud.metrics_clock import behind_by
from portal.cloud.metrics_names import QUERIES, Query
from portal.kernel.clock import real_now
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
        reading = _Reading(tally, subscription_id, region)
        for call in _calls(account_resource_ids, tally.slots):
            reading.read(call)
        if reading.errors and not reading.answered:
            raise reading.errors[0]
        return tally.answer()


@dataclass(frozen=True)
class _Call:
    """One request: a query, at most 50 accounts, and the slots `[first, last)` of the window."""

    query: Query
    accounts: tuple[str, ...]
    first: int
    last: int

    @property
    def plain(self) -> list["_Call"]:
        return [replace(self, query=query) for query in self.query.plain]

    @property
    def halves(self) -> list["_Call"]:
        """Of the accounts; nothing of a single one."""
        middle = len(self.accounts) // 2
        parts = (self.accounts[:middle], self.accounts[middle:])
        return [replace(self, accounts=part) for part in parts] if middle else []


class _Reading:
    """The calls of one pull, one after the other. What cannot be read is told to the tally."""

    def __init__(self, tally: UsageTally, subscription_id: str, region: str) -> None:
        self.tally, self.subscription_id, self.region = tally, subscription_id, region
        self.errors: list[CloudError] = []
        self.answered = False

    def read(self, call: _Call) -> None:
        """Where the call is refused as a whole for a part of it, the parts are asked."""
        tally = self.tally
        asked = tally.asked(call.query.all_metrics, call.accounts, call.first, call.last)
        if self.errors and self.errors[-1].reason in STOP_AFTER:
            tally.fail(asked)
            return
        try:
            self._take(call, asked)
        except CloudError as error:
            self._refused(call, asked, error)

    def _refused(self, call: _Call, asked: Asked, error: CloudError) -> None:
        """One account that was deleted, or one metric that this cloud has not, must not keep the
        others from being read.
        """
        if error.reason is CloudReason.BAD_REQUEST and call.plain:
            self.tally.lack(asked, _finer_measures(call.query))
            parts = call.plain
        elif error.reason is CloudReason.NOT_FOUND and call.halves:
            parts = call.halves
        else:
            told = _told(call, error)
            self.errors.append(told)
            self.tally.fail(asked, told.sentence)
            return
        for part in parts:
            self.read(part)

    def _take(self, call: _Call, asked: Asked) -> None:
        names = ", ".join(call.query.all_metrics)
        with azure_errors(f"read the metrics {names} of region {self.region}"):
            began = real_now()
            response = self._ask(call)
            self.tally.note_clock(behind_by(response.headers.get("Date"), began, real_now()))
            field = call.query.aggregation.lower()
            body = read_body(bytes(response.content), asked.stamps, field)
            self.tally.add(asked, body, field, MOST_SERIES)
        self.answered = True

    def _ask(self, call: _Call) -> HttpResponse:
        start, end = self.tally.times(call.first, call.last)
        response = metrics_client(self.region).send_request(
            HttpRequest(
                "POST",
                f"/subscriptions/{self.subscription_id}/metrics:getBatch",
                params={
                    "api-version": API_VERSION,
                    "metricnamespace": NAMESPACE,
                    "metricnames": ",".join(call.query.all_metrics),
                    "aggregation": call.query.aggregation,
                    "interval": INTERVALS[self.tally.grain],
                    "starttime": _azure_time(start),
                    "endtime": _azure_time(end),
                    "filter": call.query.filter,
                    "top": MOST_SERIES,
                },
                json={"resourceids": list(call.accounts)},
            ),
            retry_on_methods=["POST"],  # it only reads
        )
        response.raise_for_status()
        return response


def _calls(account_resource_ids: Sequence[str], slots: int) -> Iterator[_Call]:
    accounts = list({account.lower(): account for account in account_resource_ids}.values())
    for start in range(0, len(accounts), ACCOUNTS_PER_CALL):
        batch = tuple(accounts[start : start + ACCOUNTS_PER_CALL])
        size = max(LEAST_SLOTS_PER_CALL, ACCOUNT_SLOTS_PER_CALL // len(batch))
        for first in range(0, slots, size):
            for query in QUERIES:
                yield _Call(query, batch, first, min(first + size, slots))


def _finer_measures(query: Query) -> set[str]:
    """What only the whole query tells: it is not in its plain forms."""
    tier = {"priority"} if query.finer else set()
    return tier | ({"active"} if "ActiveTokens" in query.more else set())


def _told(call: _Call, error: CloudError) -> CloudError:
    """With the account's name where it is the account that is not there."""
    if error.reason is not CloudReason.NOT_FOUND:
        return error
    name = call.accounts[0].rpartition("/")[2]
    return CloudError(
        error.reason,
        f"Azure has no account {name} any more, so its metrics cannot be read. What was read of it "
        "stays; look in the Azure portal whether it was deleted or moved.",
        azure_code=error.azure_code,
        azure_message=error.azure_message,
        status=error.status,
    )


def _azure_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
