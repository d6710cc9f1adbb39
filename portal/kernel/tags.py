"""What the tags of an Azure resource say of whose it is: for suggestions, never a decision. Pure.

The names are those of Microsoft's Cloud Adoption Framework ("Define your tagging strategy":
WorkloadName, ApplicationName, BusinessUnit, OpsTeam) and their usual spellings. Organisations write
them with other cases, `-` and `_`, so only letters count.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from portal.kernel.likeness import alike

Tags = Mapping[str, str]

OF_SERVICE = frozenset(
    "service servicename app application appname applicationname workload workloadname project "
    "projectname product system solution component".split()
)
OF_TEAM = frozenset(
    "team teamname owner owningteam ownerteam opsteam businessunit department".split()
)
# A tag that names the service counts fully; the team's says less, as a team may have several.
TEAM_WEIGHT = 0.7


@dataclass(frozen=True)
class Tagged:
    """`likeness` 0 to 1; `tag` as Azure has it, `Application = Helpdesk`; "" where none fits."""

    likeness: float = 0.0
    tag: str = ""


def tagged(tags: Tags, *, service: Iterable[str], team: Iterable[str]) -> Tagged:
    """The tag that speaks loudest for a service of a team, each by all names that it goes by."""
    found, names = Tagged(), {"service": list(service), "team": list(team)}
    for key, value in sorted(tags.items()):
        kind, weight = _meaning(key)
        likeness = weight * max((alike(value, name) for name in names.get(kind, ())), default=0.0)
        if likeness > found.likeness:
            found = Tagged(likeness, f"{key} = {value}")
    return found


def telling(tags: Tags) -> list[str]:
    """The values of those tags that can name a service or a team."""
    return [value for key, value in sorted(tags.items()) if _meaning(key)[0]]


def _meaning(key: str) -> tuple[str, float]:
    """What its values name, and how much that weighs."""
    letters = "".join(filter(str.isalpha, key.lower()))
    if letters in OF_SERVICE:
        return "service", 1.0
    return ("team", TEAM_WEIGHT) if letters in OF_TEAM else ("", 0.0)
