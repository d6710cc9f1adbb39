"""What a test that commits leaves behind: nothing of its own."""

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError, connection
from django.test import TransactionTestCase

from portal.audit import record
from portal.models import AuditRow, User
from portal.tests.emptying import WRITTEN_BY_DJANGO, empty_filled_tables
from quotas.tests.factories import NOON

pytestmark = pytest.mark.django_db(transaction=True)


def filled_tables() -> set[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    found = set()
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {connection.ops.quote_name(name)})")  # noqa: S608
            found |= {name} if cursor.fetchone()[0] else set()
    return found


def test_rows_that_nobody_may_delete_go_too_and_what_django_wrote_stays(cleo: User):
    record("role_granted", f"person:{cleo.pk}", actor_id=cleo.pk, at=NOON)
    permissions = Permission.objects.count()
    assert filled_tables() > WRITTEN_BY_DJANGO
    empty_filled_tables(TransactionTestCase())
    assert filled_tables() == WRITTEN_BY_DJANGO
    assert Permission.objects.count() == permissions


def test_afterwards_triggers_guard_the_audit_again(cleo: User):
    empty_filled_tables(TransactionTestCase())
    record("role_granted", "person:1", actor_id=None, at=NOON)
    with pytest.raises(DatabaseError, match="append-only"):
        AuditRow.objects.all().delete()
