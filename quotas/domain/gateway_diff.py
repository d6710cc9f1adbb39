"""What a write to an API Management policy would change: in words, and line by line. Pure."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from quotas.domain.gateway_policy import Limits

WAS, WILL_BE = "in API Management", "as Headroom would write it"


@dataclass(frozen=True)
class Difference:
    """Of one service; None: it has no limit. `keys_change`: other subscriptions count."""

    service: str
    was_tokens_per_minute: int | None
    tokens_per_minute: int | None
    keys_change: bool = False

    def words(self, name: str) -> str:
        was, now = self.was_tokens_per_minute, self.tokens_per_minute
        if now is None:
            return f"{name}: its limit of {was:,} tokens per minute goes."
        if was is None:
            return f"{name}: limited for the first time, to {now:,} tokens per minute."
        keys = "; other subscriptions count to it" if self.keys_change else ""
        moved = f"{was:,} → {now:,} tokens per minute" if was != now else f"still {now:,}"
        return f"{name}: {moved}{keys}."


def differences(before: Limits, after: Limits) -> tuple[Difference, ...]:
    """By service, in order; nothing for those that stay as they are."""
    old = {limit.service: limit for limit in before}
    new = {limit.service: limit for limit in after}
    found = []
    for service in sorted(old.keys() | new.keys()):
        was, now = old.get(service), new.get(service)
        if was != now:
            found.append(
                Difference(
                    service,
                    was.tokens_per_minute if was else None,
                    now.tokens_per_minute if now else None,
                    bool(was and now and was.subscriptions != now.subscriptions),
                )
            )
    return tuple(found)


def in_words(before: Limits, after: Limits, names: Mapping[str, str]) -> list[str]:
    """One sentence for each service that changes; `names` by service, else as it is written."""
    return [
        each.words(names.get(each.service, each.service)) for each in differences(before, after)
    ]


def line_by_line(before: str, after: str) -> str:
    """A unified diff; "" where both are the same. How lines are indented and end counts for
    nothing, and is not shown.
    """
    old, new = ([line.strip() for line in text.splitlines()] for text in (before, after))
    lines = difflib.unified_diff(old, new, WAS, WILL_BE, lineterm="", n=2)
    return "\n".join(lines)
