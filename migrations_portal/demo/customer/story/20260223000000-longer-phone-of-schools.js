'use strict';

// JIRA-1371: numbers of schools abroad are longer than the column, so those schools cannot be saved. Only the limit changes; no row is
// written anew.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.query('ALTER TABLE "schools" ALTER COLUMN "phone" TYPE varchar(40)');
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('ALTER TABLE "schools" ALTER COLUMN "phone" TYPE varchar(20)');
  },
};
