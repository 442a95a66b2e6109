"""The commit that a plan's files come from, and who wrote it: those people sign nothing of the plan (A4, A6). Pure."""

import re
from dataclasses import dataclass

from migrations_portal.kernel.errors import Refused

MOST_AUTHORS = 20
LONGEST_ADDRESS = 254
NOT_GIVEN = "No commit given: who wrote the files, other than the plan's author, is not known here."
HOW_COMMIT = "git rev-parse HEAD"
HOW_AUTHORS = "git log --format=%ae -- FILE | sort -u"
"""What prints the two, for the help beside the fields."""

AUTHORS = "commit_authors"
"""The field that a refusal of the authors belongs to."""

_HASH = re.compile(r"[0-9a-f]{40}")
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")


class CommitRefused(Refused):
    """A commit is named by its 40 hexadecimal digits, and its authors by their mail addresses."""

    code = "commit-refused"

    def __init__(self, sentence: str = "", *, field: str = "git_commit") -> None:
        """Take the sentence, and the field that it is about."""
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Commit:
    """A commit by its full hash, and the mail addresses of its authors, in small letters; both empty where none is given."""

    sha: str = ""
    authors: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether one is given."""
        return bool(self.sha)


NO_COMMIT = Commit()


def commit(*, sha: str, authors: str) -> Commit:
    """Return what was typed as a commit, or raise `CommitRefused`. Addresses stand apart by blanks, commas or lines."""
    digits = sha.strip().lower()
    given = sorted({each.casefold() for each in re.split(r"[\s,;]+", authors) if each})
    if not digits and not given:
        return NO_COMMIT
    if not _HASH.fullmatch(digits):
        raise CommitRefused(
            f"The commit is not named by 40 hexadecimal digits. Paste what “{HOW_COMMIT}” prints."
        )
    if not given:
        raise CommitRefused(
            f"Say who wrote the commit: they sign nothing of this plan. Paste what “{HOW_AUTHORS}” prints.",
            field=AUTHORS,
        )
    if len(given) > MOST_AUTHORS:
        raise CommitRefused(f"A commit has at most {MOST_AUTHORS} authors here.", field=AUTHORS)
    if not all(_ADDRESS.fullmatch(each) and len(each) <= LONGEST_ADDRESS for each in given):
        raise CommitRefused(
            f"One of the authors is no mail address. Paste what “{HOW_AUTHORS}” prints.",
            field=AUTHORS,
        )
    return Commit(sha=digits, authors=tuple(given))
