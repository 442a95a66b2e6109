"""Why a relation counts as PHI, in one sentence, and which names look like PHI before anybody has tagged anything."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from migrations_portal.risk.naming_words import listed, short

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from migrations_portal.risk.catalogue import Catalogue, Item

TABLE_WORDS = frozenset({
    "student", "patient", "health", "medical", "medication", "medicine", "consent", "allergy", "immunization", "immunisation",
    "vaccination", "vaccine", "diagnosis", "prescription", "treatment", "symptom", "vital", "screening", "lab", "insurance",
    "disability", "therapy", "injury", "clinic",
})  # fmt: skip
"""Words that make a table PHI: the spec's five tables, and what a school's health office keeps."""
COLUMN_WORDS = frozenset({
    "ssn", "dob", "birthdate", "mrn", "diagnosis", "diagnoses", "allergy", "allergies", "medication", "medications", "dosage",
    "symptom", "symptoms", "treatment", "prescription", "immunization", "vaccine", "disability", "disabilities", "insurance",
    "medicaid", "icd",
})  # fmt: skip
"""Words that make a column PHI wherever it stands: identifiers that name one person, and facts about health."""
COLUMN_PAIRS = frozenset({
    ("social", "security"), ("date", "birth"), ("birth", "date"), ("birth", "day"), ("medical", "record"), ("health", "plan"),
    ("health", "record"), ("blood", "type"), ("blood", "group"), ("medical", "note"), ("medical", "history"),
    ("health", "condition"), ("policy", "number"),
})  # fmt: skip
"""Two words that mean it only together. Source: the identifiers of 45 CFR 164.514(b)(2) that name a person by themselves."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words_of(name: str) -> list[str]:
    """Split `dateOfBirth`, `date_of_birth` or `DATE_OF_BIRTH` into its words."""
    return [word.lower() for word in _WORDS.findall(name)]


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith("ses"):
        return f"{word[:-2]}is"
    return word.removesuffix("s") if not word.endswith(("ss", "is")) else word


def table_looks_like_phi(name: str) -> bool:
    """Say whether a table's bare name is one of those that hold PHI."""
    return any(_singular(word) in TABLE_WORDS for word in words_of(name))


def column_looks_like_phi(name: str) -> bool:
    """Say whether a column's name is one of those that hold PHI in any table."""
    words = [word for word in words_of(name) if word != "of"]
    return bool(COLUMN_WORDS & set(words)) or bool(COLUMN_PAIRS & set(pairwise(words)))


def looks_like_phi(catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    """Return (table, "") for tables that look like PHI by their own name, (table, column) for single columns elsewhere."""
    found: list[tuple[str, str]] = []
    for name, item in sorted(catalogue.items.items()):
        if not item.holds_rows or item.parents:
            continue
        if table_looks_like_phi(name.partition(".")[2]):
            found.append((name, ""))
        else:
            found += [(name, column) for column in item.columns if column_looks_like_phi(column)]
    return tuple(found)


def reasons(
    catalogue: Catalogue, *, tagged: Mapping[str, Collection[str]], names: Iterable[str]
) -> dict[str, str]:
    """Say for each name that counts as PHI why it does: tagged itself, a part of, a view over, or a reference to such a table.

    `tagged`: name (bare or with its schema) → the columns that are tagged; an empty collection means the whole table.
    """
    found = {}
    for name in sorted(set(names)):
        why = _why(catalogue, tagged, name)
        if why:
            found[name] = why
    return found


def _why(catalogue: Catalogue, tagged: Mapping[str, Collection[str]], name: str) -> str:
    own = _tags(tagged, name)
    if own is not None:
        where = f" ({listed(own)} {'is' if len(own) == 1 else 'are'} tagged)" if own else ""
        return f"{short(name)} holds PHI{where}."
    item = catalogue.items.get(name)
    if item is None:
        return ""
    return _inherited(catalogue, tagged, name, item)


def _inherited(
    catalogue: Catalogue, tagged: Mapping[str, Collection[str]], name: str, item: Item
) -> str:
    above = _first(catalogue, tagged, item.parents, lambda each: each.parents)
    if above:
        return f"{short(name)} is part of {short(above)}, which is PHI."
    source = _first(catalogue, tagged, item.reads, lambda each: (*each.reads, *each.parents))
    if source:
        return f"{item.noun.capitalize()} {short(name)} reads {short(source)}, which is PHI."
    target = _first(catalogue, tagged, item.points_at, lambda each: each.parents)
    if target:
        return f"{short(name)} points at {short(target)}, which is PHI."
    return ""


def _first(
    catalogue: Catalogue,
    tagged: Mapping[str, Collection[str]],
    start: Iterable[str],
    further: Callable[[Item], Iterable[str]],
) -> str:
    """The nearest tagged relation along a way, empty when there is none."""
    waiting, seen = list(start), set[str]()
    while waiting:
        name = waiting.pop(0)
        if _tags(tagged, name) is not None:
            return name
        if name not in seen and (item := catalogue.items.get(name)) is not None:
            waiting += further(item)
        seen.add(name)
    return ""


def _tags(tagged: Mapping[str, Collection[str]], name: str) -> Collection[str] | None:
    if name in tagged:
        return tagged[name]
    return tagged.get(name.partition(".")[2])
