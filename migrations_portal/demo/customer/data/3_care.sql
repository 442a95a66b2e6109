INSERT INTO health_records (id, "studentId", "recordedBy", kind, "recordedAt", "temperatureC", "heightCm", "weightKg",
                            note, "createdAt", "updatedAt")
SELECT i, 1 + pg_temp.pick(i, 50, students), 1 + pg_temp.pick(i, 51, members),
       (ARRAY['visit', 'visit', 'visit', 'screening', 'injury', 'illness', 'illness', 'follow_up'])
           [1 + pg_temp.pick(i, 52, 8)]::"enum_health_records_kind",
       at,
       CASE WHEN i % 2 = 0 THEN 36.2 + pg_temp.pick(i, 53, 28) / 10.0 END,
       CASE WHEN i % 8 = 3 THEN 105 + pg_temp.pick(i, 54, 800) / 10.0 END,
       CASE WHEN i % 8 = 3 THEN 18 + pg_temp.pick(i, 55, 600) / 10.0 END,
       pg_temp.one_of(i, 56, ARRAY['Headache after recess, rested for 20 minutes.', 'Scraped knee, cleaned and dressed.',
           'Fever, guardian called and took the student home.', 'Vision screening passed.',
           'Hearing screening passed.', 'Stomach ache, returned to class.', 'Asthma, two puffs of the own inhaler.',
           'Nosebleed, stopped after five minutes.', 'Follow-up after the concussion of last week, no complaint.',
           'Glucose checked before lunch.']),
       at, at
FROM (SELECT count(*)::int AS students FROM students), (SELECT count(*)::int AS members FROM users),
     (SELECT pg_temp.share(6200) AS records), generate_series(1, records) AS i,
     LATERAL (SELECT pg_temp.school_hour(i, records) AS at);

-- One in 97 ends before it starts: old typing errors, which no constraint forbids yet.
INSERT INTO medications (id, "studentId", name, dose, route, "prescribedBy", "startsOn", "endsOn", "createdAt",
                         "updatedAt")
SELECT i, 1 + pg_temp.pick(i, 60, students), drug[1], drug[2], drug[3]::"enum_medications_route",
       'Dr. ' || pg_temp.one_of(i, 62, last_names), at::date,
       CASE WHEN i % 97 = 0 THEN at::date - 30 WHEN i % 3 <> 0 THEN at::date + 30 + pg_temp.pick(i, 63, 300) END,
       at, at
FROM words, (SELECT count(*)::int AS students FROM students), (SELECT pg_temp.share(800) AS prescriptions),
     generate_series(1, prescriptions) AS i,
     LATERAL (SELECT pg_temp.school_hour(i, prescriptions) AS at,
                     string_to_array(pg_temp.one_of(i, 61, ARRAY['Albuterol|90 mcg|inhaled', 'Ibuprofen|200 mg|oral',
                         'Methylphenidate|10 mg|oral', 'Insulin lispro|4 units|injected', 'Cetirizine|5 mg|oral',
                         'Epinephrine|0.3 mg|injected', 'Hydrocortisone|1 %|topical', 'Amoxicillin|250 mg|oral',
                         'Levetiracetam|500 mg|oral', 'Fluticasone|44 mcg|inhaled']), '|') AS drug);

INSERT INTO consents (id, "patientId", kind, "givenBy", relationship, "givenAt", "revokedAt", "documentKey",
                      "createdAt", "updatedAt")
SELECT i, 1 + pg_temp.pick(i, 70, patients),
       (ARRAY['treatment', 'treatment', 'medication', 'immunization', 'data_sharing'])
           [1 + pg_temp.pick(i, 71, 5)]::"enum_consents_kind",
       pg_temp.one_of(i, 72, first_names) || ' ' || pg_temp.one_of(i, 73, last_names),
       (ARRAY['mother', 'mother', 'father', 'guardian'])[1 + pg_temp.pick(i, 74, 4)]::"enum_consents_relationship",
       at, CASE WHEN i % 31 = 0 THEN at + interval '90 days' END,
       'consents/' || to_char(at AT TIME ZONE 'UTC', 'YYYY/MM/') || lpad(i::text, 8, '0') || '.pdf', at, at
FROM words, (SELECT count(*)::int AS patients FROM patients), (SELECT pg_temp.share(1600) AS signed),
     generate_series(1, signed) AS i, LATERAL (SELECT pg_temp.school_hour(i, signed) AS at);

INSERT INTO orders (id, "patientId", "orderedBy", item, quantity, "statusOld", "createdAt", "updatedAt")
SELECT i, 1 + pg_temp.pick(i, 80, patients), 1 + pg_temp.pick(i, 81, members),
       pg_temp.one_of(i, 82, ARRAY['spare inhaler', 'glucose test strips', 'auto-injector', 'vision referral',
                                   'dental referral', 'lab panel', 'crutches', 'wound dressing set']),
       1 + pg_temp.pick(i, 83, 4),
       (ARRAY['new', 'in_progress', 'done', 'done', 'done', 'done', 'stopped'])[1 + pg_temp.pick(i, 84, 7)], at, at
FROM (SELECT count(*)::int AS patients FROM patients), (SELECT count(*)::int AS members FROM users),
     (SELECT pg_temp.share(900) AS ordered), generate_series(1, ordered) AS i,
     LATERAL (SELECT pg_temp.school_hour(i, ordered) AS at);

-- One in 29 has no reason: the field came later.
INSERT INTO appointments (id, "studentId", "nurseId", "startsAt", minutes, reason, status, "createdAt", "updatedAt")
SELECT i, 1 + pg_temp.pick(i, 90, students), 1 + pg_temp.pick(i, 91, members), at + interval '3 days',
       (ARRAY[10, 15, 15, 20, 30])[1 + pg_temp.pick(i, 92, 5)],
       CASE WHEN i % 29 <> 0 THEN pg_temp.one_of(i, 93, ARRAY['medication check', 'vision screening', 'vaccination',
           'allergy plan', 'sports physical', 'diabetes check', 'return after illness']) END,
       (ARRAY['kept', 'kept', 'kept', 'kept', 'missed', 'cancelled'])
           [1 + pg_temp.pick(i, 94, 6)]::"enum_appointments_status", at, at
FROM (SELECT count(*)::int AS students FROM students), (SELECT count(*)::int AS members FROM users),
     (SELECT pg_temp.share(1500) AS booked), generate_series(1, booked) AS i,
     LATERAL (SELECT pg_temp.school_hour(i, booked) AS at);

INSERT INTO immunization_events (id, "patientId", "registryCode", "lotNumber", "administeredAt", "createdAt",
                                 "updatedAt")
SELECT i, 1 + pg_temp.pick(i, 100, patients),
       pg_temp.one_of(i, 101, ARRAY['CVX-03;MMR', 'CVX-21;Varicella', 'CVX-20;DTaP', 'CVX-10;IPV', 'CVX-08;HepB',
                                    'CVX-115;Tdap', 'CVX-62;HPV', 'CVX-114;MenACWY', 'CVX-141;Influenza'])
           || ';dose ' || 1 + pg_temp.pick(i, 102, 3),
       'L' || upper(substr(md5(i::text), 1, 7)), at, at, at
FROM (SELECT count(*)::int AS patients FROM patients), (SELECT pg_temp.share(8000) AS events),
     generate_series(1, events) AS i, LATERAL (SELECT pg_temp.school_hour(i, events) AS at);
