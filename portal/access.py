"""Who may open a page that shows more than one team's own."""

from django.http import Http404, HttpRequest

from portal.kernel.errors import DomainError
from portal.models import User


def must_read_everything(request: HttpRequest) -> User:
    """The person, who has an organisation-wide role. Http404 for anybody else."""
    user = request.user
    if not (isinstance(user, User) and user.reads_everything):
        raise Http404
    return user


def must_read_policy(request: HttpRequest) -> User:
    """The person, who has an organisation-wide role or decides on requests: whoever decides by a
    rule may read it. Http404 for anybody else.
    """
    user = request.user
    if not (isinstance(user, User) and user.reads_policy):
        raise Http404
    return user


def must_decide_sharing(request: HttpRequest) -> User:
    """Who may change whose use a shared deployment is: a platform owner.

    DomainError for whoever only reads it, Http404 for anybody else.
    """
    user = must_read_everything(request)
    if not user.is_platform_owner:
        raise DomainError(
            "Only a platform owner changes whose use a shared deployment is. Nothing was changed.",
            code="not_a_platform_owner",
        )
    return user
