-- Rows were written with their numbers; the sequences go on after them.
SELECT setval(pg_get_serial_sequence(format('%I', table_name), 'id'), last_id)
FROM (SELECT 'schools' AS table_name, max(id)::bigint AS last_id FROM schools
      UNION ALL SELECT 'users', max(id) FROM users
      UNION ALL SELECT 'students', max(id) FROM students
      UNION ALL SELECT 'patients', max(id) FROM patients
      UNION ALL SELECT 'health_records', max(id) FROM health_records
      UNION ALL SELECT 'medications', max(id) FROM medications
      UNION ALL SELECT 'consents', max(id) FROM consents
      UNION ALL SELECT 'orders', max(id) FROM orders
      UNION ALL SELECT 'appointments', max(id) FROM appointments
      UNION ALL SELECT 'immunization_events', max(id) FROM immunization_events);

ANALYZE;
