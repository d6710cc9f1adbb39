"""Ground floor and roof of Headroom."""

# A web process that never imports the Celery app would publish to a default broker on localhost.
from portal.celery import app as celery_app

__all__ = ["celery_app"]
