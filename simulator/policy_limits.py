"""Which limits of tokens a policy sets for a subscription; and the policy that sets given ones.

The inbound section is gone through as the gateway does, with the few conditions that limits are
made of: one or several ``context.Subscription.Id == "…"``, joined by ``||``. Any other condition
counts as not met, and a limit that counts by anything but the subscription as none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simulator.policy_rules import SECTIONS, TOKEN_LIMITS, is_amount
from simulator.policy_text import RAW, Node, shown

_IS_ONE = re.compile(r'\s*context\.Subscription\??\.Id\s*==\s*"((?:[^"\\]|\\u[0-9a-fA-F]{4})*)"\s*')
_BY_SUBSCRIPTION = re.compile(r"@\(\s*context\.Subscription\??\.(?:Id|Key)\s*\)")


@dataclass(frozen=True)
class TokenLimit:
    """Those who have the same ``counter`` share the tokens of a minute."""

    counter: str
    tokens_per_minute: int


def limits_of(policy: Node | None, subscription: str) -> tuple[TokenLimit, ...]:
    """All that hold for calls with this subscription; the policy may set several, or none."""
    if policy is None:
        return ()
    inbound = [each for each in policy.elements if each.name == SECTIONS[0]]
    found = (limit for section in inbound for limit in _met(section, subscription))
    return tuple(dict.fromkeys(found))


def _met(node: Node, subscription: str) -> Iterator[TokenLimit]:
    for each in node.elements:
        if each.name in TOKEN_LIMITS:
            yield from _limit(each, subscription)
        elif each.name == "choose":
            for branch in each.elements:
                if branch.name == "otherwise" or _holds(branch, subscription):
                    yield from _met(branch, subscription)
                    break


def _holds(when: Node, subscription: str) -> bool:
    condition = when.attributes["condition"].strip()
    if not (condition.startswith("@(") and condition.endswith(")")):
        return False
    terms = [_IS_ONE.fullmatch(each) for each in condition[2:-1].split("||")]
    return all(terms) and subscription in {_plain(each[1]) for each in terms if each}


def _plain(literal: str) -> str:
    """A text of C# without its escapes; half a character stays one."""
    units = re.sub(r"\\u(....)", lambda found: chr(int(found[1], 16)), literal)
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _limit(node: Node, subscription: str) -> Iterator[TokenLimit]:
    amount, key = node.attributes.get("tokens-per-minute", ""), node.attributes["counter-key"]
    if not is_amount(amount):
        return
    if _BY_SUBSCRIPTION.fullmatch(key.strip()):
        yield TokenLimit(f"subscription {subscription}", int(amount))
    elif not key.strip().startswith("@"):
        yield TokenLimit(f"key {key}", int(amount))


def policy_setting(limits: Mapping[str, int]) -> Node | None:
    """A policy as a person would write it for these limits of subscriptions; None for none."""
    if not limits:
        return None
    branches: list[Node | str] = [
        Node(
            "when",
            {"condition": f'@(context.Subscription.Id == "{name}")'},
            [
                Node(
                    TOKEN_LIMITS[0],
                    {
                        "counter-key": "@(context.Subscription.Id)",
                        "tokens-per-minute": str(limit),
                        "estimate-prompt-tokens": "false",
                    },
                )
            ],
        )
        for name, limit in limits.items()
    ]
    sections: list[Node | str] = [Node(name, {}, [Node("base")]) for name in SECTIONS]
    inbound = sections[0]
    if isinstance(inbound, Node):
        inbound.children.append(Node("choose", {}, branches))
    return Node("policies", {}, sections)


def text_setting(limits: Mapping[str, int]) -> str | None:
    """The same as text, ``rawxml``."""
    policy = policy_setting(limits)
    return None if policy is None else shown(policy, RAW)
