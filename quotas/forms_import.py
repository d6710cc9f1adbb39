"""A file of people, as it is handed in: chosen, or as it was checked just before."""

from typing import Any

from django import forms

from quotas.domain.people_csv import MOST_BYTES


class PeopleForm(forms.Form):
    """`text` is the file as it was checked, so that nobody has to choose it a second time."""

    file = forms.FileField(
        label="CSV file",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text="At most 1 MB. Nothing is written before you have seen what would change.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].required = not self.data.get("text")

    @property
    def content(self) -> bytes:
        """One byte more than an import takes at most."""
        file = self.cleaned_data.get("file")
        if file:
            return bytes(file.read(MOST_BYTES + 1))
        return str(self.cleaned_data["text"]).encode()
