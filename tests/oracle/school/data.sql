INSERT INTO schools ("schoolName", district, opened, phone, pupils) SELECT 's' || g, 'd' || g % 30, '1990-01-01', '0' || g, g % 500 FROM generate_series(1, 3000) g;
INSERT INTO staff (school_id, full_name, mail, second_mail, salary, share, hours, badge, key)
  SELECT g, 'n' || g, 'm' || g || '@x', 'x', 10 + g, g % 100, '8 hours', B'10101010', 'k' FROM generate_series(1, 3000) g;
UPDATE staff SET boss = (SELECT id FROM staff LIMIT 1);
INSERT INTO pupils (school_id, first_name, last_name, born, grade, grades, weight, allergies, code, notes, "guardianPhone", seen)
  SELECT g, 'f' || g, 'l' || g, '2010-01-01', 'a', '{a,b}', 30, '{nuts}', CASE WHEN g < 1000 THEN g::text END, 'note', '01', '2024-01-01' FROM generate_series(1, 3000) g;
INSERT INTO shots (pupil_id, given_on, vaccine, lot, nurse)
  SELECT g, '2024-01-01', 'v' || g % 40, CASE WHEN g % 3 = 0 THEN 'x' END, (SELECT id FROM staff LIMIT 1) FROM generate_series(1, 3000) g;
INSERT INTO reactions SELECT g, g, '2024-01-01', 'v' || g % 40 FROM generate_series(1, 3000) g;
INSERT INTO rooms SELECT g, int4range(g * 10, g * 10 + 5), 1 FROM generate_series(1, 3000) g;
INSERT INTO billing.prices SELECT g, 'EUR' FROM generate_series(1, 3000) g;
INSERT INTO billing.invoices (pupil_id, total) SELECT g, ROW(g, 'EUR')::billing.money_pair FROM generate_series(1, 3000) g;
INSERT INTO billing.lines (invoice_id, pos, cents) SELECT id, 1, 5 FROM billing.invoices;
INSERT INTO "Old Data"."Kids" SELECT g, 'k' || g, g FROM generate_series(1, 3000) g;
INSERT INTO import_rows SELECT 'l', g FROM generate_series(1, 3000) g;
INSERT INTO nothing_much SELECT g, g, 'c' FROM generate_series(1, 3000) g;
INSERT INTO readings SELECT g, timestamptz '2024-01-01' + g * interval '1 minute', g, 'C' FROM generate_series(1, 3000) g;
INSERT INTO readings SELECT 1 + g % 2, timestamptz '2024-04-02' + g * interval '1 minute', g, 'C' FROM generate_series(1, 3000) g;
INSERT INTO readings SELECT 10 + g, timestamptz '2024-05-02' + g * interval '1 minute', g, 'C' FROM generate_series(1, 3000) g;
INSERT INTO readings_q3 SELECT g, timestamptz '2024-07-02' + g * interval '1 minute', g, 'C' FROM generate_series(1, 3000) g;
INSERT INTO readings_old SELECT g, timestamptz '2023-07-02' + g * interval '1 minute', g, 'C' FROM generate_series(1, 3000) g;
INSERT INTO orders SELECT g, CASE g % 4 WHEN 0 THEN 'east' WHEN 1 THEN 'west' WHEN 2 THEN 'mid' ELSE 'far' END, 1 + g % 100, g FROM generate_series(1, 9000) g;
INSERT INTO orders_north SELECT g, 'north', 1 + g % 100, g FROM generate_series(1, 3000) g;
INSERT INTO order_items SELECT id, area, 'x' FROM orders WHERE id % 5 = 0;
INSERT INTO spread SELECT g, 'v' FROM generate_series(1, 9000) g;
INSERT INTO places SELECT g, 'p', 'c' FROM generate_series(1, 3000) g;
INSERT INTO capitals SELECT g, 'p', 'c', 'x' FROM generate_series(1, 3000) g;
INSERT INTO ports SELECT g, 'p', 'c', 5 FROM generate_series(1, 3000) g;
INSERT INTO port_capitals SELECT g, 'p', 'c', 'x', 5 FROM generate_series(1, 3000) g;
INSERT INTO audit.changes (what) SELECT 'w' FROM generate_series(1, 3000);
REFRESH MATERIALIZED VIEW shot_counts;
REFRESH MATERIALIZED VIEW top_shots;
ANALYZE;
