'use strict';

// Written without a transaction, and fails half way: the column is added, then the constraint finds medications
// that end before they start. The file is not recorded as applied, yet the schema has moved.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.addColumn('medications', 'reviewedAt', {
      type: Sequelize.DATE,
      allowNull: true,
    });
    await queryInterface.sequelize.query(
      'ALTER TABLE "medications" ADD CONSTRAINT "medications_end_after_start" CHECK ("endsOn" >= "startsOn")',
    );
  },

  async down(queryInterface) {
    await queryInterface.removeConstraint('medications', 'medications_end_after_start');
    await queryInterface.removeColumn('medications', 'reviewedAt');
  },
};
