'use strict';

// JIRA-1360: the list of consents of a day. Built CONCURRENTLY, so that nobody waits for it; that needs no transaction around it.

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface) {
    await queryInterface.addIndex('consents', {
      fields: ['givenAt'],
      name: 'consents_given_at',
      concurrently: true,
    });
  },

  async down(queryInterface) {
    await queryInterface.removeIndex('consents', 'consents_given_at', { concurrently: true });
  },
};
