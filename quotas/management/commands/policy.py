"""`./headroom manage policy`: the policy as JSON or YAML, out and in.

Out: the version in force, or `--number N`; `--yaml` as YAML. In: `--load FILE --by USER` makes it
the draft, which somebody else publishes on the page; `--check FILE` only says what is wrong with
it. A file may be either.
"""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from portal.models import User
from quotas.domain.policy_text import parsed
from quotas.models import PolicyVersion
from quotas.services import policy, policy_drafts


class Command(BaseCommand):
    help = "Prints the policy as JSON or YAML, or reads one from a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--number", type=int, help="of the version to print; else the newest")
        parser.add_argument("--yaml", action="store_true", help="print YAML instead of JSON")
        parser.add_argument("--check", metavar="FILE", help="say what is wrong with this file")
        parser.add_argument("--load", metavar="FILE", help="make this file the draft")
        parser.add_argument("--by", metavar="USER", help="whose draft it is, with --load")
        parser.add_argument("--note", default="", help="what changes and why, with --load")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check(_read(options["check"]))
        elif options["load"]:
            self._load(_read(options["load"]), options["by"], options["note"])
        else:
            self._print(options["number"], in_yaml=options["yaml"])

    def _print(self, number: int | None, *, in_yaml: bool) -> None:
        newest, _ = policy.current(at=now())
        version = PolicyVersion.objects.filter(number=number or newest).first()
        if version is None:
            raise CommandError(f"There is no version {number}; the newest is {newest}.")
        if in_yaml:
            self.stdout.write(version.as_yaml(), ending="")
        else:
            self.stdout.write(json.dumps(version.policy.as_json(), indent=2))

    def _check(self, content: dict[str, Any]) -> None:
        problems = policy_drafts.problems_of(content, at=now())
        if problems:
            raise CommandError("\n".join(problem.sentence for problem in problems))
        self.stdout.write("The file is a policy; nothing is wrong with it.")

    def _load(self, content: dict[str, Any], username: str | None, note: str) -> None:
        self._check(content)
        by = User.objects.filter(username=username or "").first()
        if by is None:
            raise CommandError("Say whose draft it is: --by and a user name.")
        at = now()
        try:
            if policy_drafts.open_draft() is None:
                policy_drafts.begin(by=by, at=at)
            policy_drafts.save(content, note=note, seen=None, by=by, at=at)
        except DomainError as error:
            raise CommandError(error.sentence) from None
        self.stdout.write("It is the draft now. Somebody else publishes it on the page Policy.")


def _read(name: str) -> dict[str, Any]:
    try:
        text = Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{name} is not written in UTF-8.") from None
    try:
        return parsed(text)
    except DomainError as error:
        raise CommandError(f"{name}: {error.sentence}") from None
