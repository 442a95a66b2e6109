-- Rows in every table; no project's period meets another's.
INSERT INTO projects (id, code, title, budget, period)
  SELECT g, 'p' || g, 't' || g, g, daterange(DATE '2000-01-01' + g * 2, DATE '2000-01-01' + g * 2 + 1) FROM generate_series(1, 3000) g;
UPDATE projects SET parent_id = id - 1 WHERE id > 1;
INSERT INTO samples (project_id, state, states, live, spot, good, codes, barcode, gross, label, taken, note)
  SELECT g, 'fresh', '{fresh,frozen}', 'frozen', ROW('b', 1)::lab.location, ROW('b', 2)::lab.good_location, '{a,b}', 'bc' || g, g, 'l' || g,
         TIMESTAMP '2024-01-01' + g * interval '1 hour', 'n' FROM generate_series(1, 3000) g;
INSERT INTO lab.machines SELECT g, 'm' || g, NULL, '{"a": 1}' FROM generate_series(1, 3000) g;
INSERT INTO lab.parts SELECT g, g, 'part', 5 FROM generate_series(1, 3000) g;
UPDATE lab.machines SET main_part = id;
INSERT INTO lab.results SELECT g, DATE '2024-01-02' + g % 360, CASE WHEN g % 2 = 0 THEN 'blood' ELSE 'hair' END, 5000 + g % 3000, g % 500 FROM generate_series(1, 9000) g;
INSERT INTO lab.results SELECT g, DATE '2025-01-02' + g % 360, 'blood', 5000 + g % 1000, g % 500 FROM generate_series(1, 3000) g;
INSERT INTO lab.results SELECT g, DATE '2020-01-02' + g % 360, 'skin', NULL, g % 500 FROM generate_series(1, 3000) g;
INSERT INTO lab.results_2026 SELECT g, DATE '2026-01-02' + g % 360, 'blood', 5000 + g % 1000, g % 500 FROM generate_series(1, 3000) g;
INSERT INTO lab.results_2027 SELECT g, DATE '2027-01-02' + g % 360, 'blood', 5000 + g % 1000, g % 500 FROM generate_series(1, 3000) g;
INSERT INTO lab.result_notes SELECT g, g, DATE '2025-01-02' + g % 360, 'blood', 'b' FROM generate_series(1, 3000) g;
INSERT INTO store.boxes SELECT g, CASE WHEN g % 2 = 0 THEN 'cold' ELSE 'warm' END, g FROM generate_series(1, 6000) g;
INSERT INTO store.box_moves SELECT g, CASE WHEN g % 2 = 0 THEN 'cold' ELSE 'warm' END, g, now() FROM generate_series(1, 6000) g;
INSERT INTO store.boxes_spare SELECT g, 'spare', g FROM generate_series(1, 3000) g;
INSERT INTO things SELECT g, 'n', 1 FROM generate_series(1, 3000) g;
INSERT INTO priced SELECT 5, 'n' FROM generate_series(1, 3000) g;
INSERT INTO goods (id, name, size, price, stock) SELECT g, 'n', 1, 5, 9 FROM generate_series(1, 3000) g;
INSERT INTO power_tools (id, name, size, price, stock, watts) SELECT g, 'n', 1, 5, 9, 700 FROM generate_series(1, 3000) g;
INSERT INTO strays SELECT g, 'n', 1, 'x' FROM generate_series(1, 3000) g;
INSERT INTO spots SELECT 'b' || g, g FROM generate_series(1, 3000) g;
INSERT INTO loose_spots SELECT 'b' || g, g FROM generate_series(1, 3000) g;
INSERT INTO visits SELECT int4range(g, g + 1), daterange('2024-01-01', '2024-02-01'), 'g' FROM generate_series(1, 3000) g;
INSERT INTO stays SELECT int4range(g, g + 1), daterange('2024-01-05', '2024-01-20'), 5 FROM generate_series(1, 3000) g;
INSERT INTO places SELECT g, ROW(ROW('b', 1)::lab.location, 'r')::lab.place, 't' FROM generate_series(1, 3000) g;
INSERT INTO "Späte Daten"."Größe" SELECT g, 'x', 'o', g FROM generate_series(1, 3000) g;
INSERT INTO store.inbox SELECT g, 'b', 0 FROM generate_series(1, 3000) g;
INSERT INTO store.bare SELECT g, g, 'c' FROM generate_series(1, 3000) g;
INSERT INTO orders SELECT g, g, 20, 5, CASE WHEN g % 2 = 0 THEN 'open' ELSE 'kept' END FROM generate_series(1, 3000) g;
INSERT INTO order_lines SELECT g, 1, 2 FROM generate_series(1, 3000) g;
INSERT INTO secrets SELECT g, current_user, 'b' FROM generate_series(1, 3000) g;
REFRESH MATERIALIZED VIEW lab.per_kind;
REFRESH MATERIALIZED VIEW lab.many_kinds;
REFRESH MATERIALIZED VIEW lab.overview;
ANALYZE;
