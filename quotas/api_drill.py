"""The API of the drill: who has a home elsewhere if a region is lost, and the drafts of it."""

from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from quotas.selectors.drill import LENGTHS, USUAL_HOURS, Carried, Drill, as_asked, regions_for
from quotas.services.drill import draft_bursts


class DrillAsked(serializers.Serializer[Any]):
    region = serializers.ChoiceField(choices=())
    hours = serializers.ChoiceField(choices=list(LENGTHS), default=USUAL_HOURS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [each.name for each in regions_for(self.context["user"])]
        self.fields["region"].choices = names  # type: ignore[attr-defined]


class Drills(APIView):
    """GET `?region=&hours=`: what would become of what is held there; of one's own services, of all
    for organisation-wide roles. POST drafts the bursts that it takes.
    """

    def get(self, request: Request) -> Response:
        return Response(_as_json(_asked(request, request.query_params)))

    def post(self, request: Request) -> Response:
        at = now()
        done = draft_bursts(_asked(request, request.data), by=request.user, at=at)
        said = {"own": done.own, "of_others": done.of_others, "left_out": list(done.left_out)}
        return Response(said, status=status.HTTP_201_CREATED)


def _asked(request: Request, data: Any) -> Drill:
    asked = DrillAsked(data=data, context={"user": request.user})
    asked.is_valid(raise_exception=True)
    return as_asked(request.user, **asked.validated_data, at=now())


def _as_json(found: Drill) -> dict[str, Any]:
    return {
        "region": found.region,
        "from": found.window.start,
        "until": found.window.end,
        "holdings": [_row(row) for row in found.rows],
        "unmapped_deployments": found.unmapped,
    }


def _row(row: Carried) -> dict[str, Any]:
    return {
        "service": row.service.slug,
        "tier": row.service.tier,
        "deployment": row.deployment.resource_id,
        "held_units": row.units,
        "missing_units": row.missing_units,
        "has_home": row.has_home,
        "moves": [
            {"deployment": move.deployment.resource_id, "units": move.units} for move in row.moves
        ],
        "barred": [{"deployment": each.resource_id, "why": why} for each, why in row.barred],
    }
