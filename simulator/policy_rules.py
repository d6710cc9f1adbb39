"""Which policies API Management takes for a product: its sections, and its limits of tokens.

Of all the other policies (there are some eighty) nothing is checked but that they are XML. Where
the documentation leaves open what is refused, this refuses: whoever writes what it says is safe.
"""

from __future__ import annotations

from collections.abc import Iterator

from simulator.policy_text import Node, PolicyError

SECTIONS = ("inbound", "backend", "outbound", "on-error")
TOKEN_LIMITS = ("llm-token-limit", "azure-openai-token-limit")
PERIODS = ("Hourly", "Daily", "Weekly", "Monthly", "Yearly")
_NAMED = ("retry-after", "remaining-tokens", "remaining-quota-tokens", "tokens-consumed")
_ATTRIBUTES = frozenset(
    {"id", "counter-key", "tokens-per-minute", "token-quota", "token-quota-period",
     "estimate-prompt-tokens",
     *(f"{name}-{kind}-name" for name in _NAMED for kind in ("header", "variable"))}
)  # fmt: skip
_MOST = 2**31 - 1


def check(root: Node) -> None:
    """Raises PolicyError for the first thing that is wrong."""
    if root.name != "policies":
        raise PolicyError(f"{root.place} The root of a policy is 'policies'.")
    seen: set[str] = set()
    for section in root.elements:
        if section.name not in SECTIONS:
            expected = ", ".join(f"'{name}'" for name in SECTIONS)
            raise PolicyError(
                f"{section.place} The element 'policies' has invalid child element "
                f"'{section.name}'. List of possible elements expected: {expected}."
            )
        if section.name in seen:
            raise PolicyError(f"{section.place} The section is there twice.")
        seen.add(section.name)
        for node in _below(section):
            if node.name in TOKEN_LIMITS:
                _check_limit(node, section)
            elif node.name == "choose":
                _check_choose(node)


def _below(node: Node) -> Iterator[Node]:
    for each in node.elements:
        yield each
        yield from _below(each)


def _check_choose(node: Node) -> None:
    names = [each.name for each in node.elements]
    if "when" not in names or set(names) - {"when", "otherwise"}:
        raise PolicyError(f"{node.place} It holds at least one 'when', and 'otherwise' at most.")
    for each in node.elements:
        if each.name == "when" and not each.attributes.get("condition"):
            raise PolicyError(f"{each.place} The required attribute 'condition' is missing.")


def _check_limit(node: Node, section: Node) -> None:
    given = node.attributes
    if section.name != "inbound":
        raise PolicyError(f"{node.place} Policy is not allowed in the section '{section.name}'.")
    for name in given:
        if name not in _ATTRIBUTES:
            raise PolicyError(f"{node.place} The '{name}' attribute is not declared.")
    for name in ("counter-key", "estimate-prompt-tokens"):
        if not given.get(name):
            raise PolicyError(f"{node.place} The required attribute '{name}' is missing.")
    if given["estimate-prompt-tokens"] not in ("true", "false"):
        raise PolicyError(f"{node.place} The 'estimate-prompt-tokens' attribute is true or false.")
    _check_amounts(node)


def _check_amounts(node: Node) -> None:
    given = node.attributes
    if "tokens-per-minute" not in given and "token-quota" not in given:
        raise PolicyError(f"{node.place} Either 'tokens-per-minute' or 'token-quota' is required.")
    if ("token-quota" in given) != ("token-quota-period" in given):
        raise PolicyError(f"{node.place} 'token-quota' and 'token-quota-period' go together.")
    if given.get("token-quota-period", PERIODS[0]) not in PERIODS:
        raise PolicyError(f"{node.place} 'token-quota-period' is one of {', '.join(PERIODS)}.")
    for name in ("tokens-per-minute", "token-quota"):
        if name in given and not is_amount(given[name]):
            raise PolicyError(
                f"{node.place} The '{name}' attribute is invalid - The value '{given[name]}' is "
                "not a whole number above 0."
            )


def is_amount(text: str) -> bool:
    """A whole number from 1 on, of 32 bits; no expression (Azure may take some: not sure)."""
    return text.isascii() and text.isdigit() and 0 < int(text) <= _MOST
