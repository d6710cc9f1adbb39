"""Sets the portal's clock and, where Azure is simulated, Azure's too. Not in production."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import httpx
from django.conf import settings
from django.core.management import CommandError

from portal.kernel.clock import now, real_now
from portal.models import ClockOffset

TIMEOUT_SECONDS = 30.0


class SimulatedAzure:
    """The simulator's control API, as far as the demo and the stepper need it."""

    @cached_property
    def client(self) -> httpx.Client:
        import os
        import ssl

        context = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE"))
        return httpx.Client(verify=context, timeout=TIMEOUT_SECONDS)

    @property
    def is_there(self) -> bool:
        return bool(settings.HEADROOM_SIMULATOR_CONTROL_URL)

    def post(self, path: str, body: dict[str, object]) -> None:
        """Raises CommandError with what the simulator said."""
        answer = self.client.post(settings.HEADROOM_SIMULATOR_CONTROL_URL + path, json=body)
        if answer.is_error:
            raise CommandError(f"The simulated Azure refused {path}: {answer.text}")

    def get(self, path: str, **query: str | int) -> Any:
        """What it tells of itself. Raises CommandError with what the simulator said."""
        url = settings.HEADROOM_SIMULATOR_CONTROL_URL + path
        answer = self.client.get(url, params=query)
        if answer.is_error:
            raise CommandError(f"The simulated Azure refused {path}: {answer.text}")
        return answer.json()


class TwoClocks:
    """The portal's and the simulated Azure's, moved together.

    `now()` is the same door as everywhere.
    """

    def __init__(self) -> None:
        if not settings.CLOCK_MAY_BE_SET:
            raise CommandError("In production the clock is the machine's own and cannot be set.")
        self.azure = SimulatedAzure()

    def set(self, at: datetime) -> None:
        """Both clocks show `at` and run on from there at real speed."""
        if self.azure.is_there:
            self.azure.post("/clock", {"at": at.isoformat()})
        ClockOffset.set(at - real_now())

    def back_to_real(self) -> None:
        if self.azure.is_there:
            self.azure.post("/clock", {"real": True})
        ClockOffset.set(timedelta(0))

    def now(self) -> datetime:
        return now()
