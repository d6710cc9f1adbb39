"""The id of what this thread is doing: a Celery task's, a web request's, or none.

It stands in each line of our log and goes to Azure as `x-ms-client-request-id` with every call that
names no id of its own (a write names its change), so a line of ours leads to Azure's log and back.
"""

import logging
from contextvars import ContextVar
from uuid import uuid4

# A stack: a task that runs inside a request (as in tests) has its own id while it runs.
_jobs: ContextVar[tuple[str, ...]] = ContextVar("jobs", default=())


def begin_job(job_id: str = "") -> str:
    """From here to `end_job` this thread works on `job_id`, a new random one if empty."""
    job_id = job_id or str(uuid4())
    _jobs.set((*_jobs.get(), job_id))
    return job_id


def end_job() -> None:
    """Back to the job before, or to none."""
    _jobs.set(_jobs.get()[:-1])


def current_job() -> str:
    """ "" outside of any job."""
    return (_jobs.get() or ("",))[-1]


class JobOfRecord(logging.Filter):
    """Gives each log record its `job`, `-` outside of any."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.job = current_job() or "-"
        return True
