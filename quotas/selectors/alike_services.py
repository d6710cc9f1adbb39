"""Every service in use, prepared to be compared with what is nobody's yet."""

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import Case, JSONField, TextField, Value, When
from django.db.models.functions import MD5, Cast, Coalesce, JSONArray
from django.db.models.lookups import Exact

from quotas.models import Service
from quotas.selectors.alike import Alike, Named

# The last that this process prepared, with the digest of their names.
_at_hand: tuple[str, Alike] = ("", Alike([]))


def services_in_use() -> Alike:
    """By name; of all teams, so for people who see them all. One query.

    To prepare a thousand of them takes longer than most pages do. So they are kept, and the
    database brings them only where they are not, to the letter, those at hand: never old ones.
    """
    global _at_hand
    known, alike = _at_hand
    names = JSONBAgg(JSONArray("pk", "slug", "name", "team__name"), order_by=["name", "pk"])
    digest = MD5(Coalesce(Cast(names, TextField()), Value("", TextField())))
    if_others = Case(
        When(Exact(digest, known), then=Value(None)), default=names, output_field=JSONField()
    )
    rows = Service.objects.in_use().order_by()
    found = rows.aggregate(digest=digest, names=if_others)
    if found["digest"] != known:
        alike = Alike([Named(*each) for each in found["names"] or ()])
        _at_hand = found["digest"], alike
    return alike
