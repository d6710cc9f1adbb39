"""The policies of gateways' products: as the world file has it, then as they were written.

A product begins with the policy that sets the limits of its subscriptions in the world file, or
with none. Every state of a policy has an ETag of its own, never used again. A written policy holds
from the next whole minute on, so that no minute that is over ever changes; of those before, only
the limits are kept.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simulator.clock import SECONDS_PER_MINUTE
from simulator.gateways import Caller, Gateway
from simulator.policy_limits import TokenLimit, limits_of, text_setting
from simulator.policy_text import RAW, Node, parse, shown

_Limits = dict[str, tuple[TokenLimit, ...]]
_ALWAYS = float("-inf")


@dataclass(frozen=True)
class Written:
    """What a product has: ``text`` is rawxml, None for no policy; ``number`` is of all products."""

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


@dataclass
class _Product:
    """The policy now, and from which epoch minute on which subscriptions had which limits."""

    now: Written
    steps: list[tuple[float, _Limits]]


class ProductPolicies:
    """All policies of a world with these gateways; ``stored`` is what :meth:`as_json` gave."""

    def __init__(self, gateways: Iterable[Gateway], stored: dict[str, Any] | None = None) -> None:
        self._products: dict[str, _Product] = {}
        for gateway in gateways:
            for product in gateway.products:
                first = Written(len(self._products) + 1, _first(gateway, product.id))
                limits = _limits(gateway, product.id, first.policy)
                found = _Product(first, [(_ALWAYS, limits)])
                self._products[_key(gateway, product.id)] = found
        for key, row in (stored or {}).items():
            if key in self._products:
                product_now = self._products[key]
                product_now.now = Written(row["number"], row["text"])
                product_now.steps += [(since, _read(limits)) for since, limits in row["steps"]]

    def as_json(self) -> dict[str, Any]:
        """What was written since the world was loaded."""
        return {
            key: {
                "number": each.now.number,
                "text": each.now.text,
                "steps": [[since, _stored(limits)] for since, limits in each.steps[1:]],
            }
            for key, each in self._products.items()
        }

    def of(self, gateway: Gateway, product: str) -> Written:
        """The policy now. Raises KeyError for a product that is not there."""
        return self._products[_key(gateway, product)].now

    def write(self, gateway: Gateway, product: str, policy: Node | None, at: float) -> Written:
        """Replace it, or take it away, at epoch second ``at``."""
        number = max(each.now.number for each in self._products.values()) + 1
        found = self._products[_key(gateway, product)]
        found.now = Written(number, None if policy is None else shown(policy, RAW))
        since, limits = at // SECONDS_PER_MINUTE + 1, _limits(gateway, product, policy)
        while found.steps[-1][0] >= since:  # it never held in a whole minute
            found.steps.pop()
        if limits != found.steps[-1][1]:
            found.steps.append((since, limits))
        return found.now

    def limits(
        self, gateway: Gateway, caller: Caller
    ) -> list[tuple[float, tuple[TokenLimit, ...]]]:
        """The limits of a subscription and from which epoch minute on, in time order."""
        if not caller.product:
            own = caller.tokens_per_minute
            return [(_ALWAYS, () if own is None else (TokenLimit(f"own {caller.id}", own),))]
        steps = self._products[_key(gateway, caller.product)].steps
        return [(since, limits.get(caller.id, ())) for since, limits in steps]


def _key(gateway: Gateway, product: str) -> str:
    return f"{gateway.id}/products/{product}".lower()


def _first(gateway: Gateway, product: str) -> str | None:
    limits = {
        each.id: each.tokens_per_minute
        for each in gateway.callers
        if each.product == product and each.tokens_per_minute is not None
    }
    return text_setting(limits)


def _limits(gateway: Gateway, product: str, policy: Node | None) -> _Limits:
    """Of the product's subscriptions that have any."""
    names = [each.id for each in gateway.callers if each.product == product]
    return {name: found for name in names if (found := limits_of(policy, name))}


def _stored(limits: _Limits) -> dict[str, list[list[Any]]]:
    return {
        name: [[each.counter, each.tokens_per_minute] for each in found]
        for name, found in limits.items()
    }


def _read(stored: dict[str, list[list[Any]]]) -> _Limits:
    return {name: tuple(TokenLimit(*each) for each in found) for name, found in stored.items()}
