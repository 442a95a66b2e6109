'use strict';

// JIRA-1341: the daily report reads records of one day.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface) {
    await queryInterface.addIndex('health_records', {
      fields: ['recordedAt'],
      name: 'health_records_recorded_at',
    });
  },

  async down(queryInterface) {
    await queryInterface.removeIndex('health_records', 'health_records_recorded_at');
  },
};
