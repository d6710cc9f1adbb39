"""The API of the policy: what is in force, its versions, the draft of the next, replay, publishing.

Whoever reads everything may read it, and what is published whoever decides on requests; platform
owners and administrators write. `policy` is the
document that `docs/reference/policy.md` describes; `sentences` the same for people.
"""

from datetime import datetime
from typing import Any

from django.http import Http404
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from quotas.api import MomentField
from quotas.domain.policy import Policy
from quotas.models import PolicyVersion
from quotas.selectors.policy import low_risk_words
from quotas.selectors.policy_page import published, rules_in_words
from quotas.selectors.policy_replay_page import replay_page
from quotas.services import policy, policy_drafts


class ReadsEverything(BasePermission):
    """404 for others, as on the pages: they learn nothing of what there is."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.reads_everything:
            raise Http404
        return True


class ReadsPolicy(BasePermission):
    """As `ReadsEverything`, and those who decide by it."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.reads_policy:
            raise Http404
        return True


class PolicyView(APIView):
    permission_classes = [IsAuthenticated, ReadsEverything]


class PublishedView(APIView):
    permission_classes = [IsAuthenticated, ReadsPolicy]


class DraftBody(serializers.Serializer[Any]):
    """`seen` is the draft's `edited_at`, as it was read: with it, nothing of others is lost."""

    policy = serializers.JSONField()
    note = serializers.CharField(max_length=policy_drafts.LONGEST_NOTE, allow_blank=True)
    seen = MomentField(required=False)

    def validate_policy(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise serializers.ValidationError("Give an object with longest_hours and rules.")
        return value


class SeenBody(serializers.Serializer[Any]):
    seen = MomentField()


class InForce(PublishedView):
    """GET: the policy that judges what is asked now."""

    def get(self, request: Request) -> Response:
        number, _ = policy.current(at=now())
        return Response(_version(_published(number)))


class Versions(PublishedView):
    """GET: every published version, newest first."""

    def get(self, request: Request) -> Response:
        return Response({"results": [_version(version) for version in published()]})


class Version(PublishedView):
    def get(self, request: Request, number: int) -> Response:
        return Response(_version(_published(number)))


class Draft(PolicyView):
    """GET: the draft with everything that is wrong in it. POST: begins one, of the policy in force
    or of the one that is sent. PUT: writes it. DELETE (`?seen=`): discards it.
    """

    def get(self, request: Request) -> Response:
        return Response(_draft(_open_draft()))

    def post(self, request: Request) -> Response:
        sent = request.data.get("policy") if isinstance(request.data, dict) else None
        body = DraftBody(data={"policy": sent, "note": ""}) if sent is not None else None
        if body is not None:
            body.is_valid(raise_exception=True)
        content = body.validated_data["policy"] if body else None
        draft = policy_drafts.begin(by=request.user, at=now(), content=content)
        return Response(_draft(draft), status=status.HTTP_201_CREATED)

    def put(self, request: Request) -> Response:
        body = DraftBody(data=request.data)
        body.is_valid(raise_exception=True)
        found = body.validated_data
        draft = policy_drafts.save(
            found["policy"],
            note=found["note"],
            seen=found.get("seen"),
            by=request.user,
            at=now(),
        )
        return Response(_draft(draft))

    def delete(self, request: Request) -> Response:
        policy_drafts.discard(seen=_seen(request.query_params), by=request.user, at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class Replay(PolicyView):
    """GET: the draft on the last 90 days. 422 while anything in it is wrong."""

    def get(self, request: Request) -> Response:
        page = replay_page(policy_drafts.check(_open_draft().content, at=now()), at=now())
        rows = [
            {"request": row.id, "before": row.before, "after": row.after, "why": row.why,
             "collides": row.collides}
            for row in page.rows
        ]  # fmt: skip
        return Response(
            {
                "sentence": page.sentence,
                "requests": page.total,
                "automatic": page.automatic,
                "was_automatic": page.was_automatic,
                "refused": page.refused,
                "collisions": page.collisions,
                "changed": page.changed,
                "results": rows,
            }
        )


class Publish(PolicyView):
    """POST `{"seen": …}`: in force from now on. By somebody who wrote nothing of it."""

    def post(self, request: Request) -> Response:
        version = policy_drafts.publish(seen=_seen(request.data), by=request.user, at=now())
        return Response(_version(version), status=status.HTTP_201_CREATED)


def _seen(data: Any) -> datetime:
    body = SeenBody(data=data)
    body.is_valid(raise_exception=True)
    found: datetime = body.validated_data["seen"]
    return found


def _open_draft() -> PolicyVersion:
    draft = policy_drafts.open_draft()
    if draft is None:
        raise Http404
    return draft


def _published(number: int) -> PolicyVersion:
    version = PolicyVersion.objects.filter(number=number).first()
    if version is None:
        raise Http404
    return version


def _version(version: PolicyVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "published_at": version.published_at,
        "published_by": version.published_by_id,
        "drafted_by": version.drafted_by_id,
        "note": version.note,
        "policy": version.policy.as_json(),
        "sentences": _sentences(version.policy),
        "low_risk": list(low_risk_words(version.policy).all),
    }


def _draft(draft: PolicyVersion) -> dict[str, Any]:
    problems = policy_drafts.problems_of(draft.content, at=now())
    return {
        "edited_at": draft.edited_at,
        "edited_by": draft.edited_by_ids,
        "note": draft.note,
        "policy": draft.content,
        "problems": [{"place": p.place, "sentence": p.sentence} for p in problems],
        "sentences": [] if problems else _sentences(draft.policy),
    }


def _sentences(rules: Policy) -> list[dict[str, Any]]:
    return [
        {"rule": rule.name, "says": rule.head, "lines": list(rule.lines)}
        for rule in rules_in_words(rules)
    ]
