-- A few rows in every table, so that checks have something to read and foreign keys something to follow.
INSERT INTO doctors (id, name, licence, dept_id) SELECT g, 'd' || g, 'l' || g, g FROM generate_series(1, 3000) g;
INSERT INTO patients (name, email, phone, age, born, seen_at, code, data, extra, tags, address, net, points, bits, took, guardian_id)
  SELECT 'p' || g, 'p' || g || '@x', '1' || g, g % 90, '2000-01-01', '2020-01-01', 'abcde', '{}', '{}', '{a}', '10.0.0.1', '10.0.0.0/8',
         1, B'1010', '1 hour', g FROM generate_series(1, 3000) g;
INSERT INTO visits (patient_id, doctor_id, label, note) SELECT g, 1 + g % 200, 'l' || g, 'n' FROM generate_series(1, 3000) g;
INSERT INTO visit_items (visit_id, pos, price) SELECT g, 1, 2 FROM generate_series(1, 3000) g;
INSERT INTO plain SELECT g, 'b' || g, 'c', g, 'n' FROM generate_series(1, 3000) g;
INSERT INTO pairs SELECT g, g, 'z' FROM generate_series(1, 6000) g;
INSERT INTO pair_refs SELECT g, g FROM generate_series(1, 6000) g;
INSERT INTO typed SELECT 's' || g, 'z' FROM generate_series(1, 3000) g;
INSERT INTO has_composite SELECT g, ROW('s', 'z')::address FROM generate_series(1, 3000) g;
INSERT INTO bookings SELECT g, int4range(g * 10, g * 10 + 5) FROM generate_series(1, 3000) g;
INSERT INTO codes SELECT 'c' || g, g, g, 'l' FROM generate_series(1, 3000) g;
INSERT INTO scratch SELECT g, 'v' FROM generate_series(1, 3000) g;
INSERT INTO clinic.rooms SELECT g, 'r' || g, 1 FROM generate_series(1, 3000) g;
INSERT INTO clinic.beds SELECT g, g, 'b' FROM generate_series(1, 3000) g;
INSERT INTO events SELECT g, date '2023-01-01' + g % 700, 'k', g FROM generate_series(1, 3000) g;
INSERT INTO events SELECT g, date '2019-01-01' + g % 300, 'k', g FROM generate_series(1, 500) g;
INSERT INTO events_2025 SELECT g, date '2025-01-01' + g % 300, 'k', g FROM generate_series(1, 6000) g;
INSERT INTO events_2026 SELECT g, date '2026-01-01' + g % 300, 'k', g FROM generate_series(1, 6000) g;
INSERT INTO regions SELECT g, CASE g % 2 WHEN 0 THEN 'north' ELSE 'south' END, 1 FROM generate_series(1, 6000) g;
INSERT INTO region_notes SELECT g, 'south', 'n' FROM generate_series(1, 500, 2) g;
INSERT INTO hashed SELECT g, 'v' FROM generate_series(1, 6000) g;
INSERT INTO base_person SELECT g, 'n' FROM generate_series(1, 3000) g;
INSERT INTO base_staff SELECT g, 'n', 'j' FROM generate_series(1, 3000) g;
INSERT INTO audit_log (what) SELECT 'x' FROM generate_series(1, 3000);
REFRESH MATERIALIZED VIEW visit_totals;
ANALYZE;
