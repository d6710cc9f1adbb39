"""The API of owners: who answers for a service, by user names."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from portal.models import User
from quotas.selectors.onboarding import people_of
from quotas.selectors.services import visible_service
from quotas.services.owners import name_owners


class OwnersBody(serializers.Serializer[Any]):
    owner = serializers.SlugRelatedField(slug_field="username", queryset=User.objects.none())
    deputy = serializers.SlugRelatedField(slug_field="username", queryset=User.objects.none())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("owner", "deputy"):
            present = people_of([self.context["service"].team], at=now())
            self.fields[name].queryset = present  # type: ignore[attr-defined]


class ServiceOwners(APIView):
    """POST names owner and deputy: people of its team who are there. 404 for others' services."""

    def post(self, request: Request, slug: str) -> Response:
        service = visible_service(request.user, slug)
        body = OwnersBody(data=request.data, context={"service": service})
        body.is_valid(raise_exception=True)
        found = name_owners(service, **body.validated_data, by=request.user, at=now())
        return Response(
            {
                "service": found.slug,
                "owner": found.owner.get_username(),
                "deputy": found.deputy.get_username() if found.deputy else None,
            }
        )
