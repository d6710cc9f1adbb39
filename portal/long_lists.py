"""Fields that offer a list which grows with the organisation: people, pools, time zones.

Django renders a template for each option, a fifth of a millisecond of it; of a thousand people that
is more than all else that a page does. These widgets write the same markup as one piece of text.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape  # Django's takes texts that are translated late, at ten times the cost
from typing import Any

from django import forms
from django.forms.models import ModelChoiceIterator
from django.forms.utils import flatatt
from django.utils.safestring import SafeString, mark_safe

from portal.models import User
from portal.models.people import NAMES, name_of

Attributes = Mapping[str, Any] | None


class LongSelect(forms.Select):
    """A select of one list of plain texts, in no groups."""

    def render(
        self, name: str, value: Any, attrs: Attributes = None, renderer: Any = None
    ) -> SafeString:
        given = self.build_attrs(self.attrs, {"name": name, **(attrs or {})})
        options = "".join(
            f'<option value="{key}"{" selected" if is_chosen else ""}>{text}</option>'
            for key, text, is_chosen in _escaped(self, value)
        )
        return mark_safe(f"<select{flatatt(given)}>{options}</select>")  # noqa: S308 - escaped


class LongCheckboxes(forms.CheckboxSelectMultiple):
    """A box for each of one list of plain texts."""

    def render(
        self, name: str, value: Any, attrs: Attributes = None, renderer: Any = None
    ) -> SafeString:
        given = self.build_attrs(self.attrs, {"name": name, **(attrs or {})})
        whole = escape(given.pop("id", f"id_{name}"))
        each = flatatt(given)
        boxes = "".join(
            f'<div><label for="{whole}_{place}"><input type="checkbox"{each} value="{key}" '
            f'id="{whole}_{place}"{" checked" if is_chosen else ""}> {text}</label></div>'
            for place, (key, text, is_chosen) in enumerate(_escaped(self, value))
        )
        around = flatatt({"id": whole, "class": given.get("class")})
        return mark_safe(f"<div{around}>{boxes}</div>")  # noqa: S308 - escaped


def _escaped(widget: forms.widgets.ChoiceWidget, value: Any) -> Iterator[tuple[str, str, bool]]:
    """Value, text, and whether it is chosen."""
    chosen = set(widget.format_value(value))
    choices: Iterable[tuple[Any, str]] = widget.choices
    for key, text in choices:
        yield escape(str(key)), escape(str(text)), str(key) in chosen


class _Names(ModelChoiceIterator):
    """Of people no more than their names is read, at one go."""

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        for key, *names in self.queryset.values_list("pk", *NAMES):
            yield key, name_of(*names)


class PersonField(forms.ModelChoiceField):
    """One of the people whom the form sets as its `queryset`."""

    iterator = _Names
    widget = LongSelect

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(User.objects.none(), **kwargs)


class PeopleField(forms.ModelMultipleChoiceField):
    """Any of the people whom the form sets as its `queryset`."""

    iterator = _Names
    widget = LongCheckboxes

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(User.objects.none(), **kwargs)
