"""The API's answer to "what if I asked for this": fit, policy, and what could be asked instead."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from portal.kernel.windows import FOREVER
from quotas.api_requests import AskedSerializer
from quotas.domain.openings import Opening
from quotas.domain.options import Option
from quotas.domain.policy_rules import Outcome
from quotas.selectors.burst_form import grantable_deployments
from quotas.selectors.policy import policy_in_force
from quotas.services.checks import check_may_request, check_owner, terms_asked
from quotas.services.refusals import breaks_residency
from quotas.services.trial import Trial, try_out


class Check(APIView):
    """POST: the same fields as asking, of which the words may be left out; 200 with what would
    become of it now. Nothing is written. What cannot be asked at all is refused as asking is.
    """

    def post(self, request: Request) -> Response:
        posted = AskedSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        draft, at, rules = posted.asked(request), now(), policy_in_force()
        check_may_request(request.user, draft.service)
        check_owner(draft.service, at=at)
        barred = breaks_residency(draft.service, draft.deployment)
        tried = try_out(
            draft,
            terms_asked(draft, rules, by=request.user, at=at),
            rules,
            others=grantable_deployments(draft.service),
            at=at,
            is_barred=barred is not None,
        )
        return Response({**_told(tried), "barred": barred.sentence if barred else None})


def _told(tried: Trial) -> dict[str, Any]:
    judged, said = tried.judged, tried.said
    cost = judged.cost_if_fully_used
    return {
        "units": tried.asked.units,
        "fits": judged.fit.fits,
        "largest_units": judged.fit.largest_units,
        "outcome": said.outcome,
        "stages": [stage.name for stage in said.stages],
        "refused": said.reason if said.outcome == Outcome.DENY else None,
        "clauses": [{"passed": c.passed, "text": c.sentence} for c in said.clauses],
        "starts_in_freeze": bool(judged.facts.starts_in_freeze),
        "cost_if_fully_used": None if cost is None else str(round(cost, 2)),
        "currency": judged.facts.currency,
        "alternatives": [_alternative(option, tried) for option in tried.instead.options],
        "new_places": [_new_place(opening, tried) for opening in tried.instead.openings],
    }


def _alternative(option: Option, tried: Trial) -> dict[str, Any]:
    """The fields with which it is asked for, and what they change. `outcome` null: not known."""
    deployment, end = tried.deployments[option.source], option.window.end
    return {
        "changes": sorted(option.changes),
        "deployment": str(deployment),
        "units": option.units,
        "tokens_per_minute": deployment.rate.tokens(option.units),
        "starts_at": option.window.start,
        "ends_at": None if end == FOREVER else end,
        "outcome": option.outcome,
    }


def _new_place(opening: Opening, tried: Trial) -> dict[str, Any]:
    """Where a deployment could be planned, by the `place` that a plan takes: its first baseline,
    and what it would take there with all that is asked.
    """
    return {
        "place": opening.key,
        "account": tried.instead.spots[opening.key].account.name,
        "region": opening.place.region,
        "sku": opening.place.sku_name,
        "first_units": opening.first,
        "units_in_all": opening.in_all,
    }
