"""The evidence on a request, written for the person who decides or is being decided on.

Reads the JSON that `quotas.services.evidence_rows.as_json` stored, so a card shows what was known
then, never what a query would say today. None stays "not known".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from portal.kernel import formatting
from portal.models import User
from quotas.domain.policy import Policy
from quotas.models import CapacityRequest, Deployment, Pool, Service
from quotas.selectors import words
from quotas.selectors.burst_report import short_line
from quotas.selectors.freezes import clash_sentence
from quotas.selectors.lasting import LASTING
from quotas.selectors.policy import Check, checks_of, judged, risk_checks_of

LINE_BREAK = mark_safe("<br>")  # noqa: S308  a constant of ours
Fact = tuple[str, Any]


@dataclass(frozen=True)
class Grounds:
    """`use` and `pool` are (label, value) lists; `checks` the policy's clauses, `risk` those of low
    risk where people decide; `age` of it all.
    """

    use: list[Fact]
    pool: list[Fact]
    checks: list[Check]
    automatic: bool
    computed: Any
    completeness: float | None
    fits: bool
    risk: list[Check]

    @property
    def low_risk(self) -> bool:
        """By the policy, and it fits: it may be approved together with others."""
        return self.fits and bool(self.risk) and not self.risk_failed

    @property
    def risk_failed(self) -> list[Check]:
        return [check for check in self.risk if not check["passed"]]


def grounds(
    facts: dict[str, Any],
    *,
    service: Service,
    deployment: Deployment,
    asked_units: int,
    names: dict[int, str],
    policy: Policy,
    computed_at: datetime,
    now: datetime,
) -> Grounds:
    """`names` says what to call the other requests in the window: see `names_of_others`."""
    verdict = judged(facts, policy)
    return Grounds(
        use=_use(facts, service, deployment, asked_units, now=now),
        pool=_pool(facts, service, deployment, asked_units, names, now=now),
        checks=checks_of(verdict),
        automatic=bool(verdict and verdict.automatic),
        computed=words.age(computed_at, now=now),
        completeness=facts["usage"]["completeness"],
        fits=facts["fit"]["asked_units"] <= facts["fit"]["largest_units"],
        risk=risk_checks_of(verdict),
    )


def seen_services(user: User) -> set[int] | None:
    """None: all of them. A pool's owner sees who else is in it, or could not decide. One query."""
    if user.reads_everything:
        return None
    operated = Service.objects.filter(deployments__pool__in=Pool.objects.operated_by(user))
    own = Service.objects.visible_to(user).order_by().values_list("pk", flat=True)
    return set(own.union(operated.order_by().values_list("pk", flat=True)))


def names_of_others(user: User, facts: Iterable[dict[str, Any]]) -> dict[int, str]:
    """By request id, for every burst that any of these facts name: two queries for all of them."""
    ids = {other["request"] for each in facts for other in each["others"]}
    if not ids:
        return {}
    sees = seen_services(user)
    rows = CapacityRequest.objects.filter(pk__in=ids).select_related("service")
    return {row.pk: words.name_for(row.service, sees=sees) for row in rows}


def _together(facts: dict[str, Any]) -> str:
    """What lasts is no burst; evidence of before there were other kinds is of one."""
    return "With it" if facts["policy_facts"].get("kind") in LASTING else "With the burst"


def _use(
    facts: dict[str, Any], service: Service, deployment: Deployment, asked: int, *, now: datetime
) -> list[Fact]:
    usage, base = facts["usage"], facts["baseline_units"]
    return [
        ("Baseline", words.amount(deployment, base)),
        (_together(facts), words.amount(deployment, base + asked)),
        ("Use, TPM", _percentiles(usage)),
        ("Refused, 7 days", _throttled(usage)),
        ("Replay, 7 days", replay_sentence(usage)),
        ("Last bursts", _past(facts["past_bursts"], deployment, now=now)),
        ("Tier", service.get_tier_display()),
        ("If throttled", service.if_throttled),
    ]


def _percentiles(usage: dict[str, Any]) -> SafeString | None:
    if usage["p50"] is None:
        return None
    figures = ((name, formatting.compact(usage[name])) for name in ("p50", "p95", "p99", "peak"))
    return format_html_join(" · ", "{} {}", figures)


def _throttled(usage: dict[str, Any]) -> SafeString | None:
    minutes, requests = usage["throttled_minutes_7_days"], usage["throttled_requests_7_days"]
    if minutes is None:
        return None
    # Evidence stored before causes were told has none.
    cause = usage.get("likely_cause")
    return format_html(
        "{} minutes, {} requests{}",
        formatting.count(minutes),
        formatting.count(requests),
        f"; likely {cause}"
        if cause and cause != "cannot tell"
        else "; cause cannot be told"
        if cause
        else "",
    )


def replay_sentence(usage: dict[str, Any]) -> str | None:
    """Throttled minutes with and without the grant, from the service's own minutes."""
    without, with_it = usage["replayed_now"], usage["replayed_with"]
    if without is None or with_it is None:
        return None
    return f"{without:,} throttled minutes as it is, {with_it:,} with it"


def _past(past: list[dict[str, Any]], deployment: Deployment, *, now: datetime) -> Any:
    if not past:
        return "none before"
    return format_html_join(
        LINE_BREAK,
        "{}, {}, {}",
        (
            (
                words.amount(deployment, burst["units"]),
                words.day(datetime.fromisoformat(burst["from"]), now=now),
                _used(burst),
            )
            for burst in past
        ),
    )


def _used(burst: dict[str, Any]) -> Any:
    """As its report says; of a burst without one only the share that was used."""
    if burst.get("report"):
        return short_line(burst["report"])
    share = burst["used_share"]
    return "use not known" if share is None else format_html("used {}", formatting.percent(share))


def _pool(
    facts: dict[str, Any],
    service: Service,
    deployment: Deployment,
    asked: int,
    names: dict[int, str],
    *,
    now: datetime,
) -> list[Fact]:
    found = facts["fit"]
    return [
        ("Pool", words.pool_name(deployment.pool) if deployment.pool else None),
        ("Free at its fullest", words.amount(deployment, found["largest_units"])),
        ("Left after this", words.amount(deployment, max(0, found["largest_units"] - asked))),
        ("Fullest from", words.moment(datetime.fromisoformat(found["tightest_at"]), now=now)),
        ("Others then", _others(facts, deployment, names, now=now)),
        ("Freeze clashes", _clashes(facts, now=now)),
        ("Cost, as planned", words.money(facts["cost_as_used"])),
        ("Cost, fully used", words.money(facts["cost_if_fully_used"])),
        ("This month so far", words.money(facts["month_to_date"])),
        ("Team’s budget left", _budget_left(facts.get("policy_facts", {}))),
    ]


def _budget_left(policy_facts: dict[str, Any]) -> Any:
    if policy_facts.get("has_budget") is False:
        return "no budget this month"
    return words.money(policy_facts.get("team_budget_left"))


def _clashes(facts: dict[str, Any], *, now: datetime) -> Any:
    """Not known of evidence that was stored before freezes were."""
    if "freezes" not in facts:
        return None
    if not facts["freezes"]:
        return "none"
    lines = ((clash_sentence(clash, now=now),) for clash in facts["freezes"])
    return format_html_join(LINE_BREAK, "{}", lines)


def _others(
    facts: dict[str, Any], deployment: Deployment, names: dict[int, str], *, now: datetime
) -> Any:
    """Evidence of before the later ones were only counted names all of them."""
    if not facts["others"]:
        return "no other burst"
    lines = [
        format_html(
            "{}: {} until {}",
            names.get(other["request"], words.ANOTHER_TEAM),
            words.amount(deployment, other["units"]),
            words.moment(datetime.fromisoformat(other["until"]), now=now),
        )
        for other in facts["others"]
    ]
    if later := facts.get("later_others", 0):
        lines.append(format_html("and {} later", later))
    return format_html_join(LINE_BREAK, "{}", ((line,) for line in lines))
