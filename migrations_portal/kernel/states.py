"""State tables: the allowed transitions of a status, kept as data so that service, database, page and test read the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from migrations_portal.kernel.errors import Refused

S = TypeVar("S", bound=StrEnum)


class TransitionRefused(Refused):
    """This step is not possible in the present state."""

    code = "transition-refused"


@dataclass(frozen=True)
class StateTable(Generic[S]):
    """The transitions of one status. Does not know who may make them."""

    noun: str
    allowed: Mapping[S, frozenset[S]]

    def can(self, *, source: S, target: S) -> bool:
        """Say whether `source` may become `target`."""
        return target in self.allowed.get(source, frozenset())

    def check(self, *, source: S, target: S) -> None:
        """Raise `TransitionRefused` with a sentence unless the step is allowed."""
        if not self.can(source=source, target=target):
            now, then = (str(word).lower().replace("_", " ") for word in (source, target))
            raise TransitionRefused(f"This {self.noun} is {now}; it cannot become {then}.")

    def pairs(self) -> Iterable[tuple[S, S]]:
        """Yield every allowed (source, target), in a stable order."""
        for source in sorted(self.allowed):
            for target in sorted(self.allowed[source]):
                yield source, target

    def final(self, state: S) -> bool:
        """Say whether nothing comes after `state`."""
        return not self.allowed.get(state)

    def trigger_sql(self, *, table: str, column: str = "status") -> str:
        """Return the SQL of a trigger that refuses any other transition, whoever writes it."""
        pairs = ", ".join(f"('{source}', '{target}')" for source, target in self.pairs())
        name = f"{table}_{column}_transitions"
        return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.{column} IS DISTINCT FROM OLD.{column}
     AND (OLD.{column}::text, NEW.{column}::text) NOT IN ({pairs}) THEN
    RAISE EXCEPTION 'a {self.noun} cannot go from % to %', OLD.{column}, NEW.{column}
      USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
"""
