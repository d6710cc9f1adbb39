"""Services to choose from for what is nobody's yet: every one, or of very many the likeliest."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from portal.kernel.tags import Tags
from quotas.selectors.metering import ServiceName
from showback.domain.suggestions import NO_TAGS, Named, Suggester, Suggestion, clear

MOST_OFFERED = 40  # services; where there are more, each row offers those with the likeliest names

Choice = tuple[int, str]  # id, `name (team)`


@dataclass(frozen=True)
class Offered:
    """What one row lists; `has_all` says whether that is every service.

    `suggested` is the one that is most likely meant, if any is likely enough.
    """

    choices: list[Choice]
    has_all: bool
    suggested: Suggestion | None = None


class Offers:
    """Which services the rows of a page offer."""

    def __init__(self, names: dict[int, ServiceName]) -> None:
        self.names = names
        self._suggester = Suggester(
            [Named(n.id, n.slug, n.team_slug, n.name, n.team_name) for n in names.values()]
        )

    @cached_property
    def all(self) -> list[Choice]:
        """By name."""
        return sorted(map(_choice, self.names.values()), key=_label)

    @property
    def are_few(self) -> bool:
        return len(self.names) <= MOST_OFFERED

    def offered(
        self, name: str, product: str, tags: Tags = NO_TAGS, *, is_open: bool = False
    ) -> Offered:
        """For what goes by these names: the likeliest first; all of them where it `is_open`."""
        found = self._suggester.judged(name, product, tags)
        if is_open or self.are_few:
            return Offered(self.all, has_all=True, suggested=clear(found))
        near = [_choice(self.names[each.service_id]) for each in found]
        return Offered(near, has_all=False, suggested=clear(found))

    def some(self, ids: Iterable[int], *, is_open: bool = False) -> Offered:
        """Those that are named, by name; all of them where it `is_open`."""
        if is_open or self.are_few:
            return Offered(self.all, has_all=True)
        named = [_choice(self.names[key]) for key in set(ids) if key in self.names]
        return Offered(sorted(named, key=_label), has_all=False)


def _choice(name: ServiceName) -> Choice:
    return name.id, f"{name.name} ({name.team_name})"


def _label(choice: Choice) -> str:
    return choice[1]
