'use strict';

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    const { DATE, DATEONLY, DECIMAL, ENUM, INTEGER, STRING, TEXT } = Sequelize;
    const id = { type: INTEGER, primaryKey: true, autoIncrement: true };
    const stamps = {
      createdAt: { type: DATE, allowNull: false },
      updatedAt: { type: DATE, allowNull: false },
    };
    const link = (model, allowNull = false) => ({
      type: INTEGER,
      allowNull,
      references: { model, key: 'id' },
      onUpdate: 'CASCADE',
      onDelete: 'RESTRICT',
    });

    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.createTable('patients', {
        id,
        studentId: { ...link('students', true), unique: true },
        userId: { ...link('users', true), unique: true },
        medicalRecordNumber: { type: STRING(20), allowNull: false, unique: true },
        bloodType: { type: ENUM('A+', 'A-', 'B+', 'B-', 'AB+', 'AB-', 'O+', 'O-') },
        allergies: { type: TEXT },
        primaryPhysician: { type: STRING(120) },
        insurancePolicy: { type: STRING(40) },
        ...stamps,
      }, { transaction });

      await queryInterface.createTable('health_records', {
        id,
        studentId: link('students'),
        recordedBy: link('users'),
        kind: {
          type: ENUM('visit', 'screening', 'injury', 'illness', 'follow_up'),
          allowNull: false,
        },
        recordedAt: { type: DATE, allowNull: false },
        temperatureC: { type: DECIMAL(3, 1) },
        heightCm: { type: DECIMAL(4, 1) },
        weightKg: { type: DECIMAL(4, 1) },
        note: { type: TEXT, allowNull: false },
        ...stamps,
      }, { transaction });
      await queryInterface.addIndex('health_records', ['studentId'], { transaction });
      await queryInterface.addIndex('health_records', ['recordedBy'], { transaction });

      await queryInterface.createTable('medications', {
        id,
        studentId: link('students'),
        name: { type: STRING(80), allowNull: false },
        dose: { type: STRING(40), allowNull: false },
        route: { type: ENUM('oral', 'inhaled', 'injected', 'topical'), allowNull: false },
        prescribedBy: { type: STRING(120), allowNull: false },
        startsOn: { type: DATEONLY, allowNull: false },
        endsOn: { type: DATEONLY },
        ...stamps,
      }, { transaction });
      await queryInterface.addIndex('medications', ['studentId'], { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.dropTable('medications', { transaction });
      await queryInterface.dropTable('health_records', { transaction });
      await queryInterface.dropTable('patients', { transaction });
      const types = ['enum_medications_route', 'enum_health_records_kind', 'enum_patients_bloodType'];
      for (const type of types) {
        await queryInterface.sequelize.query(`DROP TYPE IF EXISTS "${type}"`, { transaction });
      }
    });
  },
};
