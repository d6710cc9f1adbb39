"""Who answers for a service, as they are chosen among the people of its team who are there."""

from datetime import datetime
from typing import Any

from portal.forms import RefusingForm
from portal.long_lists import PersonField
from quotas.models import Service
from quotas.selectors.onboarding import people_of

FIELD_OF = {
    "owner_not_there": "owner",
    "deputy_not_there": "deputy",
    "deputy_is_owner": "deputy",
}


class OwnersForm(RefusingForm):
    field_of = FIELD_OF
    owner = PersonField(
        label="Owner",
        error_messages={"required": "Choose who answers for it."},
    )
    deputy = PersonField(
        label="Deputy",
        help_text="Acts where the owner is gone.",
        error_messages={"required": "Choose who acts where the owner is gone."},
    )

    def __init__(self, *args: Any, service: Service, at: datetime, **kwargs: Any) -> None:
        now_named = {"owner": service.owner_id, "deputy": service.deputy_id}
        super().__init__(*args, initial=now_named, **kwargs)
        for name in ("owner", "deputy"):
            field = self.fields[name]
            field.queryset = people_of([service.team], at=at)  # type: ignore[attr-defined]
            field.error_messages["invalid_choice"] = "Choose somebody of the list."
