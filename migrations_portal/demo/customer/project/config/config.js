'use strict';

// Where to connect comes from PostgreSQL's own variables, so one file serves every environment and holds no secret.
const connection = {
  dialect: 'postgres',
  host: process.env.PGHOST || '127.0.0.1',
  port: Number(process.env.PGPORT || 5432),
  database: process.env.PGDATABASE,
  username: process.env.PGUSER,
  password: process.env.PGPASSWORD,
};

module.exports = { development: connection, staging: connection, production: connection };
