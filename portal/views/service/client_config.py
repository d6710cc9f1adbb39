"""A client's configuration, ready to be pasted, with the limits of this very service in it.

The names are those of the Python package `openai` (its retries wait for retry-after-ms by
themselves) and of API Management's policies `llm-token-limit`, `rate-limit-by-key` and `retry`.
"""

from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

SMALLEST_ANSWER = 50  # tokens; answers are rounded up to a multiple


@dataclass(frozen=True)
class Limits:
    """Of one deployment; None where it is not known or not limited."""

    account: str
    deployment: str
    fallback: str
    tokens_per_minute: int | None
    requests_per_minute: int | None
    mean_answer_tokens: int | None

    @property
    def max_tokens(self) -> int | None:
        """Twice the mean answer, rounded up."""
        if not self.mean_answer_tokens:
            return None
        return -(-2 * self.mean_answer_tokens // SMALLEST_ANSWER) * SMALLEST_ANSWER


@dataclass(frozen=True)
class Configuration:
    id: str
    title: str
    text: str


def configurations(limits: Limits) -> list[Configuration]:
    return [
        Configuration("client-python", "Python, package openai", python_client(limits)),
        Configuration("client-gateway", "API Management, policy", gateway_policy(limits)),
    ]


def python_client(limits: Limits) -> str:
    """Paced below the requests' limit, tries again as Azure says, then falls back."""
    names = [limits.deployment, *([limits.fallback] if limits.fallback else [])]
    pause = 60 / limits.requests_per_minute if limits.requests_per_minute else 0
    answer = limits.max_tokens
    stated = f"MAX_TOKENS = {answer}  # twice the mean answer of four weeks; counts on arrival"
    if answer is None:
        stated = "MAX_TOKENS = 1000  # no answer is known yet: set what yours need"
    return f'''import threading
import time

from azure.identity import DefaultAzureCredential, get_bearer_token_provider
from openai import AzureOpenAI, RateLimitError

DEPLOYMENTS = {names!r}  # each takes over where the one before stays full
{stated}
SECONDS_BETWEEN_REQUESTS = {pause:.3f}  # {_said(limits.requests_per_minute, "requests a minute")}
# {_said(limits.tokens_per_minute, "tokens a minute")}, prompt and MAX_TOKENS together

client = AzureOpenAI(
    azure_endpoint="https://{limits.account}.openai.azure.com",
    azure_ad_token_provider=get_bearer_token_provider(
        DefaultAzureCredential(), "https://cognitiveservices.azure.com/.default"
    ),
    api_version="2024-10-21",
    max_retries=4,  # waits as long as retry-after-ms says
    timeout=120,
)
_lock, _free_at = threading.Lock(), 0.0


def _take_turn():
    """Spreads requests evenly: limits are checked over slices of seconds."""
    global _free_at
    with _lock:
        turn = max(_free_at, time.monotonic())
        _free_at = turn + SECONDS_BETWEEN_REQUESTS
    time.sleep(max(0.0, turn - time.monotonic()))


def ask(messages):
    for deployment in DEPLOYMENTS:
        _take_turn()
        try:
            return client.chat.completions.create(
                model=deployment, messages=messages, max_tokens=MAX_TOKENS
            )
        except RateLimitError:
            if deployment == DEPLOYMENTS[-1]:
                raise  # put it into a queue, or tell the person when to try again
'''


def gateway_policy(limits: Limits) -> str:
    """A limit for each caller below Azure's, retries that wait, another backend when it is full."""
    counters = []
    if limits.tokens_per_minute:
        counters.append(
            '        <llm-token-limit counter-key="@(context.Subscription.Id)" '
            f'tokens-per-minute="{limits.tokens_per_minute}"\n'
            '            estimate-prompt-tokens="true" '
            'remaining-tokens-header-name="x-remaining-tokens" />'
        )
    if limits.requests_per_minute:
        slice_of_ten = max(1, limits.requests_per_minute // 6)
        counters.append(
            f'        <rate-limit-by-key calls="{slice_of_ten}" renewal-period="10" '
            'counter-key="@(context.Subscription.Id)" />'
        )
    inbound = "\n".join(counters) or "        <!-- Azure states no limit for this deployment. -->"
    fallback = ""
    if limits.fallback:
        path = quoteattr(f"/openai/deployments/{limits.fallback}/chat/completions")
        fallback = (
            '\n            <choose><when condition="@(context.Response != null)">\n'
            f"                <rewrite-uri template={path} />\n"
            "            </when></choose>"
        )
    return f"""<policies>
    <inbound>
        <base />
{inbound}
    </inbound>
    <backend>
        <retry condition="@(context.Response.StatusCode == 429)" count="3"
            interval="2" delta="2" max-interval="20">{fallback}
            <forward-request buffer-request-body="true" />
        </retry>
    </backend>
    <outbound><base /></outbound>
    <on-error><base /></on-error>
</policies>
"""


def _said(count: int | None, what: str) -> str:
    return f"{count:,} {what}" if count else f"no limit of {what} is stated"
