"""Recovery codes belong to the person whose app they were given with. Undone, codes of people without an app are lost."""

from django.db import migrations

FILL = """
UPDATE accounts_recovery_code AS code SET person_id = factor.person_id
  FROM accounts_second_factor AS factor WHERE factor.id = code.factor_id
"""
BACK = """
UPDATE accounts_recovery_code AS code SET factor_id = factor.id
  FROM accounts_second_factor AS factor WHERE factor.person_id = code.person_id;
DELETE FROM accounts_recovery_code WHERE factor_id IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("migrations_portal", "0023_pre_passkeys")]
    operations = [migrations.RunSQL(FILL, BACK)]
