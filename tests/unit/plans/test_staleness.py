import pytest

from migrations_portal.plans.staleness import Basis, changes, from_json

BASIS = Basis("abc", 16, ("public.students", "public.users.ssn"), {"public.students": 1_200_000, "public.rooms": 20})  # fmt: skip


def now(**different):
    return Basis(**{**vars(BASIS), **different})


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (now(), []),
        (now(schema_digest="def"), ["The schema of the target has changed."]),
        (now(server_version=17), ["The server is PostgreSQL 17 now; it was 16."]),
        (now(tagged=(*BASIS.tagged, "public.visits")), ["visits is tagged as PHI now."]),
        (now(tagged=("public.students",)), ["users.ssn is no longer tagged as PHI."]),
        (
            now(rows={"public.students": 4_200_000, "public.rooms": 20}),
            ["students has grown from 1.2 million rows to 4.2 million rows."],
        ),
        (now(rows={"public.students": 1_700_000, "public.rooms": 9_000}), []),
        (now(rows={}), []),
    ],
)
def test_an_assessment_is_stale_when_what_it_rests_on_has_changed(today, said) -> None:
    assert changes(BASIS, today) == said


def test_many_new_tags_are_counted() -> None:
    said = changes(BASIS, now(tagged=(*BASIS.tagged, *(f"public.t{n}" for n in range(8)))))

    assert said == ["t0, t1, t2, t3, t4 and 3 more are tagged as PHI now."]


def test_a_basis_survives_being_kept() -> None:
    assert from_json(BASIS.as_json()) == BASIS
