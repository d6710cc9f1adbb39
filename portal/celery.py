"""The Celery app. What runs when is one table: `CELERY_BEAT_SCHEDULE` in settings."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun

from portal.kernel.job import begin_job, end_job

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("headroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["portal", "quotas", "showback"])


@task_prerun.connect
def _begin(task_id: str = "", **_: Any) -> None:
    """The task's id stands in our log lines and goes to Azure with each call."""
    begin_job(task_id)


@task_postrun.connect
def _end(**_: Any) -> None:
    end_job()
