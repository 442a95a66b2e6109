'use strict';

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.addColumn('students', 'emergencyContactName', {
        type: Sequelize.STRING(120),
        allowNull: true,
      }, { transaction });
      await queryInterface.addColumn('students', 'emergencyContactPhone', {
        type: Sequelize.STRING(20),
        allowNull: true,
      }, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.removeColumn('students', 'emergencyContactPhone', { transaction });
      await queryInterface.removeColumn('students', 'emergencyContactName', { transaction });
    });
  },
};
