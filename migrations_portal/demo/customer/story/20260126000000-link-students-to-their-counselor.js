'use strict';

// JIRA-1330: each student may have a counselor. The column is nullable; the foreign key is what makes it critical.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.addColumn('students', 'counselorId', {
        type: Sequelize.INTEGER,
        allowNull: true,
        references: { model: 'users', key: 'id' },
        onUpdate: 'CASCADE',
        onDelete: 'SET NULL',
      }, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.removeColumn('students', 'counselorId');
  },
};
