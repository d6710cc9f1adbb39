"""`manage.py doctor`: is everything there that the portal needs, and which role or setting is not.

Exit status: 0 all well, 1 something failed, 2 the command was used wrongly.
"""

import json
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn
from uuid import uuid4

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from portal.cloud.doctor.examine import examine_azure
from portal.cloud.resource_ids import deployment_id
from portal.kernel.clock import now, real_now
from portal.kernel.errors import CloudError
from portal.kernel.findings import Finding, failed
from portal.management.doctor import report
from portal.management.doctor.guard import write_guard
from portal.management.doctor.portal_side import examine_portal, first_line

USED_WRONGLY, INTERRUPTED = 2, 130


class Command(BaseCommand):
    help = (
        "Tries everything that the portal needs: settings, database, broker, sign-in to Azure, "
        "each right, clock, quota. Reads only, unless --write names a deployment."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012  it has checks of its own

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
        parser.add_argument("--only", choices=["portal", "azure"], help="one side of the checks")
        parser.add_argument(
            "--write",
            nargs="?",
            const="",
            metavar="DEPLOYMENT-ID",
            help="also set the present capacity of this one deployment again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        write = checked_write(options["write"], options["only"])
        began_at, findings = real_now(), []
        with silent_logs():
            try:
                for finding in self.findings(options["only"], write):
                    findings.append(finding)
                    if not options["json"]:
                        self.show(report.line(finding, encoding=self.encoding))
                if options["json"]:
                    self.show(json.dumps(report.as_json(findings, began_at=began_at)))
                else:
                    self.show(report.summary(findings))
            except KeyboardInterrupt:
                sys.exit(INTERRUPTED)
            except BrokenPipeError:
                nobody_reads()
        if not report.is_well(findings):
            sys.exit(1)

    def findings(self, only: str | None, write: str) -> Iterator[Finding]:
        if only != "azure":
            yield from surely("portal", examine_portal())
        if only != "portal":
            checks = examine_azure(
                dict.fromkeys(settings.HEADROOM_SUBSCRIPTIONS),
                workspace_ids=settings.HEADROOM_LOG_WORKSPACES,
                at=present_moment(),
                write=write,
                request_id=f"headroom-doctor-{uuid4()}",
                guard=write_guard,
            )
            yield from surely("azure", checks)

    def show(self, text: str) -> None:
        """At once, as the next check may take a while."""
        self.stdout.write(text)
        self.stdout.flush()

    @property
    def encoding(self) -> str:
        return getattr(self.stdout, "encoding", None) or "utf-8"


def checked_write(resource_id: str | None, only: str | None) -> str:
    """The deployment to write to, "" for none. Raises CommandError where it cannot be meant."""
    if resource_id is None:
        return ""
    if only == "portal":
        raise CommandError("--write is of the Azure side: leave --only out.", returncode=2)
    try:
        subscription = deployment_id(resource_id).subscription_id.lower()
    except CloudError:
        raise CommandError(
            "--write needs the resource id of one deployment, as /subscriptions/…/deployments/NAME."
            " Without --write the last line names one. Nothing was asked of Azure.",
            returncode=USED_WRONGLY,
        ) from None
    if subscription not in {known.lower() for known in settings.HEADROOM_SUBSCRIPTIONS}:
        raise CommandError(
            f"Subscription {subscription} is not in HEADROOM_SUBSCRIPTIONS, so the portal never "
            "writes there. Nothing was asked of Azure.",
            returncode=USED_WRONGLY,
        )
    return resource_id


def present_moment() -> datetime:
    """The portal's time, as the simulated Azure has the same; the machine's without a database."""
    try:
        return now()
    except DatabaseError:
        return real_now()


def surely(side: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings; an error that nobody foresaw becomes the last of them, in one line."""
    try:
        yield from findings
    except Exception as error:
        yield failed(
            f"{side}.checks",
            f"The checks stopped: {type(error).__name__}: {first_line(error)}.",
            fix="This is a mistake in Headroom; the lines above hold.",
        )


def nobody_reads() -> NoReturn:
    """The other end of a pipe is closed, as `| head` does; ends without a second complaint."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


@contextmanager
def silent_logs() -> Iterator[None]:
    """What the libraries log is in the findings already, and in fewer words."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
