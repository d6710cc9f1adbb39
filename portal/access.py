"""Who may open a page that shows more than one team's own."""

from django.http import Http404, HttpRequest

from portal.models import User


def must_read_everything(request: HttpRequest) -> User:
    """The person, who has an organisation-wide role. Http404 for anybody else."""
    user = request.user
    if not (isinstance(user, User) and user.reads_everything):
        raise Http404
    return user
