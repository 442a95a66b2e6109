'use strict';

// JIRA-1234: keep track of each patient's consent. Everything is nullable or has a constant default, so the
// application that runs now does not notice; one transaction, so a failure leaves nothing behind.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.addColumn('patients', 'consentStatus', {
        type: Sequelize.ENUM('unknown', 'given', 'refused', 'revoked'),
        allowNull: true,
      }, { transaction });
      await queryInterface.addColumn('patients', 'consentRecordedAt', {
        type: Sequelize.DATE,
        allowNull: true,
      }, { transaction });
      await queryInterface.addColumn('patients', 'consentReviewDueOn', {
        type: Sequelize.DATEONLY,
        allowNull: true,
      }, { transaction });
      await queryInterface.addColumn('consents', 'policyVersion', {
        type: Sequelize.STRING(20),
        allowNull: true,
      }, { transaction });
      await queryInterface.addIndex('consents', {
        fields: ['patientId', 'kind', 'givenAt'],
        name: 'consents_patient_kind_given',
        transaction,
      });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.removeIndex('consents', 'consents_patient_kind_given', { transaction });
      await queryInterface.removeColumn('consents', 'policyVersion', { transaction });
      await queryInterface.removeColumn('patients', 'consentReviewDueOn', { transaction });
      await queryInterface.removeColumn('patients', 'consentRecordedAt', { transaction });
      await queryInterface.removeColumn('patients', 'consentStatus', { transaction });
      await queryInterface.sequelize.query('DROP TYPE "enum_patients_consentStatus"', { transaction });
    });
  },
};
