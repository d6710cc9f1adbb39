"""Invented numbers for the style guide. Fixed, so that two pictures of it can be compared."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from portal.kernel.charts import Bar, BarsByTeam, CapacityUse, Chart
from portal.kernel.charts_capacity import PoolTimeline
from portal.kernel.charts_days import CostByDay
from portal.kernel.formatting import change, count, money, money_cents, percent, tpm
from portal.kernel.formatting_times import moment, span
from portal.kernel.shown import Shown
from portal.kernel.sparkline import sparkline
from portal.kernel.status import Status, Tick, Ticks, Tone
from portal.navigation import Link

ZONE = ZoneInfo("Europe/Amsterdam")
AT = datetime(2025, 11, 14, 8, 0, tzinfo=UTC)
TEAMS = ("Assistant", "Claims", "Contact centre", "Search", "Translation", "Risk lab")
TOKENS = (
    "paper", "surface", "sunken", "line", "ink", "ink-quiet", "accent", "ok", "attention",
    "danger", "info", *(f"series-{slot}" for slot in range(8)),
)  # fmt: skip


class SampleForm(forms.Form):
    service = forms.ChoiceField(
        choices=[("", "Choose a service"), ("1", "Assistant"), ("2", "Claims triage")],
        help_text="Services of the teams that you lead.",
    )
    tokens_per_minute = forms.IntegerField(
        label="How much more",
        min_value=1_000,
        help_text="On top of the baseline of 120k TPM. Rounded up to whole units of 1k.",
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    starts_at = forms.DateTimeField(
        label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    occasion = forms.ChoiceField(
        choices=[("launch", "Launch"), ("migration", "Migration wave"), ("other", "Other")],
        widget=forms.RadioSelect,
    )
    purpose = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)


def context() -> dict[str, Any]:
    return {
        "nav": _nav(),
        "user": _person("Ada Lovelace"),
        "search_url": "/styleguide",
        "shows_simulated_azure": True,
        "kill_switch_because": "The bill of last night is being looked at.",
        "kill_switch_url": "/styleguide",
        "observe_only_banner": "2 of 14 pools are watched, not changed.",
        "trail": [("Capacity", "/styleguide"), ("Pools", "/styleguide"), ("gpt-4o, Sweden", "")],
        "tokens": TOKENS,
        "people": [_person("Ada Lovelace"), _person("Ben"), _person("Cleo de Vries")],
        "statuses": _statuses(),
        "ticks": _ticks(),
        "stats": _stats(),
        "facts": _facts(),
        "rows": _rows(),
        "total": money_cents(sum((Decimal(i * 911) for i in range(1, 7)), Decimal(0))),
        "form": SampleForm(),
        "bad_form": SampleForm({"tokens_per_minute": "-5", "starts_at": "yesterday"}),
        "checks": _checks(),
        "events": _events(),
        "tabs": [_tab("Day", active=True), _tab("Week"), _tab("Month")],
        "charts": charts(),
        "numbers": _numbers(),
        "stale_at": AT,
        "hour_ago": AT - timedelta(hours=1),
    }


def charts() -> list[Chart]:
    return [_capacity_use(), _quiet_use(), _pool_timeline(), _bars(), _cost_by_day()]


def _nav() -> list[Link]:
    children = [Link("Pools", "/styleguide", "pools", "p", active=True)]
    children.append(Link("Changes", "/styleguide", "changes", "c"))
    return [
        Link("Home", "/styleguide", "home", "h"),
        Link("Capacity", "/styleguide", "capacity", "", active=True, children=children),
        Link("Requests", "/styleguide", "requests", "r"),
        Link("Services", "/styleguide", "services", "s"),
        Link("Showback", "/styleguide", "showback", "b"),
        Link("Health", "/styleguide", "health", "e"),
    ]


def _person(name: str) -> SimpleNamespace:
    return SimpleNamespace(
        display_name=name,
        email=f"{name.split()[0].lower()}@example.org",
        username=name.split()[0].lower(),
        time_zone="Europe/Amsterdam",
    )


def _tab(label: str, *, active: bool = False) -> SimpleNamespace:
    return SimpleNamespace(label=label, url="/styleguide#navigation", active=active)


def _statuses() -> list[Status]:
    return [
        Status("On", Tone.OK, "bolt"),
        Status("Approved", Tone.OK),
        Status("In review", Tone.INFO, "eye"),
        Status("Upcoming", Tone.INFO, "calendar"),
        Status("Waits for Azure", Tone.ATTENTION, "clock"),
        Status("Denied", Tone.DANGER),
        Status("Withdrawn", Tone.QUIET, "arrow-uturn-left"),
        Status("Over"),
    ]


def _ticks() -> list[Ticks]:
    return [
        Ticks(Tick.DONE, Tick.DONE, Tick.DONE),
        Ticks(Tick.DONE, Tick.DONE, Tick.WAITING),
        Ticks(Tick.DONE, Tick.FAILED),
        Ticks(Tick.DONE, Tick.HELD),
    ]


def _stats() -> list[dict[str, Any]]:
    return [
        {"label": "Held", "value": tpm(120_000), "hint": "120 units"},
        {"label": "Used at peak", "value": percent(0.613), "hint": "Thu 13 Nov, 11:40"},
        {"label": "Refused in 7 days", "value": count(318), "hint": "0.02 % of requests"},
        {"label": "This month", "value": money(Decimal("1240.18")), "hint": change(1240, 1107)},
        {"label": "Forecast", "value": None or Shown("–", exact="not known"), "hint": "not known"},
    ]


def _facts() -> list[tuple[str, Any]]:
    return [
        ("Owner", "Ada Lovelace"),
        ("Deputy", None),
        ("If throttled", "Answers take a minute longer; nobody is turned away."),
        ("Window", span(AT, AT + timedelta(hours=9), ZONE)),
    ]


def _rows() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "held": tpm(40_000 * i),
            "fraction": 0.17 * i,
            "meter": f"{percent(0.17 * i)} of {tpm(40_000 * i)}",
            "peak": min(1.0, 0.2 * i),
            "cost": money_cents(Decimal(i * 911)),
            "change": change(100 + 7 * (i - 3), 100),
            "status": _statuses()[i - 1],
            "incomplete": i == 4,
            "spark": sparkline(
                [None if i == 3 and 8 < h < 12 else 4 + 3 * math.sin(h / 3 + i) for h in range(24)],
                label=f"{name}: tokens by hour, the last day",
                limit=9,
            ),
        }
        for i, name in enumerate(TEAMS, start=1)
    ]


def _checks() -> list[dict[str, Any]]:
    return [
        {"passed": True, "text": "Asks for 67 % of its baseline; the policy allows 100 %."},
        {
            "passed": False,
            "text": "The pool would be 91 % held at its peak; the policy stops at 85 %.",
        },
        {"passed": None, "text": "No earlier burst to judge by."},
    ]


def _events() -> list[dict[str, Any]]:
    at = [moment(AT + timedelta(hours=h), ZONE) for h in range(0, 30, 6)]
    return [
        {"title": "Asked", "at": at[0], "by": "Ada Lovelace", "text": "80k TPM for the launch."},
        {"title": "Approved", "at": at[1], "by": "Cleo de Vries", "tone": "ok"},
        {
            "title": "Azure refused the write",
            "at": at[2],
            "tone": "danger",
            "text": "InsufficientQuota",
        },
        {"title": "Ends by itself", "at": at[3], "todo": True},
    ]


def _numbers() -> list[Shown]:
    return [
        tpm(120_000), tpm(None), percent(0.61), percent(0.004), money(Decimal("1240.18")),
        money(Decimal("4.12")), money(Decimal("-4.12")), change(112, 100), change(92, 100),
        moment(AT, ZONE), span(AT, AT + timedelta(hours=33), ZONE),
    ]  # fmt: skip


def _capacity_use() -> Chart:
    minutes = 3 * 24 * 60
    base, burst = 120_000, [80_000 if 2_000 <= m < 2_600 else 0 for m in range(minutes)]
    demand = [_demand(m) for m in range(minutes)]
    held = [base + extra for extra in burst]
    gap = range(1_200, 1_290)
    return CapacityUse(
        start=AT - timedelta(minutes=minutes),
        step=timedelta(minutes=1),
        used=[None if m in gap else min(demand[m], held[m]) for m in range(minutes)],
        baseline=[base] * minutes,
        burst=burst,
        throttled=[max(0, (demand[m] - held[m]) // 900) for m in range(minutes)],
        zone=ZONE,
        limit=300_000,
    ).chart(
        "use",
        "Use against held capacity",
        summary="Assistant, the last three days; 90 minutes on Thursday did not arrive.",
    )


def _quiet_use() -> Chart:
    """No burst, nothing refused, no limit known: the parts that are left out must not be missed."""
    hours = 24
    return CapacityUse(
        start=AT - timedelta(hours=hours),
        step=timedelta(hours=1),
        used=[_demand(60 * hour) // 2 for hour in range(hours)],
        baseline=[120_000] * hours,
        burst=[0] * hours,
        throttled=[0] * hours,
        zone=ZONE,
        limit=None,
    ).chart("quiet", "A quiet day", summary="Nothing was refused.")


def _demand(minute: int) -> int:
    """A day's hump, a slow wave, and noise that is the same each time."""
    day = math.sin(math.pi * (minute % 1_440) / 1_440) ** 2
    noise = math.sin(minute * 12.9898) * math.sin(minute * 78.233)
    return int(24_000 + 98_000 * day + 9_000 * noise + (55_000 if 2_000 <= minute < 2_600 else 0))


def _pool_timeline() -> Chart:
    days = (0, 3, 4, 9, 11, 18)
    return PoolTimeline(
        edges=[AT + timedelta(days=day) for day in days],
        held={
            "adopted": [220] * 6,
            "baseline": [120, 120, 120, 160, 160, 160],
            "burst": [0, 80, 80, 0, 60, 0],
            "reserve": [50] * 6,
        },
        end=AT + timedelta(days=30),
        limit=600,
        zone=ZONE,
        now=AT,
    ).chart("pool", "The next 30 days", summary="gpt-4o in Sweden Central, by kind of promise.")


def _bars() -> Chart:
    amounts = (
        ("4210.22", "610"),
        ("2890.10", "0"),
        ("1240.18", "455.5"),
        ("980", "120"),
        ("310.4", "0"),
    )
    bars = [
        Bar(name, Decimal(used), Decimal(idle), slot)
        for slot, (name, (used, idle)) in enumerate(zip(TEAMS, amounts, strict=False))
    ]
    return BarsByTeam(bars).chart("teams", "Cost by team", summary="November 2025, estimated.")


def _cost_by_day() -> Chart:
    days = [date(2025, 11, 1) + timedelta(days=i) for i in range(20)]
    wave = [Decimal(40 + 25 * (d.weekday() < 5) + 3 * (i % 4)) for i, d in enumerate(days)]
    return CostByDay(
        days,
        {
            "Input": wave,
            "Cached input": [amount / 8 for amount in wave],
            "Output": [amount * Decimal("0.7") for amount in wave],
            "Provisioned, used": [Decimal(48)] * 20,
        },
        incomplete=frozenset(days[-2:]),
    ).chart("days", "Cost by day", summary="Assistant, November 2025.", size="short")
