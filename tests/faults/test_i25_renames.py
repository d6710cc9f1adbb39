"""I25 from Azure to the cost lines: PTU hours charged are those deployed, whatever their name."""

from datetime import datetime
from decimal import Decimal

import pytest

from portal.kernel.windows import HOUR, Window
from showback.models import CostLine
from tests.faults.installation import START, Installation

# What Azure had, told by the edits below; seen by the sync at the same minute.
EDITS = (
    ("10:20", {"action": "rename", "deployment": "ptu", "to": "ptu-two"}),
    ("10:50", {"deployment": "ptu-two", "capacity": 30}),
    ("11:10", {"action": "delete", "deployment": "ptu-two"}),
    ("11:40", {"action": "create", "deployment": "ptu-two", "model": "gpt-4o",
               "version": "2024-11-20", "sku": "GlobalProvisionedManaged", "capacity": 30}),
    ("12:10", {"action": "rename", "deployment": "ptu-two", "to": "ptu"}),
)  # fmt: skip


def at(text: str) -> datetime:
    hours, minutes = text.split(":")
    return START.replace(hour=int(hours), minute=int(minutes))


DEPLOYED = (
    (Window(at("9:58"), at("10:50")), 25),
    (Window(at("10:50"), at("11:10")), 30),
    (Window(at("11:40"), at("13:07")), 30),  # a day so far ends with what has settled at 13:10
)


def ptu_hours_deployed() -> Decimal:
    seconds = sum(units * window.length.total_seconds() for window, units in DEPLOYED)
    return Decimal(int(seconds)) / 3600


def live_through_the_edits(portal: Installation) -> None:
    portal.go_to("9:58")
    portal.sync()
    portal.pull()
    portal.map_everything()
    portal.roll_up()
    for moment, edit in EDITS:
        portal.go_to(moment)
        portal.azure.control("POST", "/edit", {"account": "contoso-east", **edit})
        portal.sync()
        portal.pull()
        portal.roll_up()
    for moment in ("12:15", "13:10"):
        portal.go_to(moment)
        portal.sync()
        portal.pull(5 * HOUR)
        portal.roll_up()


def test_i25_ptu_hours_charged_are_those_deployed_through_renames(portal: Installation) -> None:
    live_through_the_edits(portal)
    of_ptu = CostLine.objects.filter(deployment__sku_name="GlobalProvisionedManaged")
    names = set(of_ptu.values_list("deployment__name", flat=True))
    assert names == {"ptu", "ptu-two"}
    charged = sum(line.quantity for line in of_ptu if line.unit == "PTU-hour")
    assert charged == pytest.approx(ptu_hours_deployed(), abs=Decimal("0.00001"))
    assert not of_ptu.filter(unit="token").exists(), "no token charge on provisioned capacity"
    before = sorted(of_ptu.values_list("deployment__name", "category", "quantity", "amount"))
    portal.pull(5 * HOUR)
    portal.roll_up()
    assert (
        sorted(of_ptu.values_list("deployment__name", "category", "quantity", "amount")) == before
    )
