'use strict';

// JIRA-1301: how severe an allergy is, so that the nurse sees it first. Nullable, so nothing that runs now notices.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.addColumn('patients', 'allergySeverity', {
      type: Sequelize.STRING(20),
      allowNull: true,
    });
  },

  async down(queryInterface) {
    await queryInterface.removeColumn('patients', 'allergySeverity');
  },
};
