"""The Celery app. What runs when is one table: `CELERY_BEAT_SCHEDULE` in settings."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("headroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["quotas", "showback"])
