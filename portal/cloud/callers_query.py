"""The log query behind callers: calls of API Management gateways by minute, caller and deployment.

Two tables. `ApiManagementGatewayLogs` has one row a call: subscription, product, backend, answers.
`ApiManagementGatewayLlmLog` has the tokens, in several rows a call: request, answer and each
further 32 KB are rows of their own, and counts stand in one or more of them. So both are brought to
one row per CorrelationId first (`max` of the counts, not `sum`), then joined; a full outer join,
since a workspace may hold one of them only. Answers from the gateway's cache are left out: they are
no use of the deployment. A call belongs to the minute of its first gateway row (of its first token
row where there is none); rows are looked for MARGIN around the window, so that each call is in one
window, whichever window it is asked with.

Columns: Microsoft's table references, 2026. The query has not run against a real workspace; what
the two tables hold for a call that the gateway itself refused is taken from the policy's
documentation (429 for the rate, 403 for the quota, no backend).
"""

from datetime import datetime, timedelta

from portal.kernel.windows import Window

MARGIN = timedelta(minutes=15)  # of calls that last, and of rows written again

_TEXT = """\
// headroom:callers v1
let t0 = datetime({start});
let t1 = datetime({end});
let calls = ApiManagementGatewayLogs
| where TimeGenerated >= t0 - 15m and TimeGenerated < t1 + 15m
| extend Why = tostring(column_ifexists("BackendResponseBody", ""))
| summarize arg_min(TimeGenerated, ApimSubscriptionId, ProductId, Url, BackendUrl, Cache,
                    ResponseCode, BackendResponseCode, LastErrorSource, Why) by CorrelationId
| extend HasCall = true;
let tokens = ApiManagementGatewayLlmLog
| where TimeGenerated >= t0 - 15m and TimeGenerated < t1 + 15m
| summarize TokensAt = min(TimeGenerated), Prompt = max(tolong(PromptTokens)),
            Generated = max(tolong(CompletionTokens)),
            Named = take_anyif(DeploymentName, isnotempty(DeploymentName)) by CorrelationId;
calls
| join kind=fullouter hint.strategy=shuffle tokens on CorrelationId
| extend At = coalesce(TimeGenerated, TokensAt)
| where At >= t0 and At < t1
| where Cache !~ "hit"
| where isnotnull(TokensAt) or Url contains "/openai/" or BackendUrl contains "/openai/"
| extend Deployment = tolower(coalesce(
    Named,
    extract(@"/deployments/([^/?]+)", 1, BackendUrl),
    extract(@"/deployments/([^/?]+)", 1, Url)))
| extend End = case(
    isnull(HasCall) and coalesce(Prompt, 0) + coalesce(Generated, 0) > 0, "ok",
    ResponseCode between (200 .. 299), "ok",
    ResponseCode == 429 and BackendResponseCode == 429, "throttled",
    ResponseCode == 429, "gateway",
    ResponseCode == 403 and isnull(BackendResponseCode)
        and (LastErrorSource contains "quota" or LastErrorSource contains "token-limit"), "gateway",
    ResponseCode == 400 and Why contains "content_filter", "filtered",
    ResponseCode == 400 and BackendResponseCode == 400 and isempty(Why), "untold",
    "other")
| summarize Ok = countif(End == "ok"), Throttled = countif(End == "throttled"),
            ThrottledByGateway = countif(End == "gateway"), Filtered = countif(End == "filtered"),
            Untold = countif(End == "untold"), Other = countif(End == "other"),
            Prompt = sum(Prompt), Generated = sum(Generated)
  by Minute = bin(At, 1m), Caller = tostring(ApimSubscriptionId), Product = tostring(ProductId),
     AccountHost = tolower(tostring(parse_url(BackendUrl).Host)), Deployment
| project Minute, Caller, Product, AccountHost, Deployment, Ok, Throttled, ThrottledByGateway,
          Filtered = iff(Untold > 0, long(null), Filtered),
          Other = Other + Untold + iff(Untold > 0, Filtered, 0),
          Prompt = coalesce(Prompt, 0), Generated = coalesce(Generated, 0)
"""


def callers_query(window: Window) -> str:
    """In KQL; its first line is what a simulated Azure knows it by."""
    return _TEXT.format(start=_kusto_time(window.start), end=_kusto_time(window.end))


def timespan_of(window: Window) -> str:
    """What of the tables may be touched at all: the window and the margin on both sides."""
    return f"{_kusto_time(window.start - MARGIN)}/{_kusto_time(window.end + MARGIN)}"


def _kusto_time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
