"""A stage of a review as a value: who may answer, how many of them must, and for how long.

A request keeps the stages that the policy gave it when it was judged, as JSON. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from portal.kernel.errors import DomainError

ANY_OF, ALL_OF = "any_of", "all_of"
POOL_OWNERS, FINANCE, ROLE, PEOPLE = "pool_owners", "finance", "role", "people"


@dataclass(frozen=True)
class Stage:
    """`any_of`: one of the approvers is enough. `all_of`: each of them has to say yes.

    `hours` is how long the stage may stay open; `role` and `people` (ids) go with their approvers.
    """

    name: str
    mode: str
    approvers: str
    hours: int
    role: str = ""
    people: tuple[int, ...] = ()

    @property
    def falls_back(self) -> bool:
        """Whether fallback approvers stand in: where any owner of the pool would be enough."""
        return (self.approvers, self.mode) == (POOL_OWNERS, ANY_OF)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "mode": self.mode,
            "approvers": self.approvers,
            "hours": self.hours,
            **({"role": self.role} if self.role else {}),
            **({"people": list(self.people)} if self.people else {}),
        }


def stage_from_json(data: dict[str, Any]) -> Stage:
    """Raises DomainError where a part is missing: then nobody can be said to have answered it."""
    try:
        return Stage(
            data["name"],
            data["mode"],
            data["approvers"],
            int(data["hours"]),
            data.get("role", ""),
            tuple(data.get("people", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DomainError(
            f"A stage of this request cannot be read: {error}.", code="bad_stage"
        ) from None


def stages_from_json(rows: Iterable[dict[str, Any]]) -> tuple[Stage, ...]:
    return tuple(stage_from_json(row) for row in rows)


def is_complete(stage: Stage, *, asked: frozenset[int], said_yes: frozenset[int]) -> bool:
    """Whether these answers are enough. `asked` are the people whom the stage names; `said_yes`
    those of them who approved, or for whom a delegate did. A stage that nobody can answer is never
    complete.
    """
    heard = asked & said_yes
    return bool(heard) if stage.mode == ANY_OF else bool(asked) and heard == asked
