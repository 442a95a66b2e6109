import pytest

from migrations_portal.risk.naming_words import between, counted_rows, listed, sized, spoken
from migrations_portal.risk.words import compared, lock_sentences, longest_wait, sentences


def predicted(*, seconds=(0.01, 0, 0.25), blocked=None, known=True):
    return {
        "seconds": list(seconds),
        "rows": 0,
        "known": known,
        "blocked_seconds": blocked,
        "table": "public.students",
        "blocks": "reads and writes",
    }


def test_locks_are_told_in_words_the_worst_first() -> None:
    said = lock_sentences(
        {
            "public.visits": "ShareUpdateExclusiveLock",
            "public.students": "AccessExclusiveLock",
            "clinic.beds": "ShareRowExclusiveLock",
            "public.schools": "AccessShareLock",
            "public.users": "AccessExclusiveLock",
        }
    )

    assert said == [
        "Blocks reads and writes of students and users",
        "Blocks writes to clinic.beds",
        "Keeps other schema changes off visits; reads and writes go on",
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (0, "no rows"),
        (1, "1 row"),
        (12_400, "12,400 rows"),
        (4_200_000, "4.2 million rows"),
        (2_000_000_000, "2.0 billion rows"),
    ],
)
def test_rows_are_counted_as_people_do(rows, said) -> None:
    assert counted_rows(rows) == said


def test_sizes_durations_and_lists() -> None:
    assert [sized(each) for each in (12, 8_192, 12_000_000, 1_900_000_000)] == ["12 bytes", "8.2 kB", "12 MB", "1.9 GB"]  # fmt: skip
    assert [spoken(each) for each in (0.01, 0.84, 38.4, 119, 720, 12_600)] == ["under 0.1 s", "0.8 s", "38 s", "119 s", "12 min", "3.5 h"]  # fmt: skip
    assert [between(1.1, 9.6), between(12, 180), between(0, 0.25), between(3, 3)] == ["1.1 to 9.6 s", "12 s to 3 min", "up to 0.2 s", "3.0 s"]  # fmt: skip
    assert listed(["public.a"]) == "a"
    assert listed([f"t{n}" for n in range(9)]) == "t0, t1, t2, t3, t4, t5 and 3 more"


def test_work_is_told_with_rows_or_with_their_absence() -> None:
    said = {
        "rewrites": ["public.students"],
        "scans": ["public.students", "public.visits"],
        "table_rows": {"public.students": 4_200_000},
    }

    assert sentences(said)["work"] == [
        "Rewrites students: 4.2 million rows",
        "Reads all of visits (its size is not known)",
    ]


def test_time_is_told_with_its_interval_and_who_waits() -> None:
    own = {"predicted": predicted(seconds=(12, 4.1, 36), blocked=[12, 4.1, 36])}
    held = {"predicted": predicted(blocked=[12, 4.1, 36])}

    assert (
        sentences(own)["time"]
        == "Takes about 12 s (4.1 to 36 s); reads and writes of students wait that long"
    )
    assert sentences(held)["time"] == (
        "Done at once; reads and writes of students wait 12 s (4.1 to 36 s), because the lock is held to the end of the transaction"
    )
    assert "not known" in sentences({"predicted": predicted(known=False)})["time"]


@pytest.mark.parametrize(
    ("blocked", "verdict", "part"),
    [
        ([12, 4, 29], "within", "within the 30 s"),
        ([12, 4, 36], "may exceed", "may exceed the 30 s"),
        ([42, 20, 120], "over", "more than the 30 s"),
    ],
)
def test_the_longest_wait_is_held_against_the_limit(blocked, verdict, part) -> None:
    said = longest_wait([{"predicted": predicted(blocked=[1, 0, 2])}, {"predicted": predicted(blocked=blocked)}])  # fmt: skip

    assert said["verdict"] == verdict
    assert part in said["sentence"]
    assert longest_wait([{"predicted": predicted()}, {}]) is None


def test_what_happened_is_set_beside_what_was_predicted() -> None:
    said = compared(predicted(seconds=(2.1, 0.7, 6.3)), seconds=1.9)

    assert said == {"sentence": "predicted 2.1 s (0.7 to 6.3 s), took 1.9 s", "within": True, "known": True}  # fmt: skip
    assert not compared(predicted(seconds=(2.1, 0.7, 6.3)), seconds=8)["within"]
    assert compared(predicted(known=False), seconds=1)["sentence"] == "not predicted, took 1.0 s"


def test_an_assessment_of_an_earlier_version_has_fewer_words() -> None:
    assert sentences({"locks": {}}) == {"locks": [], "work": [], "time": "", "way_back": ""}
