"""The API of what is written to Azure: changes and the answers to edits, plans of pools and the yes
to a held one, what syncs found besides capacity.

Who sees and answers each on its page does so here, by the same services.
"""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api_fields import MomentField
from portal.kernel.clock import now
from quotas.api_kill_switch import ReasonBody, reason_in
from quotas.models import Change, Finding, Plan, Pool
from quotas.selectors.api_changes import changes_json, finding_json, plan_json
from quotas.selectors.change_list import VIEWS, in_view
from quotas.selectors.changes import changes_visible_to
from quotas.selectors.findings import findings_for
from quotas.services import drift, findings

ANSWERS_TO_CHANGES = ("adopt", "write-back", "snooze")
ANSWERS_TO_FINDINGS = ("adopt", "snooze")


class ViewQuery(serializers.Serializer[Any]):
    view = serializers.ChoiceField(VIEWS, default="open")


class SnoozeBody(ReasonBody):
    until = MomentField()


class ContentBody(serializers.Serializer[Any]):
    content = serializers.CharField()


class NewestChanges(CursorPagination):
    ordering = ("-planned_at", "-id")
    page_size = 50


class NewestFindings(CursorPagination):
    ordering = ("-found_at", "-id")
    page_size = 50


class Changes(APIView):
    """GET: changes that this person may see, newest first; `?view=` open, done or all."""

    def get(self, request: Request) -> Response:
        asked = ViewQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        pages = NewestChanges()
        rows = in_view(_changes(request), asked.validated_data["view"])
        found = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response(changes_json(found, request.user, at=now()))


class OneChange(APIView):
    """GET: one change."""

    def get(self, request: Request, pk: int) -> Response:
        [told] = changes_json([_change(request, pk)], request.user, at=now())
        return Response(told)


class AnswerChange(APIView):
    """POST: one of `ANSWERS_TO_CHANGES`; 200 with the change as it stands then."""

    verb = ""

    def post(self, request: Request, pk: int) -> Response:
        change, said = _change(request, pk), {"by": request.user, "at": now()}
        if self.verb == "snooze":
            drift.snooze(change, **_later(request), **said)
        else:
            answer = drift.adopt if self.verb == "adopt" else drift.write_back
            answer(change, reason=reason_in(request), **said)
        [told] = changes_json([_change(request, pk)], request.user, at=now())
        return Response(told)


class PoolPlan(APIView):
    """GET: the plan of a pool as it stands, for those who see its page."""

    def get(self, request: Request, pk: int) -> Response:
        pool = get_object_or_404(Pool.objects.with_plan_for(request.user), pk=pk)
        return Response(plan_json(pool, request.user, at=now()))


class AllowPlan(APIView):
    """POST: the yes to a held plan, bound to the `content` that was read; 200 with the pool's plan
    as it stands then.
    """

    def post(self, request: Request, pk: int) -> Response:
        pools = Pool.objects.visible_to(request.user)
        plan = get_object_or_404(Plan.objects.filter(pool__in=pools).select_related("pool"), pk=pk)
        body = ContentBody(data=request.data)
        body.is_valid(raise_exception=True)
        content = body.validated_data["content"]
        drift.allow_plan(plan, content=content, by=request.user, at=now())
        return Response(plan_json(plan.pool, request.user, at=now()))


class Findings(APIView):
    """GET: newest first; `?view=` open (if left out), done or all."""

    def get(self, request: Request) -> Response:
        asked = ViewQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        rows, view = findings_for(request.user), asked.validated_data["view"]
        if view != "all":
            rows = rows.filter(ended_at__isnull=view == "open")
        pages = NewestFindings()
        found = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([finding_json(row) for row in found])


class OneFinding(APIView):
    """GET: one finding."""

    def get(self, request: Request, pk: int) -> Response:
        return Response(finding_json(_finding(request, pk)))


class AnswerFinding(APIView):
    """POST: one of `ANSWERS_TO_FINDINGS`; 200 with the finding as it stands then."""

    verb = ""

    def post(self, request: Request, pk: int) -> Response:
        found, said = _finding(request, pk), {"by": request.user, "at": now()}
        if self.verb == "snooze":
            findings.snooze(found, **_later(request), **said)
        else:
            findings.adopt(found, reason=reason_in(request), **said)
        return Response(finding_json(_finding(request, pk)))


def _later(request: Request) -> dict[str, Any]:
    body = SnoozeBody(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _changes(request: Request) -> Any:
    return changes_visible_to(request.user).select_related("answered_by")


def _change(request: Request, pk: int) -> Change:
    found: Change = get_object_or_404(_changes(request), pk=pk)
    return found


def _finding(request: Request, pk: int) -> Finding:
    return get_object_or_404(findings_for(request.user), pk=pk)
