"""No transaction ends with a split rule whose shares do not sum to 10,000 basis points."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION headroom_shares_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
    together bigint;
BEGIN
    IF TG_TABLE_NAME = 'showback_split_rule' THEN
        changed := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        changed := OLD.rule_id;
    ELSE
        changed := NEW.rule_id;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM showback_split_rule WHERE id = changed) THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(sum(basis_points), 0) INTO together
        FROM showback_split_share WHERE rule_id = changed;
    IF together <> 10000 THEN
        RAISE EXCEPTION 'the shares of split rule % sum to % basis points, not to 10000',
            changed, together USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def checked(table: str, events: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        sql=f"CREATE CONSTRAINT TRIGGER {table}_whole AFTER {events} ON {table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION headroom_shares_are_whole()",
        reverse_sql=f"DROP TRIGGER IF EXISTS {table}_whole ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("showback", "0004_shared_deployments")]
    operations = [
        migrations.RunSQL(
            sql=FUNCTION, reverse_sql="DROP FUNCTION IF EXISTS headroom_shares_are_whole()"
        ),
        checked("showback_split_rule", "INSERT"),
        checked("showback_split_share", "INSERT OR UPDATE OR DELETE"),
    ]
