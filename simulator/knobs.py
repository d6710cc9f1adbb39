"""Settings of the simulator's behaviour that a test may turn while it runs.

A new knob is one line: a kind of :mod:`simulator.knob_kinds` with its default and its help. The
check of values, the control API and the help come with it; ``docs/reference/simulator.md`` lists
it (a test compares).
"""

from __future__ import annotations

import copy
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from simulator.knob_kinds import choice, custom, flag, kind_of, number, table, texts, whole

WRITE_FORMS = ("at_once", "async", "location", "both", "body")
_VERBS = ("PUT", "PATCH", "DELETE")


def _is_write_form(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() <= set(_VERBS) and all(each in WRITE_FORMS for each in value.values())
    return value in WRITE_FORMS


def _is_result(value: Any) -> bool:
    return isinstance(value, dict) and (not value or isinstance(value.get("code"), str))


@dataclass
class Knobs:
    """Defaults are those of a well-behaved Azure."""

    metrics_latency_minutes: float = number(3.0, "A minute is visible this long after its end.")
    metrics_retention_days: float = number(93.0, "Older minutes are gone.")
    metric_errors: dict[str, dict[str, str]] = table(
        'metric name to error {"errorCode", "errorMessage"}',
        "These metrics alone fail inside a 200.",
    )
    logs_latency_minutes: float = number(
        5.0, "Log Analytics shows a minute this long after its end."
    )
    logs_late_minutes: float = number(
        0.0, "A minute that logs show grows for this many minutes more, as late rows arrive."
    )
    logs_retention_days: float = number(90.0, "Older log rows are gone.")
    logs_most_rows: int = whole(
        500_000, "A longer answer of Log Analytics is cut there and partial: 200 with an error."
    )
    logs_longest_minutes: int = whole(
        0, "A log query over a longer window times out (504); 0 means none does."
    )
    logs_queries_per_30_seconds: int = whole(
        200, "Log queries beyond that (real time, all clients together) get 429.", least=1
    )
    logs_token_error: float = number(
        0.0, "The gateway's token counts are off by up to this fraction, as estimates are.", most=1
    )
    late_points: float = number(
        0.0, "A visible minute grows for this many minutes more, as late records of it arrive."
    )
    spilled_counts_as_429: bool = flag(
        True, "A spilled request also counts as 429 on its provisioned deployment; sources differ."
    )
    write_seconds: float = number(
        0.0, "A capacity write takes this long (real seconds) and blocks its account meanwhile."
    )
    token_seconds: float = number(3600.0, "Lifetime of new tokens, in real seconds.")
    token_not_before_seconds: float = number(
        0.0, "New tokens are good only from so many seconds on, as with a clock that is ahead."
    )
    tokens_valid_from: float = number(
        0.0,
        "Tokens made before this moment (epoch seconds, real time) are revoked: 401 with a claims "
        "challenge. POST /_sim/tokens/revoke sets it to now.",
    )
    user_assigned_identities: list[str] = texts(
        "Client, object or resource ids of the user-assigned identities; when empty, any is known."
    )
    date_offset_seconds: float = number(
        0.0, "The Date header of every answer is off by this much.", least=-math.inf
    )
    page_size: int = whole(
        0, "Rows per page of every ARM list; 0 means all in one page, as Azure mostly answers."
    )
    unknown_fields: bool = flag(
        False, "Every object of an answer but `tags` has one field more, which no client knows."
    )
    newer_deployment_fields: str = choice(
        "by_version", ("by_version", "always", "never"),
        "serviceTier and deploymentState of deployments: from api-version 2025-10-01 on, or set.",
    )  # fmt: skip
    gzip: str = choice(
        "auto", ("auto", "always", "never"),
        "Answers are gzipped for clients that accept it: from 1,000 bytes on, all, or none.",
    )  # fmt: skip
    usage_scope_type: str = choice(
        "", ("", "Regional", "Classic"),
        "The scopeType of usages and capacities whose regime was never said; empty: no such field.",
    )  # fmt: skip
    more_usage_rows: bool = flag(
        False, "Locations list all kinds of usage rows: fine-tuned, dedicated, retired, AIServices."
    )
    tier_names: str = choice(
        "Tier 1", ("Tier 1", "Tier-1"), "How quota tiers are spelled: Tier 1 or Tier-1."
    )
    limit_delay_seconds: float = number(
        0.0, "A limit moved by /_sim/limits shows this much later on the clock.", most=900
    )

    arm_reads_bucket: float = number(250.0, "ARM reads a principal may make at once.", least=1)
    arm_reads_per_second: float = number(25.0, "ARM reads it gets back.", least=0.01)
    arm_writes_bucket: float = number(200.0, "ARM writes a principal may make at once.", least=1)
    arm_writes_per_second: float = number(10.0, "ARM writes it gets back.", least=0.01)
    arm_deletes_bucket: float = number(200.0, "ARM deletes a principal may make at once.", least=1)
    arm_deletes_per_second: float = number(10.0, "ARM deletes it gets back.", least=0.01)
    arm_subscription_factor: float = number(
        15, "All principals of a subscription together may make so many times as much.", least=0.01
    )
    arm_throttle_factor: float = number(
        1, "Multiplies all of ARM's token buckets and what they get back.", least=0.01
    )

    write_form: str | dict[str, str] = custom(
        "at_once",
        f"one of {', '.join(WRITE_FORMS)}, or an object of {', '.join(_VERBS)} to one of them",
        _is_write_form,
        "How ARM answers writes; verbs that an object leaves out are done at once.",
    )
    operation_seconds: float = number(
        0.0, "A write that is not done at once takes this long on the simulator's clock."
    )
    operation_polls: int = whole(
        0, "A write that is not done at once ends no sooner than after this many polls."
    )
    retry_after_seconds: int = whole(
        1, "Retry-After of every answer that says not yet; 0 leaves the header out."
    )
    operation_result: dict[str, Any] = custom(
        {}, 'an object {"code", "message"}, empty for success', _is_result,
        "How operations end; a write that is done at once is refused with it.",
    )  # fmt: skip
    quota_refusal: str = choice(
        "InsufficientQuota", ("InsufficientQuota", "715-123420"),
        "The code a write gets for want of quota.",
    )  # fmt: skip
    write_refusal: str = choice(
        "", ("", "715-123420", "SpecialFeatureOrQuotaIdRequired"),
        "Every PUT and PATCH of a deployment is refused with this code.",
    )  # fmt: skip
    denied_actions: list[str] = texts(
        "Actions refused with 403 AuthorizationFailed, as in role definitions: "
        "Microsoft.CognitiveServices/accounts/deployments/write, */delete."
    )

    def form_of(self, verb: str) -> str:
        """The form in which a write of that verb is answered."""
        if isinstance(self.write_form, str):
            return self.write_form
        return self.write_form.get(verb, "at_once")

    def update(self, changes: dict[str, Any]) -> None:
        """Turn some knobs. Raises ValueError with a sentence; then none is turned."""
        kinds = {each.name: kind_of(each) for each in fields(self)}
        for name, value in changes.items():
            if name not in kinds:
                raise ValueError(f"No knob {name}; there are {', '.join(sorted(kinds))}.")
            problem = kinds[name].problem(name, value)
            if problem:
                raise ValueError(problem)
        for name, value in changes.items():
            setattr(self, name, copy.deepcopy(value))

    def as_json(self) -> dict[str, Any]:
        """What the state folder keeps and the control API answers."""
        return asdict(self)

    def described(self) -> list[dict[str, Any]]:
        """Each knob with its value, its default, what it accepts and what it does."""
        defaults = Knobs()
        return [
            {
                "name": each.name,
                "value": getattr(self, each.name),
                "default": getattr(defaults, each.name),
                "accepts": kind_of(each).words,
                "help": kind_of(each).help,
            }
            for each in fields(self)
        ]

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Knobs:
        """The inverse of :meth:`as_json`; what is no longer a knob or a value of it is dropped."""
        kinds = {each.name: kind_of(each) for each in fields(cls)}
        kept = {k: v for k, v in stored.items() if k in kinds and kinds[k].accepts(v)}
        return cls(**kept)
