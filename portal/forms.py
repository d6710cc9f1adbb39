"""What the forms of both apps have in common: what a service refuses stands beside its field."""

from collections.abc import Mapping
from typing import ClassVar

from django import forms

from portal.kernel.errors import DomainError


class RefusingForm(forms.Form):
    """`field_of` says by code which field a refusal is about; others stand at the top of the form,
    and so do those of a field that this form has not.
    """

    field_of: ClassVar[Mapping[str, str]] = {}

    def refuse(self, error: DomainError) -> None:
        """Puts a refusal beside the field that it is about."""
        field = self.field_of.get(error.code)
        self.add_error(field if field in self.fields else None, error.sentence)
