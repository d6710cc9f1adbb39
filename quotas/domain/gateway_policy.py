"""Limits of services as a part of an API Management policy, and that part alone. Pure.

A policy is one text (`rawxml`) that other people write too, and need not be XML: expressions stand
in it unescaped. So it is never parsed whole. Headroom's part stands between two comments; every
byte outside of them stays. The part itself is well-formed XML: conditions have quotes of the other
kind. A name of a subscription or service cannot become an expression, a named value or markup.

Source: `llm-token-limit`, `choose` and policy expressions (learn.microsoft.com): one counter for
each `counter-key`, 429 above `tokens-per-minute`; a policy has no scope "subscription".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

BEGIN = "<!-- headroom limits: Headroom writes what stands up to the next mark -->"
END = "<!-- headroom limits end -->"
COUNTER = "headroom:"
PRODUCT_INDENT, INDENT = " " * 8, " " * 4

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BEGIN = re.compile(r"<!--\s*headroom limits:[^>]*-->")
_END = re.compile(r"<!--\s*headroom limits end\s*-->")
_INBOUND = re.compile(r"<inbound\s*>(?:\s*<base\s*/>)?")
_EMPTY_INBOUND = re.compile(r"<inbound\s*/>")
_POLICIES = re.compile(r"<policies\s*>")
# `attribute="@(… "text" …)"`, as API Management shows what it was sent in single quotes.
_RAW_EXPRESSION = re.compile(r'="(@\((?:[^"]|"[^"]*")*?\))"(?=[\s/>])')
_IS_ONE = re.compile(r'context\.Subscription\?\.Id == "((?:[A-Za-z0-9_.-]|\\u[0-9A-Fa-f]{4})*)"')
_OR = " || "
_ATTRIBUTES = {"counter-key", "tokens-per-minute", "estimate-prompt-tokens"}

FRESH = """\
<policies>
    <inbound>
        <base />
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
    </outbound>
    <on-error>
        <base />
    </on-error>
</policies>
"""


class NotOurs(ValueError):
    """The text is not as Headroom writes it; the message is a sentence."""


@dataclass(frozen=True, order=True)
class ServiceLimit:
    """What the subscriptions of one service may use together. `service` is its slug, or any text
    that tells services apart. Raises ValueError where nothing could be limited by it.
    """

    service: str
    subscriptions: tuple[str, ...]  # as API Management names them, in order
    tokens_per_minute: int

    def __post_init__(self) -> None:
        if not self.service or not self.subscriptions or self.tokens_per_minute <= 0:
            raise ValueError("a limit has a service, a subscription and at least one token")
        if list(self.subscriptions) != sorted(set(self.subscriptions)):
            raise ValueError("the subscriptions of a limit are in order, each named once")


Limits = tuple[ServiceLimit, ...]


def in_order(limits: Iterable[ServiceLimit]) -> Limits:
    """By service. Raises ValueError where one is named twice, or two share a subscription."""
    found = tuple(sorted(limits))
    keys = [key for limit in found for key in limit.subscriptions]
    if len({limit.service for limit in found}) < len(found) or len(set(keys)) < len(keys):
        raise ValueError("a service or a subscription has two limits")
    return found


def part_of(limits: Limits) -> str:
    """Headroom's part with its marks; the same limits give the same bytes. Not for none."""
    lines = [BEGIN, "<choose>"]
    for limit in limits:
        lines += [
            f"{INDENT}<when condition={quoteattr(_condition(limit))}>",
            f"{INDENT * 2}<llm-token-limit counter-key={quoteattr(_counter(limit))} "
            f'tokens-per-minute="{limit.tokens_per_minute}" estimate-prompt-tokens="true" />',
            f"{INDENT}</when>",
        ]
    return f"\n{PRODUCT_INDENT}".join([*lines, "</choose>", END])


def parse(part: str) -> Limits:
    """The limits in a part of Headroom's, in whichever quotes and spaces it comes back. Raises
    NotOurs for what somebody wrote by hand in another form.
    """
    inner = _BEGIN.sub("", _END.sub("", part)).strip()
    if not inner.startswith("<choose"):
        raise NotOurs("Between Headroom's marks stands something else than limits.")
    try:
        # It begins with an element, so it declares no entities that could grow.
        tree = ElementTree.fromstring(_RAW_EXPRESSION.sub(r"='\1'", inner))  # noqa: S314
        return in_order(_limit(when) for when in tree)
    except (ElementTree.ParseError, ValueError) as error:
        raise NotOurs("What stands between Headroom's marks was rewritten by hand.") from error


def limits_in(policy: str) -> Limits:
    """Those of Headroom's part; none where it has none. Raises NotOurs as `parse` and `part_in`."""
    part = part_in(policy)
    return () if part is None else parse(part)


def part_in(policy: str) -> str | None:
    """Headroom's part with its marks. Raises NotOurs where the marks are not one pair."""
    place = _place_of_part(policy)
    return None if place is None else policy[place]


def with_limits(policy: str, limits: Limits) -> str:
    """The policy with these limits as Headroom's part; without them, without a part.

    What says the same already stays as it is, byte for byte; so does everything of other people. An
    empty text becomes a whole policy. Raises NotOurs where there is no place for it.
    """
    place = _place_of_part(policy)
    if place is None:
        return _inserted(policy, limits) if limits else policy
    if not limits:
        start = place.start - len(_indent_before(policy, place.start))
        return policy[:start] + policy[place.stop :]
    if _says(policy[place], limits):
        return policy
    return policy[: place.start] + part_of(limits) + policy[place.stop :]


def _says(part: str, limits: Limits) -> bool:
    try:
        return parse(part) == limits
    except NotOurs:
        return False


def _inserted(policy: str, limits: Limits) -> str:
    """Where a request comes in, after what the whole service says of it."""
    text = policy if policy.strip() else FRESH
    masked = _COMMENT.sub(lambda found: " " * len(found.group()), text)
    ours = f"\n{PRODUCT_INDENT}{part_of(limits)}"
    if found := _INBOUND.search(masked):
        return text[: found.end()] + ours + text[found.end() :]
    if found := _EMPTY_INBOUND.search(masked):
        whole = f"<inbound>{ours}\n{INDENT}</inbound>"
        return text[: found.start()] + whole + text[found.end() :]
    if found := _POLICIES.search(masked):
        whole = f"\n{INDENT}<inbound>\n{PRODUCT_INDENT}<base />{ours}\n{INDENT}</inbound>"
        return text[: found.end()] + whole + text[found.end() :]
    raise NotOurs("The product's policy has no <policies>, so there is no place for limits.")


def _place_of_part(policy: str) -> slice | None:
    begins, ends = list(_BEGIN.finditer(policy)), list(_END.finditer(policy))
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or begins[0].end() > ends[0].start():
        raise NotOurs("Headroom's marks in the policy are not one pair; somebody moved them.")
    return slice(begins[0].start(), ends[0].end())


def _indent_before(policy: str, start: int) -> str:
    found = re.search(r"\r?\n[ \t]*\Z", policy[:start])
    return found.group() if found else ""


def _condition(limit: ServiceLimit) -> str:
    each = (f'context.Subscription?.Id == "{_csharp(key)}"' for key in limit.subscriptions)
    return f"@({_OR.join(each)})"


def _counter(limit: ServiceLimit) -> str:
    """Not an expression whatever the service is called: `@`, `{` and quotes are escaped."""
    return COUNTER + quote(limit.service, safe="")


def _csharp(text: str) -> str:
    """Inside a string of C#: letters, digits, `_`, `.` and `-` as they are, all else escaped."""
    return re.sub(r"[^A-Za-z0-9_.-]", _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))


def _plain(literal: str) -> str:
    """What `_csharp` was given; ValueError for half a character."""
    pairs = re.sub(r"\\u(....)|(.)", lambda m: m[1] or f"{ord(m[2]):04x}", literal)
    return bytes.fromhex(pairs).decode("utf-16-be")


def _limit(when: ElementTree.Element) -> ServiceLimit:
    """Raises ValueError for anything that Headroom does not write."""
    children = list(when)
    if when.tag != "when" or set(when.attrib) != {"condition"} or len(children) != 1:
        raise ValueError("not a limit of one service")
    limit, condition = children[0], when.attrib["condition"]
    if limit.tag != "llm-token-limit" or set(limit.attrib) != _ATTRIBUTES or len(limit):
        raise ValueError("not a limit of tokens")
    if limit.attrib["estimate-prompt-tokens"] != "true":
        raise ValueError("prompts are not estimated")
    counter = limit.attrib["counter-key"]
    found = [_IS_ONE.fullmatch(each) for each in condition[2:-1].split(_OR)]
    if not (condition.startswith("@(") and condition.endswith(")") and all(found)):
        raise ValueError("another condition")
    if not counter.startswith(COUNTER):
        raise ValueError("another counter")
    return ServiceLimit(
        service=unquote(counter.removeprefix(COUNTER), errors="strict"),
        subscriptions=tuple(_plain(each[1]) for each in found if each),
        tokens_per_minute=int(limit.attrib["tokens-per-minute"]),
    )
