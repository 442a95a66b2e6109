'use strict';

// Fails inside its one transaction: some old appointments have no reason. Nothing of it stays.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.addColumn('appointments', 'reasonCode', {
        type: Sequelize.STRING(12),
        allowNull: true,
      }, { transaction });
      await queryInterface.sequelize.query(
        'ALTER TABLE "appointments" ALTER COLUMN "reason" SET NOT NULL',
        { transaction },
      );
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.sequelize.query(
        'ALTER TABLE "appointments" ALTER COLUMN "reason" DROP NOT NULL',
        { transaction },
      );
      await queryInterface.removeColumn('appointments', 'reasonCode', { transaction });
    });
  },
};
