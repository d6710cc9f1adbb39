"""Which deployment may take what spills over, as a table."""

import pytest

from quotas.domain.spillover import Served, why_not_taken

PTU = Served("GlobalProvisionedManaged", "gpt-4o", "2024-11-20")


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        (Served("GlobalStandard", "gpt-4o", "2024-11-20"), ""),
        (None, "is no deployment of its account"),
        (PTU, "is provisioned as well, not standard"),
        (
            Served("DataZoneStandard", "gpt-4o", "2024-11-20"),
            "is DataZoneStandard, and so processes data at another level",
        ),
        (
            Served("Standard", "gpt-4o", "2024-11-20"),
            "is Standard, and so processes data at another level",
        ),
        (Served("GlobalStandard", "gpt-4o", "2024-08-06"), "serves gpt-4o 2024-08-06"),
        (Served("GlobalStandard", "gpt-4o-mini", "2024-11-20"), "serves gpt-4o-mini 2024-11-20"),
    ],
)
def test_only_a_standard_one_of_the_same_model_and_level_takes_it(
    target: Served | None, wrong: str
) -> None:
    assert why_not_taken(PTU, target) == wrong


def test_a_regional_one_spills_over_to_a_regional_one() -> None:
    regional = Served("ProvisionedManaged", "gpt-4o", "2024-11-20")
    assert why_not_taken(regional, Served("Standard", "gpt-4o", "2024-11-20")) == ""
