"""The API of people: import them from a CSV file, or be told what it would change."""

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api_fields import CsvParser
from portal.kernel.clock import now
from quotas.domain.people_csv import MOST_BYTES
from quotas.services.people_import import PersonChange, import_people, plan_import


class PeopleCsv(CsvParser):
    most_bytes = MOST_BYTES


class PeopleImports(APIView):
    """POST: a CSV file (`text/csv`): all of its lines, or none. `?dry_run=1` writes nothing.

    By platform owners and administrators; for most others there is no such address.
    """

    parser_classes = (PeopleCsv,)

    def post(self, request: Request) -> Response:
        if not request.user.sees_people:
            raise Http404
        dry_run = request.query_params.get("dry_run") == "1"
        content = request.data if isinstance(request.data, bytes) else b""
        do = plan_import if dry_run else import_people
        found = do(content, by=request.user, at=now())
        if found.problems:
            raise serializers.ValidationError({"lines": [str(each) for each in found.problems]})
        return Response(
            {
                "dry_run": dry_run,
                "lines": found.lines,
                "added": [_json(change) for change in found.added],
                "changed": [_json(change) for change in found.changed],
                "deactivated": [_json(change) for change in found.deactivated],
            }
        )


def _json(change: PersonChange) -> dict[str, Any]:
    return {"line": change.number, "username": change.username, "changes": change.says}
