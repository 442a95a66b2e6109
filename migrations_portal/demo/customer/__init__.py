"""The demo's customer: a school-health service with its Sequelize project, two databases and example migrations."""
