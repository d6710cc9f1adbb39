"""A pull and a compaction of one day wait for each other; two pulls do not."""

import threading
from datetime import date

import pytest
from django.db import connection, transaction

from showback.services.day_locks import own_day, share_days

DAY, OTHER = date(2026, 3, 2), date(2026, 3, 3)
pytestmark = pytest.mark.django_db(transaction=True)


def passes(action, *args) -> bool:
    """Whether another connection gets the lock at once."""
    answers = []

    def run():
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '100ms'")
                action(*args)
            answers.append(True)
        except Exception as error:
            answers.append("lock timeout" not in str(error))
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


def test_pulls_of_one_day_go_on_side_by_side():
    with transaction.atomic():
        share_days([DAY, OTHER])
        assert passes(share_days, [OTHER, DAY])


def test_a_compaction_waits_for_a_pull_of_its_day_alone():
    with transaction.atomic():
        share_days([DAY])
        assert not passes(own_day, DAY)
        assert passes(own_day, OTHER)


def test_a_pull_waits_for_a_compaction_of_any_of_its_days():
    with transaction.atomic():
        own_day(DAY)
        assert not passes(share_days, [OTHER, DAY])
    assert passes(share_days, [OTHER, DAY])
