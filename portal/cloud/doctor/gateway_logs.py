"""Gateway logs: is Log Analytics reached, and does the portal's own pull work in each workspace?"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from portal.cloud.clients import cloud
from portal.cloud.doctor import identity, rights
from portal.cloud.doctor.reach import Reach
from portal.cloud.doctor.refusals import one_line, refused
from portal.cloud.endpoints import PLANE_WORDS, Plane, logs_endpoint
from portal.cloud.logs import AzureCallers
from portal.kernel.errors import CloudError
from portal.kernel.findings import Finding, Outcome, failed, not_tried, warning, well
from portal.kernel.windows import HOUR, Window, floor_to_minute
from showback.gateway import CallerAnswer

CHECK = "azure.logs"
SETTINGS_FIX = (
    "In the diagnostic settings of the API Management service send GatewayLogs and GatewayLlmLogs "
    "(generative AI gateway) to this workspace, in resource-specific tables; and switch on logging "
    "of LLM calls for the API."
)
# What Log Analytics says of a table that never had a row.
NO_TABLE = "Failed to resolve table"


def examine_logs(workspace_ids: Iterable[str], *, at: datetime) -> Iterator[Finding]:
    """Nothing where no workspace is named: gateway logs are a choice."""
    workspaces = list(workspace_ids)
    if not workspaces:
        return
    endpoint = logs_endpoint()
    reached, _ = Reach(CHECK, endpoint, endpoint.words).attempt()
    if reached.outcome is not Outcome.OK:
        yield reached
        return
    finding, token = identity.examine_token(
        "azure.token_logs", PLANE_WORDS[Plane.LOGS], cloud().logs_audience
    )
    yield finding
    for workspace_id in workspaces:
        if token:
            yield _pull(workspace_id, at)
        else:
            sentence = f"Workspace {workspace_id}: there is no token for its logs."
            yield not_tried(CHECK, sentence, workspace_id)


def _pull(workspace_id: str, at: datetime) -> Finding:
    """The last hour that has settled."""
    end = floor_to_minute(at - AzureCallers.settles_after)
    try:
        answer = AzureCallers().pull(workspace_id=workspace_id, window=Window(end - HOUR, end))
    except CloudError as error:
        return _refused(workspace_id, error)
    return _judged(workspace_id, answer)


def _refused(workspace_id: str, error: CloudError) -> Finding:
    if NO_TABLE in error.azure_message:
        return failed(
            CHECK,
            f"Workspace {workspace_id} has no gateway logs ({one_line(error.azure_message)}).",
            workspace_id,
            fix=SETTINGS_FIX,
            reason=error.reason.value,
            status=error.status,
            azure_code=error.azure_code,
            right=rights.LOGS.action,
        )
    return refused(
        CHECK,
        f"query the gateway logs of workspace {workspace_id}",
        error,
        subject=workspace_id,
        right=rights.LOGS,
        scope=f"workspace {workspace_id}",
    )


def _judged(workspace_id: str, answer: CallerAnswer) -> Finding:
    callers = {key.caller for key in answer.series if key.caller}
    requests = sum(int(each.values["ok"].clip(0).sum()) for each in answer.series.values())
    tokens = sum(int(each.values["prompt"].clip(0).sum()) for each in answer.series.values())
    facts = {"callers": len(callers), "requests": requests}
    if not answer.complete:
        why = one_line(answer.problems[0])
        sentence = f"Workspace {workspace_id}: not all gateway logs come: {why}."
        return warning(CHECK, sentence, workspace_id, **facts)
    if not answer.series:
        sentence = f"Workspace {workspace_id}: no gateway logged a call in the last hour."
        return warning(
            CHECK, sentence, workspace_id, fix=f"If there were calls: {SETTINGS_FIX}", **facts
        )
    if requests and not tokens:
        sentence = f"Workspace {workspace_id}: calls are logged, but no tokens."
        return warning(CHECK, sentence, workspace_id, fix=SETTINGS_FIX, **facts)
    if not callers:
        return warning(
            CHECK,
            f"Workspace {workspace_id}: no call names a subscription of the gateway.",
            workspace_id,
            fix="Let the API require a subscription key: callers are told apart by it.",
            **facts,
        )
    sentence = (
        f"Workspace {workspace_id}: gateway logs are read ({len(callers)} callers, {requests} "
        "answered requests in an hour)."
    )
    return well(CHECK, sentence, workspace_id, **facts)
