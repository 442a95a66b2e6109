import pytest

from migrations_portal.plans.commit import MOST_AUTHORS, NO_COMMIT, Commit, CommitRefused, commit

SHA = "0123456789abcdef0123456789abcdef01234567"


def test_what_git_prints_is_a_commit_whatever_stands_around_it():
    typed = commit(
        sha=f" {SHA.upper()}\n",
        authors="Dan@WhiteCross.example\nana@x.example, dan@whitecross.example;",
    )

    assert typed == Commit(sha=SHA, authors=("ana@x.example", "dan@whitecross.example"))
    assert typed


def test_nothing_is_no_commit():
    assert commit(sha=" ", authors="\n") == NO_COMMIT
    assert not NO_COMMIT


@pytest.mark.parametrize(
    ("sha", "authors", "field"),
    [
        (SHA[:12], "a@b.example", "git_commit"),
        (SHA + "0", "a@b.example", "git_commit"),
        ("g" * 40, "a@b.example", "git_commit"),
        ("", "a@b.example", "git_commit"),
        (SHA, "", "commit_authors"),
        (SHA, "Ana Lopez <ana@b.example>", "commit_authors"),
        (SHA, "ana", "commit_authors"),
        (SHA, "a@" + "b" * 260, "commit_authors"),
        (SHA, " ".join(f"a{n}@b.example" for n in range(MOST_AUTHORS + 1)), "commit_authors"),
    ],
)  # fmt: skip
def test_half_a_commit_is_refused_beside_its_field(sha, authors, field):
    with pytest.raises(CommitRefused) as refused:
        commit(sha=sha, authors=authors)

    assert refused.value.field == field
