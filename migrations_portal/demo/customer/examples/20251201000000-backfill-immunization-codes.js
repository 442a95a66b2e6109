'use strict';

// Fills immunization_events."cvxCode" from "registryCode" in batches along the key. Each batch is one short
// transaction, so locks are held for milliseconds, and a run that was cut short goes on where it stopped.

const BATCH = 10000;
const PAUSE_MS = 400;

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface) {
    const { sequelize } = queryInterface;
    const [[{ last }]] = await sequelize.query(
      'SELECT COALESCE(MAX("id"), 0)::int AS "last" FROM "immunization_events"',
    );
    for (let from = 0; from < last; from += BATCH) {
      await sequelize.query(
        `UPDATE "immunization_events"
            SET "cvxCode" = substring("registryCode" FROM 'CVX-([0-9]+)')::smallint
          WHERE "id" > ${from} AND "id" <= ${from + BATCH} AND "cvxCode" IS NULL`,
      );
      console.log(`${Math.min(from + BATCH, last)} of ${last} events`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  },

  async down(queryInterface) {
    const { sequelize } = queryInterface;
    const [[{ last }]] = await sequelize.query(
      'SELECT COALESCE(MAX("id"), 0)::int AS "last" FROM "immunization_events"',
    );
    for (let from = 0; from < last; from += BATCH) {
      await sequelize.query(
        `UPDATE "immunization_events" SET "cvxCode" = NULL
          WHERE "id" > ${from} AND "id" <= ${from + BATCH} AND "cvxCode" IS NOT NULL`,
      );
    }
  },
};
