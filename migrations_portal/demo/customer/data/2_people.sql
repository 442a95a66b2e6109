INSERT INTO schools (id, name, district, city, state, phone, "createdAt", "updatedAt")
SELECT i,
       pg_temp.one_of(i, 1, ARRAY['Cedar Hill', 'Riverside', 'Lincoln', 'Maple Grove', 'Oak Ridge', 'Washington',
                                  'Sunnyside', 'Harbor View', 'Franklin', 'Meadow Brook'])
           || ' ' || pg_temp.one_of(i, 2, ARRAY['Elementary', 'Middle School', 'High School', 'Academy']) || ' ' || i,
       'District ' || 1 + i % 9,
       pg_temp.one_of(i, 3, ARRAY['Albany', 'Dayton', 'Lowell', 'Trenton', 'Macon', 'Dover', 'Erie', 'Salem']),
       pg_temp.one_of(i, 4, ARRAY['NY', 'OH', 'MA', 'NJ', 'GA', 'DE', 'PA', 'VA']),
       pg_temp.phone(i, 5),
       '2023-07-03 14:00:00+00', '2023-07-03 14:00:00+00'
FROM generate_series(1, greatest(4, pg_temp.share(2))) AS i;

INSERT INTO users (id, email, "fullName", role, "schoolId", "isActive", "lastLoginAt", "createdAt", "updatedAt")
SELECT i,
       lower(first || '.' || last || '.' || i || '@schools.example'),
       first || ' ' || last,
       (ARRAY['nurse', 'nurse', 'nurse', 'counselor', 'physician', 'administrator'])[1 + i % 6]::"enum_users_role",
       1 + pg_temp.pick(i, 12, schools), i % 23 <> 0,
       CASE WHEN i % 11 <> 0 THEN pg_temp.school_hour(i, members) END,
       '2023-07-10 14:00:00+00', '2023-07-10 14:00:00+00'
FROM words, (SELECT count(*)::int AS schools, greatest(12, pg_temp.share(16)) AS members FROM schools),
     generate_series(1, members) AS i,
     LATERAL (SELECT pg_temp.one_of(i, 10, first_names) AS first, pg_temp.one_of(i, 11, last_names) AS last);

INSERT INTO students (id, "schoolId", "studentNumber", "firstName", "lastName", "dateOfBirth", gender, "gradeLevel",
                      "homeLanguage", "guardianName", "guardianPhone", "enrolledOn", status, "emergencyContactName",
                      "emergencyContactPhone", "createdAt", "updatedAt")
SELECT i, 1 + pg_temp.pick(i, 20, schools), 'S' || lpad(i::text, 7, '0'), first, last,
       date '2025-09-01' - (5 + grade) * 365 - pg_temp.pick(i, 24, 365),
       CASE WHEN i % 97 = 0 THEN 'nonbinary' WHEN i % 89 = 0 THEN 'undisclosed'
            WHEN pg_temp.pick(i, 25, 2) = 0 THEN 'female' ELSE 'male' END::"enum_students_gender",
       grade,
       CASE WHEN i % 53 <> 0 THEN (ARRAY['English', 'English', 'English', 'English', 'Spanish', 'Spanish', 'Vietnamese',
                                         'Arabic', 'Mandarin', 'Haitian Creole'])[1 + pg_temp.pick(i, 26, 10)] END,
       pg_temp.one_of(i, 27, first_names) || ' ' || last, pg_temp.phone(i, 28),
       (timestamptz '2023-08-15' + make_interval(days => pg_temp.pick(i, 29, 780)))::date,
       CASE WHEN i % 41 = 0 THEN 'transferred' WHEN grade = 12 AND i % 5 = 0 THEN 'graduated'
            ELSE 'enrolled' END::"enum_students_status",
       CASE WHEN i % 3 <> 0 THEN pg_temp.one_of(i, 30, first_names) || ' ' || last END,
       CASE WHEN i % 3 <> 0 THEN pg_temp.phone(i, 31) END,
       timestamptz '2023-08-01 14:00:00+00' + make_interval(secs => i),
       timestamptz '2025-09-02 14:00:00+00' + make_interval(secs => i)
FROM words, (SELECT count(*)::int AS schools FROM schools), generate_series(1, pg_temp.share(1000)) AS i,
     LATERAL (SELECT pg_temp.one_of(i, 21, first_names) AS first, pg_temp.one_of(i, 22, last_names) AS last,
                     pg_temp.pick(i, 23, 13) AS grade);

-- Every student is a patient of the school clinic, and so is each third member of staff.
INSERT INTO patients (id, "studentId", "userId", "medicalRecordNumber", "bloodType", allergies, "primaryPhysician",
                      "insurancePolicy", "createdAt", "updatedAt")
SELECT i, student, member, 'MRN' || lpad(i::text, 8, '0'),
       (ARRAY['O+', 'O+', 'O+', 'A+', 'A+', 'A+', 'B+', 'O-', 'A-', 'AB+', 'B-', 'AB-', NULL, NULL, NULL, NULL])
           [1 + pg_temp.pick(i, 40, 16)]::"enum_patients_bloodType",
       CASE WHEN pg_temp.pick(i, 41, 5) = 0 THEN pg_temp.one_of(i, 42, ARRAY['peanuts', 'penicillin', 'bee stings',
            'latex', 'shellfish', 'tree nuts; carries an auto-injector', 'dairy', 'pollen']) END,
       'Dr. ' || pg_temp.one_of(i, 43, last_names),
       CASE WHEN i % 9 <> 0 THEN 'WC-' || lpad(pg_temp.pick(i, 44, 100000000)::text, 8, '0') END,
       timestamptz '2024-02-20 14:00:00+00' + make_interval(secs => i),
       timestamptz '2025-09-02 14:00:00+00' + make_interval(secs => i)
FROM words, (SELECT id::bigint AS i, id AS student, NULL::int AS member FROM students
             UNION ALL
             SELECT (SELECT max(id) FROM students) + id / 3, NULL, id FROM users WHERE id % 3 = 0);
