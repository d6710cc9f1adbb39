"""The parts of Azure that the portal calls, as people and counters name them. No SDK in here."""

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings


class Plane(StrEnum):
    """One service of Azure: its own token audience, its own limits, its own bad days."""

    ARM = "arm"
    METRICS = "metrics"
    LOGS = "logs"
    IDENTITY = "identity"


PLANE_WORDS = {
    Plane.ARM: "Azure Resource Manager",
    Plane.METRICS: "Azure Monitor metrics",
    Plane.LOGS: "Log Analytics",
    Plane.IDENTITY: "Sign-in",
}


@dataclass(frozen=True)
class Endpoint:
    """One address of one plane: what answers, fails and recovers as one."""

    plane: Plane
    address: str  # https, no slash at the end

    @property
    def words(self) -> str:
        return PLANE_WORDS[self.plane]


def arm_endpoint() -> Endpoint:
    """The one Resource Manager of this installation's cloud."""
    return Endpoint(Plane.ARM, settings.AZURE_ARM_ENDPOINT.rstrip("/"))


def metrics_endpoint(region: str) -> Endpoint:
    """`region` in lower case, without blanks."""
    address = settings.AZURE_METRICS_ENDPOINT.replace("{region}", region)
    return Endpoint(Plane.METRICS, address.rstrip("/"))


def logs_endpoint() -> Endpoint:
    """The one Log Analytics of this installation's cloud, for all workspaces."""
    return Endpoint(Plane.LOGS, settings.AZURE_LOGS_ENDPOINT.rstrip("/"))
