"""Is the server there, and do its clock and ours agree? One GET without a token.

Any HTTP answer will do: Azure answers 401. So name, route, proxy and certificate are told apart
from rights, and a wrong clock is found although tokens fail because of it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from portal.cloud import pauses
from portal.cloud.credentials import CONNECT_TIMEOUT_SECONDS
from portal.cloud.doctor.network import trouble_of
from portal.cloud.doctor.refusals import ENDPOINTS, one_line
from portal.cloud.endpoints import Endpoint
from portal.cloud.transport import transport
from portal.kernel import clock
from portal.kernel.findings import Finding, failed, warning, well

ANSWER_SECONDS = 15
# A skew that an Azure token survives is minutes; usage is filed by minutes, too.
SKEW_TO_MENTION = timedelta(seconds=30)
SKEW_TOO_LARGE = timedelta(minutes=5)
HALF_A_SECOND = timedelta(seconds=0.5)


@dataclass(frozen=True)
class Reach:
    """One try to reach an endpoint, for the check and subject of the finding.

    `name` is how people call it; `path` what is asked for, any will do.
    """

    check: str
    endpoint: Endpoint
    name: str
    path: str = "/"
    subject: str = ""

    def attempt(self) -> tuple[Finding, timedelta | None]:
        """The finding, and how far this machine's clock is ahead of the server's (None: not
        known)."""
        before = clock.real_now()
        try:
            response = _get(self.endpoint.address + self.path)
        except (AzureError, OSError, ValueError) as error:
            return self._not_reached(error), None
        middle = before + (clock.real_now() - before) / 2
        if _is_a_proxys(response):
            return self._proxy(response), None
        if response.status_code < 500:
            # It answers again: the next call need not wait for the end of a pause.
            pauses.note_answer(self.endpoint)
        return self._reached(response), _ahead(middle, response.headers.get("Date"))

    def _reached(self, response: Any) -> Finding:
        sentence = f"{self.name} is reached at {self.endpoint.address}."
        facts = {"endpoint": self.endpoint.address, "status": response.status_code}
        return well(self.check, sentence, self.subject, **facts)

    def _not_reached(self, error: Exception) -> Finding:
        trouble = trouble_of(error)
        words = trouble.words if trouble else one_line(str(error))
        return failed(
            self.check,
            f"{self.name} at {self.endpoint.address} is not reached: {words}.",
            self.subject,
            fix=trouble.fix if trouble else f"Look at {ENDPOINTS}.",
            endpoint=self.endpoint.address,
            reason=trouble.kind if trouble else "unknown",
        )

    def _proxy(self, response: Any) -> Finding:
        address, status = self.endpoint.address, response.status_code
        return failed(
            self.check,
            f"Something answers for {self.name} at {address} with HTTP {status}, but it is not "
            "Azure.",
            self.subject,
            fix="A proxy or gateway is in between: look at HTTPS_PROXY and NO_PROXY.",
            endpoint=address,
            reason="proxy",
            status=status,
        )


def _get(url: str) -> Any:
    # Redirects are not followed; proxy and CA file come from the environment, as for the clients.
    patience = {"connect_seconds": CONNECT_TIMEOUT_SECONDS, "read_seconds": ANSWER_SECONDS}
    return transport(**patience).send(HttpRequest("GET", url))


def _is_a_proxys(response: Any) -> bool:
    """A redirect, a proxy's own refusal, or a page of HTML from a gateway."""
    status = response.status_code
    html = "html" in response.headers.get("Content-Type", "").lower()
    return status == 407 or 300 <= status < 400 or (html and (status == 403 or status >= 500))


def _ahead(local: datetime, date_header: str | None) -> timedelta | None:
    """Date is cut to whole seconds, so half a second is added to it."""
    try:
        azure = parsedate_to_datetime(date_header or "").astimezone(UTC)
    except ValueError:
        return None
    return local - (azure + HALF_A_SECOND)


def clock_finding(ahead: timedelta | None) -> Finding:
    """Warns from half a minute; from five minutes on sign-in fails and usage is filed wrongly."""
    check = "azure.clock"
    if ahead is None:
        return warning(check, "Azure's time is not known: its answer had no Date.")
    seconds = round(ahead.total_seconds())
    if abs(ahead) <= SKEW_TO_MENTION:
        words = "to the second" if abs(seconds) <= 1 else f"within {abs(seconds)} seconds"
        return well(check, f"This machine's clock and Azure's agree {words}.", skew_seconds=seconds)
    direction = "ahead of" if seconds > 0 else "behind"
    sentence = f"This machine's clock is {_length(abs(seconds))} {direction} Azure's."
    judge = warning if abs(ahead) <= SKEW_TOO_LARGE else failed
    return judge(check, sentence, fix="Set it by NTP (timedatectl, chrony).", skew_seconds=seconds)


def _length(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"
