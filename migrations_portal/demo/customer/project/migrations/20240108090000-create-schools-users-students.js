'use strict';

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    const { BOOLEAN, DATE, DATEONLY, ENUM, INTEGER, SMALLINT, STRING } = Sequelize;
    const id = { type: INTEGER, primaryKey: true, autoIncrement: true };
    const stamps = {
      createdAt: { type: DATE, allowNull: false },
      updatedAt: { type: DATE, allowNull: false },
    };

    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.createTable('schools', {
        id,
        name: { type: STRING(160), allowNull: false },
        district: { type: STRING(120), allowNull: false },
        city: { type: STRING(80), allowNull: false },
        state: { type: STRING(2), allowNull: false },
        phone: { type: STRING(20), allowNull: false },
        timeZone: { type: STRING(60), allowNull: false, defaultValue: 'America/New_York' },
        ...stamps,
      }, { transaction });

      await queryInterface.createTable('users', {
        id,
        email: { type: STRING(254), allowNull: false, unique: true },
        fullName: { type: STRING(120), allowNull: false },
        role: { type: ENUM('nurse', 'counselor', 'physician', 'administrator'), allowNull: false },
        schoolId: {
          type: INTEGER,
          allowNull: false,
          references: { model: 'schools', key: 'id' },
          onUpdate: 'CASCADE',
          onDelete: 'RESTRICT',
        },
        isActive: { type: BOOLEAN, allowNull: false, defaultValue: true },
        lastLoginAt: { type: DATE },
        ...stamps,
      }, { transaction });
      await queryInterface.addIndex('users', ['schoolId'], { transaction });

      await queryInterface.createTable('students', {
        id,
        schoolId: {
          type: INTEGER,
          allowNull: false,
          references: { model: 'schools', key: 'id' },
          onUpdate: 'CASCADE',
          onDelete: 'RESTRICT',
        },
        studentNumber: { type: STRING(20), allowNull: false, unique: true },
        firstName: { type: STRING(60), allowNull: false },
        lastName: { type: STRING(60), allowNull: false },
        dateOfBirth: { type: DATEONLY, allowNull: false },
        gender: { type: ENUM('female', 'male', 'nonbinary', 'undisclosed'), allowNull: false },
        gradeLevel: { type: SMALLINT, allowNull: false },
        homeLanguage: { type: STRING(40) },
        guardianName: { type: STRING(120), allowNull: false },
        guardianPhone: { type: STRING(20), allowNull: false },
        enrolledOn: { type: DATEONLY, allowNull: false },
        status: {
          type: ENUM('enrolled', 'transferred', 'graduated'),
          allowNull: false,
          defaultValue: 'enrolled',
        },
        ...stamps,
      }, { transaction });
      await queryInterface.addIndex('students', ['schoolId'], { transaction });
      await queryInterface.addIndex('students', ['lastName', 'firstName'], { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.dropTable('students', { transaction });
      await queryInterface.dropTable('users', { transaction });
      await queryInterface.dropTable('schools', { transaction });
      for (const type of ['enum_students_gender', 'enum_students_status', 'enum_users_role']) {
        await queryInterface.sequelize.query(`DROP TYPE IF EXISTS "${type}"`, { transaction });
      }
    });
  },
};
