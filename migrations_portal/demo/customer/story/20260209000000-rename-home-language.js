'use strict';

// JIRA-1350: one word for it everywhere.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface) {
    await queryInterface.renameColumn('students', 'homeLanguage', 'preferredLanguage');
  },

  async down(queryInterface) {
    await queryInterface.renameColumn('students', 'preferredLanguage', 'homeLanguage');
  },
};
