"""The API of registering: a service with the plan of its deployment, where that could be, plans.

The same services as the page. A place is named by the `place` of a suggestion; without one the
first suggestion is taken. What somebody may not see does not exist for them (404).
"""

from datetime import datetime
from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from portal.models import User
from quotas.api import LARGEST
from quotas.api_facts import FactsSerializer
from quotas.domain.suggestion import Latency, Shape
from quotas.models import Expectation, Service
from quotas.selectors.expectations import Plan, plans_of
from quotas.selectors.onboarding import may_register_for, people_of, teams_for
from quotas.selectors.places import Wanted, models_on_offer, pools_of
from quotas.selectors.services import visible_service
from quotas.selectors.suggested import Asked, Suggestions, suggestions
from quotas.services import expectations, onboarding, planning
from quotas.services.onboarding import Registration
from quotas.services.planning import Planned
from quotas.services.refusals import refuse


class NeedSerializer(serializers.Serializer[Any]):
    """What a deployment is to give, to whom: enough for a suggestion."""

    model = serializers.CharField(max_length=80)
    model_version = serializers.CharField(max_length=40)
    tokens_per_minute = serializers.IntegerField(min_value=1, max_value=LARGEST)
    requests_per_minute = serializers.IntegerField(min_value=0, max_value=LARGEST, default=0)
    home_region = serializers.CharField(max_length=40, allow_blank=True, default="")
    latency = serializers.ChoiceField([each.value for each in Latency])
    shape = serializers.ChoiceField([each.value for each in Shape])

    def asked(self, residency: str, service: Service | None = None) -> Asked:
        """Raises ValidationError for a model that no account offers. `service`: one that is there
        already, and may have deployments.
        """
        data = self.validated_data
        wanted = (data["model"], data["model_version"])
        name = next((each for each in models_on_offer() if each[1:] == wanted), None)
        if name is None:
            raise serializers.ValidationError({"model": "No account offers it in this version."})
        return Asked(
            residency=Service.Residency(residency),
            home=data["home_region"],
            latency=Latency(data["latency"]),
            shape=Shape(data["shape"]),
            model=name,
            wanted=Wanted(data["tokens_per_minute"], data["requests_per_minute"]),
            taken=pools_of(service, name) if service else frozenset(),
        )


class SuggestionSerializer(NeedSerializer):
    data_residency = serializers.ChoiceField(Service.Residency.choices)


class PlanSerializer(NeedSerializer):
    """A need, and which of the places suggested for it; the first without one."""

    place = serializers.CharField(max_length=40, allow_blank=True, default="")
    deployment_name = serializers.CharField(max_length=64, allow_blank=True, default="")

    def planned(
        self,
        residency: str,
        default_name: str,
        *,
        service: Service | None = None,
        at: datetime,
    ) -> Planned:
        """Raises DomainError where the place is none, or no longer, with the reasons."""
        data = self.validated_data
        found = suggestions(self.asked(residency, service), at=at)
        row = found.row(data["place"]) if data["place"] else next(iter(found.rows), None)
        if row is None:
            whys = " ".join(f"{each.title}, {each.account}: {each.why}." for each in found.refused)
            raise refuse("no_place", f"It cannot be there. {whys} Nothing was written.".strip())
        name = data["deployment_name"] or default_name
        return Planned(row.spot.account, row.spot.model, name, row.units)


class RegistrationSerializer(FactsSerializer):
    """A service, and the `deployment` that it is to have; null: it is there, or it is shared."""

    team = serializers.SlugField()
    name = serializers.CharField(max_length=80)
    owner = serializers.CharField(max_length=150)
    deputy = serializers.CharField(max_length=150)
    deployment = PlanSerializer(allow_null=True)

    def registration(self, by: User, *, at: datetime) -> Registration:
        """Raises ValidationError for a team or a person that this person could not choose."""
        data = {k: v for k, v in self.validated_data.items() if k != "deployment"}
        team = teams_for(by).filter(slug=data["team"]).first()
        if team is None:
            raise refuse("not_a_lead", "Only a lead of the team, or a platform owner, registers.")
        people = {person.username: person for person in people_of([team], at=at)}
        wrong = {n: NOT_THERE for n in ("owner", "deputy") if data[n] not in people}
        if wrong:
            raise serializers.ValidationError(wrong)
        chosen = {name: people[data[name]] for name in ("owner", "deputy")}
        return Registration(**{**data, **chosen, "team": team, "tier": int(data["tier"])})


NOT_THERE = "Nobody of this name is in the team and there."


class Services(APIView):
    """POST registers one: 201 with the service, and the plan of its deployment."""

    def post(self, request: Request) -> Response:
        posted = RegistrationSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        at, by = now(), request.user
        facts, planned = posted.registration(by, at=at), None
        if posted.validated_data["deployment"] is not None:
            need = PlanSerializer(data=request.data["deployment"])
            need.is_valid(raise_exception=True)
            planned = need.planned(facts.data_residency, onboarding.slug_of(facts.name), at=at)
        service = onboarding.register(facts, planned, by=by, at=at)
        return _answer(request, service, code=status.HTTP_201_CREATED)


class Suggestion(APIView):
    """POST: where a deployment could be, best first, and why the rest is not; writes nothing. For
    those who may register services.
    """

    def post(self, request: Request) -> Response:
        if not teams_for(request.user).exists():
            raise refuse("not_a_lead", "Only a lead of a team, or a platform owner, is told this.")
        posted = SuggestionSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        asked = posted.asked(posted.validated_data["data_residency"])
        return Response(_told(suggestions(asked, at=now())))


class Plans(APIView):
    """GET: the plan of a service's deployment, with the text that makes it. POST: plans one for a
    service that has none. DELETE: gives the plan up.
    """

    def get(self, request: Request, slug: str) -> Response:
        return _answer(request, visible_service(request.user, slug))

    def post(self, request: Request, slug: str) -> Response:
        service = visible_service(request.user, slug)
        if not may_register_for(service.team, request.user):
            raise refuse("not_a_lead", "Only a lead of the team, or a platform owner, plans it.")
        posted = PlanSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        at = now()
        planned = posted.planned(service.data_residency, service.slug, service=service, at=at)
        planning.plan_deployment(service, planned, by=request.user, at=at)
        return _answer(request, service, code=status.HTTP_201_CREATED)

    def delete(self, request: Request, slug: str) -> Response:
        service = visible_service(request.user, slug)
        plan = next(iter(plans_of(service, request.user, asks=False)), None)
        if plan is None:
            raise DomainError(f"No deployment of {service} is planned.", code="no_plan")
        found = Expectation.objects.select_related("service", "deployment").get(pk=plan.id)
        expectations.give_up(found, by=request.user, reason="", at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _answer(request: Request, service: Service, code: int = status.HTTP_200_OK) -> Response:
    plans = [_plan(request, each) for each in plans_of(service, request.user, asks=False)]
    url = request.build_absolute_uri(service.get_absolute_url())
    told = {
        "service": service.slug,
        "url": url,
        "lifecycle": service.lifecycle,
        "plan": plans[0] if plans else None,
    }
    headers = {"Location": url} if code == status.HTTP_201_CREATED else None
    return Response(told, status=code, headers=headers)


def _plan(request: Request, plan: Plan) -> dict[str, Any]:
    return {
        "account": plan.account,
        "deployment": plan.name,
        "units": plan.units,
        "is_held": plan.is_granted,
        "request": plan.request_id,
        "request_url": request.build_absolute_uri(plan.request_url),
        "az": plan.az,
        "bicep": plan.bicep,
    }


def _told(found: Suggestions) -> dict[str, Any]:
    return {
        "places": [
            {
                "place": row.key,
                "account": row.account,
                "region": row.spot.account.region,
                "sku": row.spot.model.sku_name,
                "units": row.units,
                "reasons": [
                    {"topic": each.topic, "text": each.text, "known": each.known}
                    for each in row.reasons
                ],
            }
            for row in found.rows
        ],
        "not_possible": [vars(each) for each in found.refused],
    }
