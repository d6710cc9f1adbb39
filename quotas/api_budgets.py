"""The API of budgets: a team's amount a month, dated by months of the finance time zone."""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.kernel.clock import now
from quotas.api_policy import PolicyView
from quotas.models import Team, TeamBudget
from quotas.models.budgets import NO_END
from quotas.services.budgets import set_budget


class BudgetBody(serializers.Serializer[Any]):
    """`amount` null: no budget from that month on. `from_month` is `2026-03`."""

    amount = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, allow_null=True)
    from_month = serializers.DateField(input_formats=["%Y-%m"])


class Budgets(PolicyView):
    """GET: every team's budgets, newest first; for whoever reads everything."""

    def get(self, request: Request) -> Response:
        rows = TeamBudget.objects.select_related("team")
        return Response({"results": [{"team": row.team.slug, **_json(row)} for row in rows]})


class Budget(PolicyView):
    """GET: one team's. POST: sets it from a month on; finance and platform owners."""

    def get(self, request: Request, slug: str) -> Response:
        return self._answer(get_object_or_404(Team, slug=slug))

    def post(self, request: Request, slug: str) -> Response:
        team = get_object_or_404(Team, slug=slug)
        body = BudgetBody(data=request.data)
        body.is_valid(raise_exception=True)
        set_budget(team, **body.validated_data, by=request.user, at=now())
        return self._answer(team)

    def _answer(self, team: Team) -> Response:
        return Response({"team": team.slug, "budgets": [_json(row) for row in team.budgets.all()]})


def _json(row: TeamBudget) -> dict[str, Any]:
    return {
        "amount": str(row.amount),
        "from_month": f"{row.from_month:%Y-%m}",
        "until_month": None if row.until_month == NO_END else f"{row.until_month:%Y-%m}",
    }
