-- The schema on which the oracle runs its statements: every kind of object that changes what a statement locks.
CREATE SCHEMA clinic;
CREATE SCHEMA archive;
CREATE TYPE public.visit_status AS ENUM ('planned', 'done');
CREATE TYPE public.address AS (street text, zip text);
CREATE DOMAIN public.positive_int AS integer CONSTRAINT positive_int_check CHECK (VALUE > 0);
CREATE DOMAIN public.plain_text AS text;
CREATE DOMAIN public.required_text AS text NOT NULL;
CREATE DOMAIN public.short_code AS varchar(10);
CREATE DOMAIN public.nested_domain AS public.positive_int;
CREATE FUNCTION public.one_sql() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION public.roll_sql() RETURNS double precision LANGUAGE sql AS 'SELECT random()';
CREATE FUNCTION public.one_plpgsql() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION public.stable_plpgsql() RETURNS integer LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION public.immutable_lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE FUNCTION public.touch_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := NEW.note; RETURN NEW; END';
CREATE FUNCTION public.audit_row() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO public.audit_log (what) VALUES (TG_OP); RETURN NULL; END';

CREATE TABLE public.patients (
  id bigserial PRIMARY KEY,
  name varchar(50) NOT NULL,
  email text,
  phone varchar(20),
  age integer,
  balance numeric(10,2) DEFAULT 0,
  born date,
  seen_at timestamp,
  changed_at timestamptz DEFAULT now(),
  status public.visit_status DEFAULT 'planned',
  code char(5),
  data json,
  extra jsonb,
  tags text[],
  address inet,
  net cidr,
  points public.positive_int,
  bits bit varying(8),
  took interval(3),
  nick public.plain_text,
  guardian_id bigint REFERENCES public.patients (id),
  CONSTRAINT patients_age_check CHECK (age >= 0),
  CONSTRAINT patients_email_not_null CHECK (email IS NOT NULL)
);
CREATE UNIQUE INDEX patients_email_key ON public.patients (email);
CREATE INDEX patients_phone_idx ON public.patients (phone);
CREATE INDEX patients_lower_name_idx ON public.patients (lower(name));
CREATE INDEX patients_age_partial_idx ON public.patients (age) WHERE age > 18;

CREATE TABLE public.visits (
  id serial PRIMARY KEY,
  patient_id bigint NOT NULL REFERENCES public.patients (id) ON DELETE CASCADE,
  doctor_id integer,
  amount integer NOT NULL DEFAULT 0,
  label varchar(30),
  note text,
  kept_at timestamptz,
  CONSTRAINT visits_amount_check CHECK (amount >= 0)
);
CREATE INDEX visits_patient_idx ON public.visits (patient_id);
CREATE TABLE public.doctors (
  id integer PRIMARY KEY,
  name text NOT NULL,
  licence text,
  dept_id integer,
  note text
);
CREATE UNIQUE INDEX doctors_licence_idx ON public.doctors (licence);
CREATE UNIQUE INDEX doctors_name_note_idx ON public.doctors (name);
ALTER TABLE public.visits ADD CONSTRAINT visits_doctor_fk FOREIGN KEY (doctor_id) REFERENCES public.doctors (id) NOT VALID;
ALTER TABLE public.visits ADD CONSTRAINT visits_label_check CHECK (label <> '') NOT VALID;
CREATE TABLE public.visit_items (
  visit_id integer REFERENCES public.visits (id) ON DELETE SET NULL,
  pos integer NOT NULL,
  price numeric(8,2),
  total numeric GENERATED ALWAYS AS (price * 2) STORED,
  note text
);
CREATE TABLE public.audit_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text, at timestamptz DEFAULT now());
CREATE TABLE public.plain (a integer, b text, c varchar(10), d integer, note text);
CREATE TABLE public.pairs (x integer, y integer, z text, PRIMARY KEY (x, y));
CREATE TABLE public.pair_refs (x integer, y integer, FOREIGN KEY (x, y) REFERENCES public.pairs (x, y));
CREATE TABLE public.typed OF public.address;
CREATE TABLE public.has_composite (id integer, home public.address);
CREATE TABLE public.bookings (room integer, during int4range, EXCLUDE USING gist (during WITH &&));
CREATE TABLE public.codes (code public.short_code, weight public.positive_int, deep public.nested_domain, label public.plain_text);
CREATE UNLOGGED TABLE public.scratch (id integer PRIMARY KEY, v text);
CREATE TABLE clinic.rooms (id integer PRIMARY KEY, name varchar(20), floor integer CHECK (floor < 100));
CREATE TABLE clinic.beds (id integer, room_id integer REFERENCES clinic.rooms (id), label text);

CREATE TABLE public.events (id bigint NOT NULL, at date NOT NULL, kind text, who integer) PARTITION BY RANGE (at);
CREATE TABLE public.events_2023 PARTITION OF public.events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE public.events_2024 PARTITION OF public.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE public.events_default PARTITION OF public.events DEFAULT;
CREATE INDEX events_who_idx ON public.events (who);
CREATE TABLE public.events_2025 (id bigint NOT NULL, at date NOT NULL, kind text, who integer);
CREATE TABLE public.events_2026 (id bigint NOT NULL, at date NOT NULL, kind text, who integer,
  CONSTRAINT events_2026_at CHECK (at >= '2026-01-01' AND at < '2027-01-01'));
CREATE INDEX events_2026_who_idx ON public.events_2026 (who);
CREATE TABLE public.regions (id integer, region text, doctor_id integer REFERENCES public.doctors (id), PRIMARY KEY (id, region))
  PARTITION BY LIST (region);
CREATE TABLE public.regions_north PARTITION OF public.regions FOR VALUES IN ('north');
CREATE TABLE public.regions_south PARTITION OF public.regions FOR VALUES IN ('south');
CREATE TABLE public.region_notes (id integer, region text, note text, FOREIGN KEY (id, region) REFERENCES public.regions (id, region));
CREATE TABLE public.hashed (id integer PRIMARY KEY, v text) PARTITION BY HASH (id);
CREATE TABLE public.hashed_0 PARTITION OF public.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.hashed_1 PARTITION OF public.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);

CREATE TABLE public.base_person (id integer, name text);
CREATE TABLE public.base_staff (job text) INHERITS (public.base_person);

CREATE VIEW public.adult_patients AS SELECT id, name, age FROM public.patients WHERE age >= 18;
CREATE VIEW public.adult_names AS SELECT name FROM public.adult_patients;
CREATE VIEW public.plain_view AS SELECT a, b FROM public.plain;
CREATE MATERIALIZED VIEW public.visit_totals AS
  SELECT patient_id, count(*) AS n FROM public.visits GROUP BY patient_id;
CREATE UNIQUE INDEX visit_totals_key ON public.visit_totals (patient_id);

CREATE TRIGGER touch BEFORE UPDATE ON public.doctors FOR EACH ROW EXECUTE FUNCTION public.touch_row();
CREATE TRIGGER audit AFTER INSERT OR DELETE ON public.visit_items FOR EACH ROW EXECUTE FUNCTION public.audit_row();
CREATE RULE skip_delete AS ON DELETE TO public.scratch DO INSTEAD NOTHING;
CREATE POLICY own_rows ON public.doctors USING (name = current_user);
CREATE STATISTICS public.plain_stats ON a, d FROM public.plain;
CREATE PUBLICATION feed FOR TABLE public.visits;
CREATE SEQUENCE public.free_seq;
