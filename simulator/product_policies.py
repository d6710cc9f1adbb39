"""The policies of gateways' products: as the world file has it, then as they were written.

A product begins with the policy that sets the limits of its subscriptions in the world file, or
with none. Every state of a policy has an ETag of its own, never used again. A written policy holds
from the next whole minute on, so that no minute that is over ever changes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simulator.clock import SECONDS_PER_MINUTE
from simulator.gateways import Caller, Gateway
from simulator.policy_limits import TokenLimit, limits_of, text_setting
from simulator.policy_text import RAW, Node, parse, shown


@dataclass(frozen=True)
class Written:
    """What a product has from an epoch minute on: ``text`` is rawxml, None for no policy."""

    since_minute: float
    number: int
    text: str | None

    @property
    def etag(self) -> str:
        """With its quotation marks, as the header has it."""
        return f'"{base64.b64encode(self.number.to_bytes(8, "big")).decode()}"'

    @property
    def policy(self) -> Node | None:
        """The tree of the text."""
        return None if self.text is None else parse(self.text, RAW)


class ProductPolicies:
    """All policies of a world with these gateways; ``stored`` is what :meth:`as_json` gave."""

    def __init__(self, gateways: Iterable[Gateway], stored: dict[str, Any] | None = None) -> None:
        self._written: dict[str, list[Written]] = {}
        for gateway in gateways:
            for product in gateway.products:
                first = Written(float("-inf"), len(self._written) + 1, _first(gateway, product.id))
                self._written[_key(gateway, product.id)] = [first]
        for key, rows in (stored or {}).items():
            if key in self._written:
                self._written[key] += [
                    Written(row["since"], row["number"], row["text"]) for row in rows
                ]

    def as_json(self) -> dict[str, Any]:
        """What was written since the world was loaded."""
        return {
            key: [
                {"since": each.since_minute, "number": each.number, "text": each.text}
                for each in written[1:]
            ]
            for key, written in self._written.items()
            if len(written) > 1
        }

    def of(self, gateway: Gateway, product: str) -> Written:
        """The policy now. Raises KeyError for a product that is not there."""
        return self._written[_key(gateway, product)][-1]

    def write(self, gateway: Gateway, product: str, policy: Node | None, at: float) -> Written:
        """Replace it, or take it away, at epoch second ``at``."""
        number = max(each.number for rows in self._written.values() for each in rows) + 1
        text = None if policy is None else shown(policy, RAW)
        written = Written(float(at // SECONDS_PER_MINUTE + 1), number, text)
        self._written[_key(gateway, product)].append(written)
        return written

    def limits(
        self, gateway: Gateway, caller: Caller
    ) -> list[tuple[float, tuple[TokenLimit, ...]]]:
        """The limits of a subscription and from which epoch minute on, in time order."""
        if not caller.product:
            own = caller.tokens_per_minute
            limited = () if own is None else (TokenLimit(f"subscription {caller.id}", own),)
            return [(float("-inf"), limited)]
        return [
            (each.since_minute, _limits(each.text, caller.id))
            for each in self._written[_key(gateway, caller.product)]
        ]


@lru_cache(maxsize=1000)
def _limits(text: str | None, subscription: str) -> tuple[TokenLimit, ...]:
    return () if text is None else limits_of(parse(text, RAW), subscription)


def _key(gateway: Gateway, product: str) -> str:
    return f"{gateway.id}/products/{product}".lower()


def _first(gateway: Gateway, product: str) -> str | None:
    limits = {
        each.id: each.tokens_per_minute
        for each in gateway.callers
        if each.product == product and each.tokens_per_minute is not None
    }
    return text_setting(limits)
