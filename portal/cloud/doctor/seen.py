"""What the checks of one subscription have read so far; each adds to it for those after it."""

from dataclasses import dataclass, field

from quotas.gateway import AccountSeen, DeploymentSeen, ModelSkuSeen, QuotaSeen


@dataclass
class Seen:
    """`complete` is False as soon as something could not be read."""

    subscription_id: str
    accounts: tuple[AccountSeen, ...] = ()
    deployments: list[DeploymentSeen] = field(default_factory=list)
    quotas: list[QuotaSeen] = field(default_factory=list)
    model_skus: list[ModelSkuSeen] = field(default_factory=list)
    complete: bool = True

    @property
    def scope(self) -> str:
        return f"subscription {self.subscription_id}"

    @property
    def regions(self) -> list[str]:
        return sorted({account.region for account in self.accounts})
