'use strict';

// Succeeds, but does not do all that its plan promises: students whose home language was never asked keep NULL,
// and the plan's own check ("every student has a preferred language") fails after it.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.addColumn('students', 'preferredLanguage', {
        type: Sequelize.STRING(40),
        allowNull: true,
      }, { transaction });
      await queryInterface.sequelize.query(
        'UPDATE "students" SET "preferredLanguage" = "homeLanguage" WHERE "homeLanguage" IS NOT NULL',
        { transaction },
      );
    });
  },

  async down(queryInterface) {
    await queryInterface.removeColumn('students', 'preferredLanguage');
  },
};
