'use strict';

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    const { BIGINT, DATE, INTEGER, SMALLINT, STRING } = Sequelize;

    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.createTable('immunization_events', {
        id: { type: BIGINT, primaryKey: true, autoIncrement: true },
        patientId: {
          type: INTEGER,
          allowNull: false,
          references: { model: 'patients', key: 'id' },
          onUpdate: 'CASCADE',
          onDelete: 'RESTRICT',
        },
        // As the state registry sends it, for example "CVX-03;MMR;dose 2".
        registryCode: { type: STRING(60), allowNull: false },
        // The bare CVX number; filled by a later migration.
        cvxCode: { type: SMALLINT },
        lotNumber: { type: STRING(20), allowNull: false },
        administeredAt: { type: DATE, allowNull: false },
        createdAt: { type: DATE, allowNull: false },
        updatedAt: { type: DATE, allowNull: false },
      }, { transaction });
      await queryInterface.addIndex('immunization_events', ['patientId'], { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.dropTable('immunization_events');
  },
};
