"""Bursts that were never there: the changes with which Headroom stopped trying."""

from quotas.models import Change


def gave_up_in(deployments: set[int]) -> dict[int, Change]:
    """By request id: the change that Headroom stopped trying at the end of its window."""
    rows = Change.objects.filter(deployment__in=deployments, gave_up_at__isnull=False)
    return {
        each["request"]: change
        for change in rows.select_related("deployment")
        for each in change.because
        if each.get("gave_up")
    }
