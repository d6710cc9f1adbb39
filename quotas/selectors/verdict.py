"""The live answer beside the form: does it fit, what does it cost, who decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.kernel import formatting_times
from portal.kernel.shown import Shown
from portal.kernel.status import Status
from quotas.domain.policy import Policy
from quotas.models import Deployment
from quotas.selectors import statuses, words
from quotas.selectors.amounts import Asked, rounding_sentence
from quotas.selectors.answer_times import usual_answer
from quotas.selectors.cards import replay_sentence
from quotas.selectors.freezes import clash_sentence
from quotas.selectors.offered import Offer
from quotas.selectors.offered_places import PlaceOffer
from quotas.selectors.policy import Check, checks_of, judged


@dataclass(frozen=True)
class Verdict:
    fits: bool
    total: Shown
    rounding: str
    left: Shown
    fullest: Shown
    cost_full: Shown | None
    cost_planned: Shown | None
    checks: list[Check]
    automatic: bool
    goes_to: str  # the stages in their order; "" where nobody is asked
    usually: Shown | None  # how long these take to answer; None where too few answers say so
    refused: str  # the policy's reason; "" where it does not refuse
    has_budget: bool
    budget_left: Shown | None  # None also where it is not known
    replay: str | None
    freezes: list[str]
    observe_only: bool
    offers: Sequence[Offer] = ()
    places: Sequence[PlaceOffer] = ()  # where a deployment could be planned instead
    may_plan: bool = True
    barred: str = ""  # why the service's data must not be there
    no_capacity: str = ""  # why Azure itself could not give it now, though the quota is there

    @property
    def status(self) -> Status:
        return statuses.FITS if self.fits else statuses.SHORT

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check["passed"]]


def verdict(
    facts: dict[str, Any],
    deployment: Deployment,
    asked: Asked,
    *,
    policy: Policy,
    now: datetime,
) -> Verdict:
    """From the same facts that would be frozen with the request, were it sent now; `policy` is the
    one in force.
    """
    found, units = facts["fit"], facts["fit"]["asked_units"]
    fits = units <= found["largest_units"]
    said = judged(facts, policy)
    stages = said.stages if said else ()
    return Verdict(
        fits=fits,
        total=words.amount(deployment, facts["baseline_units"] + units),
        rounding=rounding_sentence(deployment, asked, units),
        left=words.amount(deployment, max(0, found["largest_units"] - (units if fits else 0))),
        fullest=words.moment(datetime.fromisoformat(found["tightest_at"]), now=now),
        cost_full=_known(facts["cost_if_fully_used"]),
        cost_planned=_known(facts["cost_as_used"]),
        checks=checks_of(said),
        automatic=bool(said and said.automatic),
        goes_to=", then ".join(stage.name for stage in stages),
        usually=_duration(usual_answer(stages, at=now) if stages else None),
        refused=said.reason if said else "",
        has_budget=bool(facts["policy_facts"].get("has_budget")),
        budget_left=_known(facts["policy_facts"].get("team_budget_left")),
        replay=replay_sentence(facts["usage"]),
        freezes=[clash_sentence(clash, now=now) for clash in facts["freezes"]],
        observe_only=not (deployment.pool and deployment.pool.applies),
    )


def _duration(length: timedelta | None) -> Shown | None:
    return None if length is None else formatting_times.duration(length)


def _known(amount: str | None) -> Shown | None:
    return None if amount is None else words.money(amount)
