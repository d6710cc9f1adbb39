"""Experiments in the demo: one deployment that takes sandboxes, and one person who tries out."""

from datetime import datetime

from portal.models import User
from quotas.models import Deployment
from quotas.services import sandboxes

PLAYGROUND = "playground"


def open_playground(*, at: datetime) -> None:
    deployment = Deployment.objects.get(name=PLAYGROUND)
    sandboxes.set_open(deployment, is_open=True, by=User.objects.get(username="cleo"), at=at)


def try_out(at: datetime) -> None:
    """Ben claims a sandbox: two fields, nobody has to say yes."""
    sandboxes.claim(
        Deployment.objects.get(name=PLAYGROUND),
        purpose="Compare two prompts for the tone of our letters.",
        by=User.objects.get(username="ben"),
        at=at,
    )
