"""Short ways to ask the engine."""

from migrations_portal.risk import (
    Assessment,
    Level,
    ScriptFile,
    StatementRisk,
    assess,
    schema_from_dump,
)

SCHEMA_SQL = """
CREATE TYPE public.visit_status AS ENUM ('planned', 'done');
CREATE DOMAIN public.short_code AS varchar(10) CONSTRAINT short_code_check CHECK (VALUE <> '');
CREATE DOMAIN public.free_text AS text;
CREATE TABLE public.students (
    id integer NOT NULL, name character varying(50) NOT NULL, email text, age integer, status public.visit_status,
    nick varchar(50), seen_at timestamp without time zone, balance numeric(10,2), school_id integer
);
CREATE TABLE public.schools (id integer NOT NULL, name text);
CREATE TABLE public.visits (id integer NOT NULL, student_id integer, note text);
CREATE TABLE public.events (id integer NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE public.events_2024 (id integer NOT NULL, at date NOT NULL);
CREATE TABLE public.events_2025 (id integer NOT NULL, at date NOT NULL);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW public.adults AS SELECT id, name FROM public.students WHERE age > 17;
CREATE MATERIALIZED VIEW public.totals AS SELECT count(*) AS n FROM public.visits WITH NO DATA;
ALTER TABLE ONLY public.students ADD CONSTRAINT students_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schools ADD CONSTRAINT schools_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.visits ADD CONSTRAINT visits_pkey PRIMARY KEY (id);
CREATE INDEX students_age ON public.students USING btree (age);
ALTER TABLE ONLY public.visits ADD CONSTRAINT visits_student_fk FOREIGN KEY (student_id) REFERENCES public.students(id);
ALTER TABLE public.students ADD CONSTRAINT students_age_check CHECK ((age >= 0));
"""
SCHEMA = schema_from_dump(SCHEMA_SQL)


def assessed(sql: str, **options) -> Assessment:
    """Assess SQL as one file on the tests' schema; `one_transaction` and the options of `assess` may be given."""
    script = ScriptFile("a.sql", sql, options.pop("one_transaction", None))
    return assess([script], **({"schema": SCHEMA} | options))


def level(sql: str, **options) -> Level:
    return assessed(sql, **options).level


def only(sql: str, **options) -> StatementRisk:
    (statement,) = assessed(sql, **options).statements
    return statement


def rules(sql: str, **options) -> set[str]:
    """The rules that fire, but for the note that a single file has no way back."""
    found = assessed(sql, **options)
    everywhere = [*found.findings, *(f for s in found.statements for f in s.findings)]
    return {finding.rule for finding in everywhere} - {"missing-down"}
