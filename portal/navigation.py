"""The navigation of one person: what exists and what their roles use; the rest is absent."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from portal.models import User

Allowed = Callable[[User], bool]


def everyone(user: User) -> bool:
    return True


def decides(user: User) -> bool:
    return user.decides_requests


def sees_people(user: User) -> bool:
    return user.sees_people


def reads_everything(user: User) -> bool:
    return user.reads_everything


def owns_the_platform(user: User) -> bool:
    return user.is_platform_owner


def reads_policy(user: User) -> bool:
    return user.reads_policy


@dataclass(frozen=True)
class Place:
    """A page that navigation may lead to. `url_name` is its key; `letter` follows g on the keys."""

    label: str
    url_name: str = ""
    letter: str = ""
    allowed: Allowed = everyone
    children: tuple["Place", ...] = ()


PLACES = (
    Place("Home", "home", "h"),
    Place(
        "Capacity",
        children=(
            Place("Pools", "pools", "p"),
            Place("Changes", "changes", "c"),
            Place("Freezes", "freezes", "f"),
            Place("Models", "models", "v"),
            Place("Drill", "drill", "l"),
            Place("Kill switch", "kill_switch", "k", owns_the_platform),
        ),
    ),
    Place(
        "Requests",
        children=(
            Place("Mine", "requests", "r"),
            Place("Inbox", "inbox", "i", decides),
            Place("Policy", "policy", "y", reads_policy),
        ),
    ),
    Place(
        "Services",
        children=(
            Place("Services", "services", "s"),
            Place("Sandboxes", "sandboxes", "x"),
            Place("Unmapped", "unmapped", "u", reads_everything),
            Place("Shared", "shared_deployments", "d", reads_everything),
            Place("Unattributed", "unattributed", "a", reads_everything),
            Place("People", "people", "o", sees_people),
        ),
    ),
    Place(
        "Showback",
        children=(
            Place("Costs", "showback", "b"),
            Place("Budgets", "team_budgets", "m", reads_everything),
        ),
    ),
    Place("Health", "health", "e", reads_everything),
)


@dataclass
class Link:
    """What templates/components/nav.html draws. `active` marks the place, or a page below it."""

    label: str
    url: str
    key: str
    letter: str
    active: bool = False
    children: list["Link"] = field(default_factory=list)


def navigation(request: HttpRequest) -> list[Link]:
    """Empty for those not signed in. A group leads to its first child that the person may see."""
    user = getattr(request, "user", None) or AnonymousUser()
    if not isinstance(user, User):
        return []
    links = [link for place in PLACES if (link := _link(place, user))]
    _mark_active(links, request.path)
    return links


def url_of(name: str) -> str | None:
    """The address of a page without arguments; None while no such page exists."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _link(place: Place, user: User) -> Link | None:
    if not place.children:
        url = url_of(place.url_name)
        if url is None or not place.allowed(user):
            return None
        return Link(place.label, url, place.url_name, place.letter)
    children = [link for child in place.children if (link := _link(child, user))]
    if not children:
        return None
    return Link(place.label, children[0].url, place.label.lower(), "", children=children)


def _mark_active(links: list[Link], path: str) -> None:
    """The link whose address is the longest beginning of the path, and the group that holds it."""
    pages = [page for link in links for page in (link.children or [link])]
    hits = [page for page in pages if _leads_to(page.url, path)]
    if not hits:
        return
    best = max(hits, key=lambda page: len(page.url))
    for link in links:
        link.active = link is best or best in link.children
    best.active = True


def _leads_to(url: str, path: str) -> bool:
    return path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
