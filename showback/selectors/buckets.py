"""The buckets of one deployment's unattributed use, and what of them can be proposed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from portal.kernel import formatting
from portal.kernel.money import CENT
from portal.kernel.shown import Shown
from portal.kernel.tags import Tags
from quotas.selectors.metering import MeteredDeployment
from showback.domain.split import split_whole
from showback.domain.suggestions import Suggestion
from showback.models import Caller
from showback.selectors.caller_rows import filtered_words
from showback.selectors.cost_rows import money_cents
from showback.selectors.offers import Offers
from showback.selectors.scope import label_of
from showback.selectors.sharing import Unmapped

# Above this a proposal is worded as likely, below as possible.
LIKELY = 0.8


@dataclass(frozen=True)
class Signs:
    """What a caller or a deployment goes by: its name, that of its product or account, its tags."""

    name: str
    product: str
    tags: Tags = field(default_factory=dict)
    is_gone: bool = False  # then nothing is proposed


@dataclass(frozen=True)
class Bucket:
    """`kind`: deployment (nobody mapped it), caller (of a shared one), or rest (past the gateway).

    `amount` None: nothing of it has a price. `key` is what an action names it by. `signs` None: it
    cannot be given to a service. `offered` are (id, name) of the services that its row lists.
    """

    kind: str
    key: str
    name: str
    deployment: str
    deployment_id: int
    detail: str
    tokens: int
    amount: Decimal | None
    filtered: Shown | None
    signs: Signs | None
    suggested: Suggestion | None = None
    suggested_name: str = ""
    offered: Sequence[tuple[int, str]] = ()
    offers_all: bool = True

    def matches(self, query: str) -> bool:
        told = f"{self.name} {self.deployment} {self.detail}".lower()
        return all(word in told for word in query.lower().split())

    @property
    def tokens_shown(self) -> Shown:
        return formatting.tokens(self.tokens)

    @property
    def cost(self) -> Shown:
        if self.amount is None:
            return Shown("unpriced", exact="no price is known for any of it", value="unpriced")
        return money_cents(self.amount)

    @property
    def confidence(self) -> str:
        """`likely, names 92 % alike`, or the tag that says so."""
        if self.suggested is None:
            return ""
        word = "likely" if self.suggested.confidence >= LIKELY else "possible"
        return f"{word}, {self.suggested.reason}"

    @property
    def accepts(self) -> str:
        """What a form sends to accept the proposal exactly as it is shown."""
        return f"{self.key}:{self.suggested.service_id}" if self.suggested else ""


class Part(NamedTuple):
    """A part of a deployment's unattributed use: a caller's (`use`), or what has none. `amount`
    None: nothing of it has a price.
    """

    deployment_id: int
    caller: Caller | None
    use: Unmapped | None
    tokens: int
    amount: Decimal | None

    @property
    def key(self) -> str:
        return f"caller:{self.caller.pk}" if self.caller else f"deployment:{self.deployment_id}"


def parts_of(
    deployment_id: int,
    tokens: int,
    cents: Decimal | None,
    callers: Sequence[tuple[Caller, Unmapped]],
) -> list[Part]:
    """They sum to the deployment's unattributed tokens, and to their cost to the cent."""
    counted = [use.tokens for _, use in callers]
    if sum(counted) > tokens:
        parts = [*split_whole(tokens, counted), 0]
    else:
        parts = [*counted, tokens - sum(counted)]
    amounts: Sequence[Decimal | None] = [None] * len(parts)
    if cents is not None:
        amounts = [n * CENT for n in split_whole(int(cents / CENT), parts)]
    whose = [*callers, (None, None)]
    found = [
        Part(deployment_id, *who, n, amount)
        for who, n, amount in zip(whose, parts, amounts, strict=True)
    ]
    return found if parts[-1] else found[:-1]


@dataclass(frozen=True)
class Where:
    """One deployment (None: it is gone for long), to say what parts of it are."""

    id: int
    deployment: MeteredDeployment | None
    is_shared: bool

    def bucket(self, part: Part) -> Bucket:
        if part.caller is None or part.use is None:
            return self._rest(part.tokens, part.amount)
        return self._of_caller(part.caller, part.use, part.tokens, part.amount)

    def _of_caller(
        self, caller: Caller, use: Unmapped, tokens: int, amount: Decimal | None
    ) -> Bucket:
        product = f" of product {caller.product}" if caller.product else ""
        return Bucket(
            kind="caller",
            key=f"caller:{caller.pk}",
            name=str(caller),
            deployment=label_of(self.deployment),
            deployment_id=self.id,
            detail=f"{caller.get_kind_display()}{product}, {caller.source}",
            tokens=tokens,
            amount=amount,
            filtered=filtered_words(use.filtered if use.logged else None, use.hours - use.logged),
            signs=Signs(str(caller), caller.product),
        )

    def _rest(self, tokens: int, amount: Decimal | None) -> Bucket:
        """What has no caller: of a dedicated deployment all of it."""
        mapped = self.deployment is not None and self.deployment.service_id is not None
        kind = "rest" if self.is_shared or mapped or self.deployment is None else "deployment"
        return Bucket(
            kind=kind,
            key=f"deployment:{self.id}",
            name=label_of(self.deployment),
            deployment=label_of(self.deployment),
            deployment_id=self.id,
            detail="Not seen by the gateway, and no split rule holds"
            if self.is_shared
            else "Belongs to no service",
            tokens=tokens,
            amount=amount,
            filtered=None,
            signs=self._signs() if kind == "deployment" else None,
        )

    def _signs(self) -> Signs | None:
        if self.deployment is None:
            return None
        account = self.deployment.account_key.rpartition("/")[2]
        return Signs(
            self.deployment.name,
            account,
            self.deployment.tags,
            is_gone=self.deployment.gone_at is not None,
        )


def with_offer(bucket: Bucket, offers: Offers, *, is_open: bool = False) -> Bucket:
    """The bucket with a suggestion, if there is one; `is_open` offers every service."""
    if bucket.signs is None:
        return bucket
    signs = (bucket.signs.name, bucket.signs.product, bucket.signs.tags)
    offered = offers.offered(*signs, is_open=is_open)
    found = None if bucket.signs.is_gone else offered.suggested
    return replace(
        bucket,
        suggested=found,
        suggested_name=offers.names[found.service_id].name if found else "",
        offered=offered.choices,
        offers_all=offered.has_all,
    )
