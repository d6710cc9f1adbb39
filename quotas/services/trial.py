"""What would become of something that is asked, were it sent now: fit, policy, and what could be
asked instead. Nothing is written and nothing locked; sending it checks again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.kernel.windows import FOREVER, Window, floor_to_minute
from quotas.domain.alternatives import Judge, alternatives
from quotas.domain.availability import fit, free_steps
from quotas.domain.options import Option, Source, Wish
from quotas.domain.policy import Policy
from quotas.domain.policy_judge import Verdict, judge
from quotas.domain.policy_rules import Outcome
from quotas.domain.starts import FreeLine
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors import amounts
from quotas.selectors.freezes import freezes_of
from quotas.selectors.pool_figures import PoolFigures, figures_of
from quotas.selectors.residency import REACH_OF, home_of, place_of
from quotas.selectors.words import amount_word
from quotas.services.asking import Draft, Kind
from quotas.services.evidence import Asked, Judged, as_if, first_start, gather, ledger_window

SEARCHED = timedelta(days=30)  # beyond the end of what is asked


@dataclass(frozen=True)
class Trial:
    """`options` are empty where it could be granted as it is. By `deployments`' ids."""

    asked: Asked
    judged: Judged
    said: Verdict
    options: list[Option]
    deployments: dict[int, Deployment]

    @property
    def is_in_the_way(self) -> bool:
        """It does not fit, the policy refuses it, or it would start in a freeze."""
        return in_the_way(self.judged, self.said)


def try_out(
    draft: Draft,
    terms: Terms,
    rules: Policy,
    *,
    others: Sequence[Deployment],
    at: datetime,
    known: Judged | None = None,
    is_barred: bool = False,
) -> Trial:
    """`others` are the service's deployments that a pool feeds, with account and pool; `known` is
    what was gathered for the same deployment before (see `gather`). Where something is in the way,
    four queries more, however many deployments and alternatives there are.
    """
    asked = asked_of_draft(draft, terms)
    judged = gather(asked, at=at, known=known)
    said = judge(judged.facts, rules)
    sources = [asked.deployment, *_alike(asked, others)]
    found: list[Option] = []
    if asked.units_to_fit and (is_barred or in_the_way(judged, said)):
        found = _alternatives(asked, judged, sources, rules, at=at)
    return Trial(asked, judged, said, found, {each.pk: each for each in sources})


def in_the_way(judged: Judged, said: Verdict) -> bool:
    frozen = bool(judged.facts.starts_in_freeze)
    return not judged.fit.fits or said.outcome == Outcome.DENY or frozen


def asked_of_draft(draft: Draft, terms: Terms) -> Asked:
    parent: CapacityRequest | None = draft.parent
    begun_at = first_start(parent) if parent and draft.kind == Kind.EXTENSION else None
    return Asked(draft.service, draft.deployment, terms.units, terms.window, draft.kind, begun_at)


def _alike(asked: Asked, others: Sequence[Deployment]) -> list[Deployment]:
    """Those that could take a burst or a baseline instead: the same model and version, fed by
    another pool, and counted alike: what PTUs serve in tokens depends on the traffic.
    """
    if asked.kind not in (Kind.BURST, Kind.BASELINE):
        return []
    return [each for each in others if _model(each) == _model(asked.deployment)
            and each.pool_id != asked.deployment.pool_id]  # fmt: skip


def _model(deployment: Deployment) -> tuple[str, str, str, str]:
    model = (deployment.model_format, deployment.model_name, deployment.model_version)
    return (*model, amount_word(deployment))


def _alternatives(
    asked: Asked, judged: Judged, deployments: list[Deployment], rules: Policy, *, at: datetime
) -> list[Option]:
    end = asked.window.end
    far = Window(floor_to_minute(at), end if end == FOREVER else end + SEARCHED)
    pools = list({d.pool_id: d.pool for d in deployments if d.pool}.values())
    figures = {each.pool.pk: each for each in figures_of(pools, at=far.start, window=far)}
    frozen = freezes_of(pools, far)
    homes = home_of(asked.service, deployments)
    lead = asked.window.start - ledger_window(asked).start
    sources = []
    for each in deployments:
        own = figures[each.pool_id or 0]
        leads = lead if each is asked.deployment or not each.pool else each.pool.lead
        line = FreeLine(free_steps(own.entries, own.room, far), far, leads, frozen[own.pool.pk])
        step = amounts.step_of(each).on_top()
        units = step.at_least(_units_there(asked, each))
        sources.append(Source(each.pk, units, step, line, place_of(each), homes[each.pk]))
    wish = Wish(
        asked.window,
        REACH_OF[Service.Residency(asked.service.data_residency)],
        may_move=asked.kind != Kind.EXTENSION,
        may_shrink=asked.kind != Kind.EXTENSION,
    )
    own_line, own_figures = sources[0].line, figures[asked.deployment.pool_id or 0]
    return alternatives(wish, sources, _judge(asked, judged, own_line, own_figures, rules, at=at))


def _units_there(asked: Asked, other: Deployment) -> int:
    """As many units as give at least the same tokens and requests per minute there."""
    if other.pk == asked.deployment.pk or amount_word(other) != "TPM":
        return asked.units
    rate = asked.deployment.rate
    requests = rate.requests(asked.units) if other.requests_per_minute_per_unit else 0
    typed = amounts.Asked(rate.tokens(asked.units) or 0, requests or 0)
    return amounts.units_of(other, typed)


def _judge(
    asked: Asked,
    judged: Judged,
    line: FreeLine,
    figures: PoolFigures,
    rules: Policy,
    *,
    at: datetime,
) -> Judge:
    """By the facts that are known already; of another deployment they are not."""

    def outcome(option: Option) -> Outcome | None:
        if option.source != asked.deployment.pk:
            return None
        window = line.taken(option.window)
        found = fit(figures.entries, figures.room, window, option.units)
        other = replace(asked, units=option.units, window=option.window)
        return judge(as_if(judged, other, found, at=at), rules).outcome

    return outcome
