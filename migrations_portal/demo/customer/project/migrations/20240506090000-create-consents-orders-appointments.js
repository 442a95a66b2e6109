'use strict';

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    const { DATE, ENUM, INTEGER, SMALLINT, STRING } = Sequelize;
    const id = { type: INTEGER, primaryKey: true, autoIncrement: true };
    const stamps = {
      createdAt: { type: DATE, allowNull: false },
      updatedAt: { type: DATE, allowNull: false },
    };
    const link = (model) => ({
      type: INTEGER,
      allowNull: false,
      references: { model, key: 'id' },
      onUpdate: 'CASCADE',
      onDelete: 'RESTRICT',
    });

    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.createTable('consents', {
        id,
        patientId: link('patients'),
        kind: {
          type: ENUM('treatment', 'medication', 'immunization', 'data_sharing'),
          allowNull: false,
        },
        givenBy: { type: STRING(120), allowNull: false },
        relationship: { type: ENUM('mother', 'father', 'guardian', 'self'), allowNull: false },
        givenAt: { type: DATE, allowNull: false },
        revokedAt: { type: DATE },
        documentKey: { type: STRING(80), allowNull: false },
        ...stamps,
      }, { transaction });
      await queryInterface.addIndex('consents', ['patientId'], { transaction });

      await queryInterface.createTable('orders', {
        id,
        patientId: link('patients'),
        orderedBy: link('users'),
        item: { type: STRING(80), allowNull: false },
        quantity: { type: SMALLINT, allowNull: false },
        statusOld: { type: STRING(20), allowNull: false },
        ...stamps,
      }, { transaction });
      await queryInterface.addIndex('orders', ['patientId'], { transaction });
      await queryInterface.addIndex('orders', ['orderedBy'], { transaction });

      await queryInterface.createTable('appointments', {
        id,
        studentId: link('students'),
        nurseId: link('users'),
        startsAt: { type: DATE, allowNull: false },
        minutes: { type: SMALLINT, allowNull: false },
        reason: { type: STRING(120) },
        status: {
          type: ENUM('booked', 'kept', 'missed', 'cancelled'),
          allowNull: false,
          defaultValue: 'booked',
        },
        ...stamps,
      }, { transaction });
      await queryInterface.addIndex('appointments', ['studentId'], { transaction });
      await queryInterface.addIndex('appointments', ['nurseId'], { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.dropTable('appointments', { transaction });
      await queryInterface.dropTable('orders', { transaction });
      await queryInterface.dropTable('consents', { transaction });
      const types = ['enum_appointments_status', 'enum_consents_kind', 'enum_consents_relationship'];
      for (const type of types) {
        await queryInterface.sequelize.query(`DROP TYPE IF EXISTS "${type}"`, { transaction });
      }
    });
  },
};
