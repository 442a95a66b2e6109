-- The small school that the examples of the rule pages speak of. Read by `risk.rule_examples`, never run on a server.
CREATE SCHEMA archive;
CREATE TYPE public.consent_status AS ENUM ('asked', 'given', 'withdrawn');
CREATE TYPE public.address AS (street text, city text);
CREATE DOMAIN public.record_code AS character varying(12) CONSTRAINT record_code_check CHECK (VALUE <> '');
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TABLE public.schools (id integer NOT NULL, name text NOT NULL, district text);
CREATE TABLE public.students (
    id integer NOT NULL, name character varying(120) NOT NULL, email text, age integer, school_id integer,
    status public.consent_status, seen_at timestamp without time zone, grade character varying(20), nickname text,
    home public.address, updated_at timestamp with time zone
);
CREATE TABLE public.health_records (
    id integer NOT NULL, student_id integer, code public.record_code, note text, recorded_at timestamp with time zone
);
CREATE TABLE public.medications (id integer NOT NULL, student_id integer, name character varying(60), dose numeric(10,2), due_at timestamp with time zone);
CREATE TABLE public.visits (number integer GENERATED ALWAYS AS IDENTITY NOT NULL, student_id integer, reason text);
CREATE TABLE public.vitals (student_id integer NOT NULL, taken_on date NOT NULL, pulse integer) PARTITION BY RANGE (taken_on);
CREATE TABLE public.vitals_2024 (student_id integer NOT NULL, taken_on date NOT NULL, pulse integer);
CREATE TABLE public.vitals_other (student_id integer NOT NULL, taken_on date NOT NULL, pulse integer);
CREATE TABLE public.vitals_2025 (student_id integer NOT NULL, taken_on date NOT NULL, pulse integer);
CREATE TABLE public.vitals_2026 (student_id integer NOT NULL, taken_on date NOT NULL, pulse integer,
    CONSTRAINT in_2026 CHECK (taken_on IS NOT NULL AND taken_on >= '2026-01-01'::date AND taken_on < '2027-01-01'::date));
CREATE TABLE public.screenings (id integer NOT NULL, taken_on date NOT NULL) PARTITION BY RANGE (taken_on);
CREATE TABLE public.screenings_2024 (id integer NOT NULL, taken_on date NOT NULL);
CREATE TABLE archive.visits_2019 (id integer NOT NULL, reason text);
CREATE TABLE public.people (id integer NOT NULL);
CREATE TABLE public.nurses (id integer NOT NULL);
ALTER TABLE ONLY public.vitals ATTACH PARTITION public.vitals_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
ALTER TABLE ONLY public.vitals ATTACH PARTITION public.vitals_other DEFAULT;
ALTER TABLE ONLY public.screenings ATTACH PARTITION public.screenings_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE SEQUENCE public.ticket_numbers;
CREATE VIEW public.active_students AS SELECT id, name, grade FROM public.students WHERE status = 'given';
CREATE MATERIALIZED VIEW public.visit_counts AS SELECT student_id, count(*) AS visits FROM public.visits GROUP BY student_id WITH NO DATA;
ALTER TABLE ONLY public.schools ADD CONSTRAINT schools_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.students ADD CONSTRAINT students_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.health_records ADD CONSTRAINT health_records_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.visits ADD CONSTRAINT visits_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.medications ADD CONSTRAINT medications_student_fk FOREIGN KEY (student_id) REFERENCES public.students(id);
ALTER TABLE public.students ADD CONSTRAINT age_is_sane CHECK ((age >= 0));
ALTER TABLE public.students ADD CONSTRAINT email_is_set CHECK ((email IS NOT NULL));
ALTER TABLE public.medications ADD CONSTRAINT name_is_set CHECK (((name)::text <> ''::text));
CREATE INDEX students_school ON public.students USING btree (school_id);
CREATE UNIQUE INDEX students_email ON public.students USING btree (email);
CREATE UNIQUE INDEX medications_id ON public.medications USING btree (id);
CREATE UNIQUE INDEX medications_key ON public.medications USING btree (student_id);
CREATE UNIQUE INDEX visit_counts_student ON public.visit_counts USING btree (student_id);
CREATE INDEX health_records_code ON public.health_records USING btree (code);
CREATE TRIGGER students_touch BEFORE UPDATE ON public.students FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE PUBLICATION reporting FOR TABLE ONLY public.schools;
