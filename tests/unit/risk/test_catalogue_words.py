"""What hangs on a table, and why something is PHI: from a schema as pg_dump writes it."""

import pytest

from migrations_portal.risk import schema_from_dump
from migrations_portal.risk.blast import radius
from migrations_portal.risk.catalogue import TableSize, catalogue_of, from_json
from migrations_portal.risk.new_columns import new_phi
from migrations_portal.risk.phi_reasons import (
    column_looks_like_phi,
    looks_like_phi,
    reasons,
    table_looks_like_phi,
)

SQL = """
CREATE SCHEMA clinic;
CREATE TABLE public.schools (id integer NOT NULL, name text);
CREATE TABLE public.students (id integer NOT NULL, school_id integer, name text);
CREATE TABLE public.users (id integer NOT NULL, ssn text, "dateOfBirth" date, email text);
CREATE TABLE clinic.visits (id integer NOT NULL, student_id integer, user_id integer);
CREATE TABLE public.readings (id integer, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE public.readings_2024 (id integer, at date NOT NULL);
ALTER TABLE ONLY public.readings ATTACH PARTITION public.readings_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW public.active_students AS SELECT id, name FROM public.students;
CREATE VIEW public.names AS SELECT name FROM public.active_students;
CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
ALTER TABLE ONLY public.schools ADD CONSTRAINT schools_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.students ADD CONSTRAINT students_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.students ADD CONSTRAINT students_school FOREIGN KEY (school_id) REFERENCES public.schools(id);
ALTER TABLE ONLY clinic.visits ADD CONSTRAINT visits_student FOREIGN KEY (student_id) REFERENCES public.students(id);
CREATE TRIGGER students_audit AFTER UPDATE ON public.students FOR EACH ROW EXECUTE FUNCTION public.audit();
ALTER TABLE public.students ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_school ON public.students USING ((school_id > 0));
CREATE PUBLICATION reporting FOR TABLE ONLY public.students;
"""  # fmt: skip
SIZES = {"public.students": TableSize(4_200_000, 1_500, 400)}
CATALOGUE = catalogue_of(schema_from_dump(SQL), sizes=SIZES)


def test_the_radius_of_a_table_names_everything_that_hangs_on_it() -> None:
    (said,) = radius(CATALOGUE, touched=["public.students", "public.users", "public.gone"])

    assert said.table == "public.students"
    assert said.sentences == (
        "read by 2 views (active_students, names)",
        "foreign keys from clinic.visits point at it",
        "its foreign keys point at schools",
        "published to replicas by reporting",
        "row security is on (1 policy (own_school))",
        "1 trigger (students_audit) on it",
    )


WOVEN = """
CREATE TABLE public.users (id integer PRIMARY KEY, role text);
CREATE TABLE public.readings (id integer, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE public.readings_2024 PARTITION OF public.readings FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE public.alarms (id integer, at date, FOREIGN KEY (id, at) REFERENCES public.readings (id, at));
CREATE VIEW public.newest AS SELECT max(at) AS at FROM public.readings;
CREATE MATERIALIZED VIEW public.roles AS SELECT role, count(*) AS n FROM public.users GROUP BY role;
CREATE POLICY admins ON public.alarms USING (EXISTS (SELECT FROM public.users WHERE role = 'admin'));
CREATE RULE known AS ON DELETE TO public.users DO INSTEAD NOTHING;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE PUBLICATION whole_schema;
ALTER PUBLICATION whole_schema ADD TABLES IN SCHEMA public;
CREATE PUBLICATION metering;
ALTER PUBLICATION metering ADD TABLE ONLY public.readings;
"""


def test_what_hangs_on_the_whole_hangs_on_its_partition_too() -> None:
    catalogue = catalogue_of(schema_from_dump(WOVEN), sizes={})
    part, users = radius(catalogue, touched=["public.readings_2024", "public.users"])

    assert part.sentences == (
        "read by 1 view (newest)",
        "part of readings",
        "foreign keys from alarms point at it",
        "published to replicas by everything, metering and whole_schema",
    )
    assert users.sentences == (
        "read by 1 view (roles)",
        "published to replicas by everything and whole_schema",
        "row security or rules of alarms use it",
    )
    assert from_json(catalogue.as_json()) == catalogue


def test_partitions_belong_to_the_radius() -> None:
    whole, part = radius(CATALOGUE, touched=["public.readings", "public.readings_2024"])

    assert whole.sentences == ("1 partition (readings_2024) below it",)
    assert part.sentences == ("part of readings",)


def test_a_catalogue_survives_being_kept() -> None:
    assert from_json(CATALOGUE.as_json()) == CATALOGUE


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("public.students", "students holds PHI."),
        ("public.users", "users holds PHI (ssn is tagged)."),
        ("public.active_students", "View active_students reads students, which is PHI."),
        ("public.names", "View names reads students, which is PHI."),
        ("clinic.visits", "clinic.visits points at students, which is PHI."),
        ("public.readings_2024", "readings_2024 is part of readings, which is PHI."),
    ],
)
def test_why_something_is_phi(name, sentence) -> None:
    tagged = {"students": (), "public.users": ("ssn",), "public.readings": ()}

    assert reasons(CATALOGUE, tagged=tagged, names=CATALOGUE.items)[name] == sentence


def test_what_has_nothing_to_do_with_phi_has_no_reason() -> None:
    assert "public.schools" not in reasons(CATALOGUE, tagged={"students": ()}, names=CATALOGUE.items)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "students",
        "HealthRecords",
        "patient_notes",
        "immunization_events",
        "labResults",
        "diagnoses",
        "Allergies",
        "insurance_policies",
    ],
)
def test_table_names_that_look_like_phi(name) -> None:
    assert table_looks_like_phi(name)


@pytest.mark.parametrize("name", ["schools", "users", "SequelizeMeta", "label_texts", "consortium"])
def test_table_names_that_do_not(name) -> None:
    assert not table_looks_like_phi(name)


@pytest.mark.parametrize(
    "name",
    [
        "ssn",
        "studentSSN",
        "date_of_birth",
        "dateOfBirth",
        "DOB",
        "medicalRecordNumber",
        "blood_type",
        "policyNumber",
        "birthDate",
        "icdCode",
    ],
)
def test_column_names_that_look_like_phi(name) -> None:
    assert column_looks_like_phi(name)


@pytest.mark.parametrize("name", ["id", "name", "createdAt", "date", "update_date", "type", "number", "birthplace_id"])  # fmt: skip
def test_column_names_that_do_not(name) -> None:
    assert not column_looks_like_phi(name)


def test_whole_tables_come_before_their_columns() -> None:
    assert looks_like_phi(CATALOGUE) == (
        ("public.students", ""),
        ("public.users", "ssn"),
        ("public.users", "dateOfBirth"),
    )


def test_new_tables_and_columns_are_looked_at_too() -> None:
    said = new_phi(
        [
            "ALTER TABLE schools ADD COLUMN nurse text, ADD COLUMN insurance_number text",
            "CREATE TABLE clinic.allergies (id integer, name text)",
            "no SQL at all",
            "CREATE TABLE rooms (id integer)",
        ]
    )

    assert said == {
        "public.schools.insurance_number": "The new column schools.insurance_number looks like PHI by its name.",
        "clinic.allergies": "The new table clinic.allergies looks like PHI by its name.",
    }
