import pytest

from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.risk.calls import line_of

FILE = """'use strict';
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.addColumn('patients', 'consentAt', {
      type: Sequelize.DATE,
    });
    await queryInterface.addColumn('patients', 'consentBy', { type: Sequelize.STRING });
    await queryInterface.addIndex('patients', ['consentAt'], { name: 'patients_consent_at' });
    await queryInterface.sequelize.query(`
      UPDATE "patients" SET "consentBy" = 'parents'
    `);
    await queryInterface.sequelize.query('SELECT 1');
    for (const name of ['a', 'b']) {
      await queryInterface.addColumn('visits', name, { type: Sequelize.TEXT });
    }
  },
  async down(queryInterface) {
    await queryInterface.removeColumn('patients', 'consentAt');
    await queryInterface.removeColumn('patients', 'consentBy');
  },
};
"""


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ('ALTER TABLE "public"."patients" ADD COLUMN "consentAt" TIMESTAMP WITH TIME ZONE;', 4),
        ('ALTER TABLE "public"."patients" ADD COLUMN "consentBy" VARCHAR(255);', 7),
        ('CREATE INDEX "patients_consent_at" ON "patients" ("consentAt")', 8),
        ('UPDATE "patients" SET "consentBy" = \'parents\'', 9),
        ('DROP TABLE "patients"', None),
        ('ALTER TABLE "public"."visits" ADD COLUMN "a" TEXT;', None),
        ("", None),
    ],
)
def test_a_statement_is_led_back_to_its_call(sql, line) -> None:
    assert line_of(sql, text=FILE, down=False) == line


def test_the_way_back_has_its_own_calls() -> None:
    sql = 'ALTER TABLE "public"."patients" DROP COLUMN "consentBy";'

    assert line_of(sql, text=FILE, down=True) == 19
    assert line_of(sql, text=FILE, down=False) is None


@pytest.mark.parametrize("text", ["", "(((", ".query(" * 500, "no code at all"])
def test_any_text_is_borne(text) -> None:
    assert line_of('ALTER TABLE "a" ADD COLUMN "bc" text', text=text, down=False) is None


def test_the_customers_example_is_led_back() -> None:
    text = CONSENT_TRACKING.content.decode()
    sql = 'ALTER TABLE "public"."patients" ADD COLUMN "consentRecordedAt" TIMESTAMP WITH TIME ZONE;'

    line = line_of(sql, text=text, down=False)

    assert line is None or "consentRecordedAt" in "\n".join(text.splitlines()[line - 1 : line + 4])
