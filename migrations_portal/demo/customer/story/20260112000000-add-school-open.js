'use strict';

// JIRA-1310: schools that have closed stay on record. Every school of today is open, so the default is right for all rows.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.addColumn('schools', 'isOpen', {
      type: Sequelize.BOOLEAN,
      allowNull: false,
      defaultValue: true,
    });
  },

  async down(queryInterface) {
    await queryInterface.removeColumn('schools', 'isOpen');
  },
};
