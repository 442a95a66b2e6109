-- Everything is computed from row numbers by a hash, never from random(): the same scale gives the same data.
-- The session sets wco.students, the number of students.

-- A number from 0 to n - 1 that depends on the row and on what it is for.
CREATE FUNCTION pg_temp.pick(row_number bigint, purpose int, n int) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((hashint8extended(row_number, purpose) & 2147483647) % n)::int;

CREATE FUNCTION pg_temp.one_of(row_number bigint, purpose int, words text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN words[1 + pg_temp.pick(row_number, purpose, array_length(words, 1))];

-- A moment in school hours between August 2023 and October 2025; rows with higher numbers are later.
-- (STABLE, as adding an interval to an instant is: a function that claims more than its body is not inlined.)
CREATE FUNCTION pg_temp.school_hour(row_number bigint, rows_in_all bigint) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN timestamptz '2023-08-15 12:00:00+00'
    + make_interval(days => (row_number * 807 / rows_in_all)::int)
    + make_interval(secs => (hashint8extended(row_number, 99) & 2147483647) % 28800);

CREATE FUNCTION pg_temp.phone(row_number bigint, purpose int) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '+1 555 ' || lpad(pg_temp.pick(row_number, purpose, 1000)::text, 3, '0')
    || ' ' || lpad(pg_temp.pick(row_number, purpose + 1, 10000)::text, 4, '0');

-- How many rows each table gets, for each 1,000 students.
CREATE FUNCTION pg_temp.share(for_each_1000 int) RETURNS int
LANGUAGE sql STABLE
RETURN greatest(1, (current_setting('wco.students')::bigint * for_each_1000 / 1000)::int);

CREATE TEMP TABLE words AS SELECT
    ARRAY['Olivia', 'Liam', 'Emma', 'Noah', 'Amara', 'Mateo', 'Sofia', 'Elijah', 'Aaliyah', 'Lucas', 'Mia', 'Ethan',
          'Zoe', 'Daniel', 'Chloe', 'Jayden', 'Grace', 'Isaac', 'Layla', 'Owen', 'Nora', 'Caleb', 'Priya', 'Diego',
          'Ximena', 'Omar', 'Hannah', 'Kenji', 'Fatima', 'Andre', 'Lucia', 'Samuel', 'Ines', 'Tariq', 'Ruby', 'Felix',
          'Mei', 'Julian', 'Naomi', 'Gabriel', 'Clara', 'Rohan', 'Ada', 'Marcus', 'Leila', 'Theo', 'Yara', 'Victor']
        AS first_names,
    ARRAY['Smith', 'Johnson', 'Garcia', 'Nguyen', 'Williams', 'Brown', 'Martinez', 'Lee', 'Davis', 'Patel', 'Wilson',
          'Lopez', 'Anderson', 'Kim', 'Thomas', 'Hernandez', 'Moore', 'Chen', 'Jackson', 'Ramirez', 'White', 'Singh',
          'Harris', 'Torres', 'Clark', 'Ali', 'Lewis', 'Rivera', 'Walker', 'Okafor', 'Hall', 'Flores', 'Young', 'Khan',
          'Allen', 'Diaz', 'Wright', 'Cohen', 'Scott', 'Reyes', 'Green', 'Haddad', 'Baker', 'Morales', 'Adams', 'Tran',
          'Nelson', 'Ortiz', 'Carter', 'Novak', 'Mitchell', 'Silva', 'Perez', 'Mensah', 'Roberts', 'Rossi', 'Turner',
          'Kowalski', 'Phillips', 'Yamada', 'Campbell', 'Haile', 'Parker', 'Schmidt']
        AS last_names;
