"""The API of requests of every kind, and of every answer to them: the same services as the pages.

What somebody may not see does not exist for them (404); who may do what, the services say.
"""

from collections.abc import Callable
from typing import Any

from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from quotas.api import (
    LARGEST,
    BurstRequests,
    BurstRequestSerializer,
    DraftSerializer,
    MomentField,
    deployment_of,
    visible_requests,
)
from quotas.models import BurstReport, CapacityRequest
from quotas.selectors.burst_report import report_line
from quotas.selectors.services import visible_service
from quotas.services import (
    decisions,
    drafts,
    edits,
    give_back,
    offers,
    questions,
    requests,
    together,
)
from quotas.services.asking import Draft, Kind, draft_of
from quotas.services.granting import held_at_end


class RequestSerializer(BurstRequestSerializer):
    """Any kind. `stage` is the name of the open stage, `deadline_at` when time alone ends it."""

    stage = serializers.SerializerMethodField()
    to_deployment = serializers.CharField(source="to_deployment.name", default=None)
    url = serializers.HyperlinkedIdentityField(view_name="api_request")

    class Meta(BurstRequestSerializer.Meta):
        fields = [*BurstRequestSerializer.Meta.fields, "kind", "parent", "to_deployment", "stage",
                  "deadline_at", "content_hash"]  # fmt: skip

    def get_stage(self, request: CapacityRequest) -> str | None:
        stage = request.open_stage
        return stage.name if stage and request.deadline_at else None


class AskedSerializer(DraftSerializer):
    """What is posted, of any kind. An extension names its `parent`, and takes what that holds; a
    transfer names where to. `draft` keeps it without sending it.
    """

    kind = serializers.ChoiceField(
        [choice for choice in Kind.choices if choice[0] != Kind.SANDBOX], default=Kind.BURST
    )
    ends_at = MomentField(required=False, allow_null=True, default=None)  # type: ignore[assignment]
    occasion = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    purpose = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")
    parent = serializers.IntegerField(required=False)
    to_service = serializers.CharField(max_length=60, required=False)
    to_deployment = serializers.CharField(max_length=130, required=False)
    draft_only = serializers.BooleanField(default=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("kind") == Kind.EXTENSION:
            return data
        return super().validate(data)

    def asked(self, request: Request) -> Draft:
        """Raises Http404 for a service or a grant that this person may not see."""
        data = self.validated_data
        parent, to = data.pop("parent", None), self._target(request)
        data.pop("draft_only")
        if parent is not None:
            grant = generics.get_object_or_404(visible_requests(request), pk=parent)
            data |= {"parent": grant, "units": max(1, held_at_end(grant))}
        if to is not None:
            data["to_deployment"] = to
        return self.draft(visible_service(request.user, data["service"]))

    def _target(self, request: Request) -> Any:
        data = self.validated_data
        slug, name = data.pop("to_service", None), data.pop("to_deployment", None)
        if data["kind"] != Kind.TRANSFER:
            return None
        return deployment_of(visible_service(request.user, slug or data["service"]), name)


def _answer(request: Request, pk: int, code: int = status.HTTP_200_OK) -> Response:
    row = visible_requests(request).get(pk=pk)
    data = RequestSerializer(row, context={"request": request}).data
    headers = {"Location": data["url"]} if code == status.HTTP_201_CREATED else None
    return Response(data, status=code, headers=headers)


class Requests(BurstRequests):
    """GET: what this person may see, drafts of their own too. POST: asks, or with `draft_only`
    keeps a draft; 201 with the request as it stands then.
    """

    serializer_class = RequestSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        posted = AskedSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        verb = drafts.save_draft if posted.validated_data["draft_only"] else requests.submit
        sent = verb(posted.asked(request), by=request.user, at=now())
        return _answer(request, sent.pk, status.HTTP_201_CREATED)


class OneRequest(APIView):
    """GET: one request. PUT: asks for something else in it. DELETE: a draft, for good."""

    def get(self, request: Request, pk: int) -> Response:
        return _answer(request, _seen(request, pk).pk)

    def put(self, request: Request, pk: int) -> Response:
        found = _seen(request, pk)
        posted = AskedSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        asked = posted.asked(request)
        if found.state == CapacityRequest.State.DRAFT:
            drafts.save_draft(asked, by=request.user, at=now(), saved=found)
        else:
            edits.edit(found, asked, by=request.user, at=now())
        return _answer(request, pk)

    def delete(self, request: Request, pk: int) -> Response:
        drafts.delete_draft(_seen(request, pk), by=request.user, at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class SaidSerializer(serializers.Serializer[Any]):
    """What goes with an answer; terms that are left out are as they were asked."""

    note = serializers.CharField(required=False, allow_blank=True, max_length=1_000, default="")
    units = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    starts_at = MomentField(required=False)
    ends_at = MomentField(required=False)
    held = serializers.BooleanField(default=True)

    @property
    def terms(self) -> dict[str, Any]:
        names = ("units", "starts_at", "ends_at")
        return {n: self.validated_data[n] for n in names if n in self.validated_data}


Verb = Callable[[CapacityRequest, SaidSerializer, Any], object]


def _approve(found: CapacityRequest, said: SaidSerializer, by: Any) -> object:
    part = decisions.part_of(found, **said.terms) if said.terms else None
    note = said.validated_data["note"]
    return decisions.approve(found, by=by, note=note, at=now(), part=part)


def _offer(found: CapacityRequest, said: SaidSerializer, by: Any) -> object:
    data, terms = said.validated_data, decisions.part_of(found, **said.terms)
    note, held = data["note"], data["held"]
    return offers.counter_offer(found, terms, by=by, note=note, at=now(), held=held)


def _give_back(found: CapacityRequest, said: SaidSerializer, by: Any) -> object:
    data = said.validated_data
    units, note = data.get("units"), data["note"]
    return give_back.give_back(found, by=by, reason=note, at=now(), units=units)


def _with_note(service: Callable[..., object]) -> Verb:
    return lambda found, said, by: service(found, by=by, note=said.validated_data["note"], at=now())


def _plainly(service: Callable[..., object]) -> Verb:
    return lambda found, said, by: service(found, by=by, at=now())


VERBS: dict[str, Verb] = {
    "approve": _approve,
    "approve-largest": _with_note(decisions.approve_largest_safe),
    "deny": _with_note(decisions.deny),
    "ask": _with_note(questions.ask),
    "answer": _with_note(questions.answer),
    "offer": _offer,
    "accept": _plainly(offers.accept),
    "decline": _with_note(offers.decline),
    "withdraw": _plainly(requests.withdraw),
    "give-back": _give_back,
    "revoke": lambda found, said, by: give_back.revoke(
        found, by=by, reason=said.validated_data["note"], at=now()
    ),
}


class Answer(APIView):
    """POST: one answer, of those in `VERBS`; 200 with the request as it stands then."""

    verb = ""

    def post(self, request: Request, pk: int) -> Response:
        found = _seen(request, pk)
        said = SaidSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        VERBS[self.verb](found, said, request.user)
        return _answer(request, pk)


class PickedSerializer(serializers.Serializer[Any]):
    """A request, and the hash of its content as the approver read it."""

    id = serializers.IntegerField(min_value=1, max_value=LARGEST)
    content_hash = serializers.CharField(max_length=64)


class ApproveLowRisk(APIView):
    """POST a list of `{"id", "content_hash"}`: approves those of low risk, each by itself; 200 with
    what came of each. What somebody may not see is not there.
    """

    def post(self, request: Request) -> Response:
        posted = PickedSerializer(data=request.data, many=True, allow_empty=False, max_length=100)
        posted.is_valid(raise_exception=True)
        hashes = {row["id"]: row["content_hash"] for row in posted.validated_data}
        rows = visible_requests(request).filter(pk__in=hashes).order_by("pk")
        picked = [together.Picked(row, hashes[row.pk]) for row in rows]
        outcomes = together.approve_together(picked, by=request.user, at=now())
        return Response({"results": [_outcome(outcome) for outcome in outcomes]})


def _outcome(outcome: together.Outcome) -> dict[str, Any]:
    told = outcome.refusal
    problem = {"code": told.code, "detail": told.sentence} if told else None
    return {"id": outcome.request.pk, "approved": told is None, "problem": problem}


class Report(APIView):
    """GET: how a burst that is over was used, saved and cost, with null for what is not known; 404
    until the report is there.
    """

    def get(self, request: Request, pk: int) -> Response:
        found = generics.get_object_or_404(BurstReport, request=_seen(request, pk))
        facts = {**found.facts, "request": pk, "made_at": found.made_at}
        return Response({**facts, "sentence": report_line(found.facts)})


class Send(APIView):
    """POST: sends a draft as it was kept."""

    def post(self, request: Request, pk: int) -> Response:
        found = _seen(request, pk)
        asked = draft_of(found)
        requests.submit(asked, by=request.user, at=now(), saved=found)
        return _answer(request, pk)


def _seen(request: Request, pk: int) -> CapacityRequest:
    found: CapacityRequest = generics.get_object_or_404(visible_requests(request), pk=pk)
    return found
