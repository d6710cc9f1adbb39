"""`manage.py demo_signins`: who can be tried in the demo."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.demo_people import PASSWORD, organisation, sign_ins


class Command(BaseCommand):
    help = "Prints the demo's sign-ins."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"People of {organisation()['organisation']}:")
        for username, name, does in sign_ins():
            self.stdout.write(f"{username:<8} {name:<16} {does}")
        self.stdout.write(f"Password of all of them: {PASSWORD}")
