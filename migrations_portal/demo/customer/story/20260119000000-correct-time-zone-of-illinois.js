'use strict';

// JIRA-1322: schools in Illinois were imported with the default time zone; reminders go out an hour early.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.sequelize.query(
        `UPDATE "schools" SET "timeZone" = 'America/Chicago' WHERE "state" = 'IL' AND "timeZone" = 'America/New_York'`,
        { transaction },
      );
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.sequelize.query(
        `UPDATE "schools" SET "timeZone" = 'America/New_York' WHERE "state" = 'IL' AND "timeZone" = 'America/Chicago'`,
        { transaction },
      );
    });
  },
};
