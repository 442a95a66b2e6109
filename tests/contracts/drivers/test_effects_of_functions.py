"""A file that writes by calling a function has written, whichever way it calls it."""

from tests.contracts.drivers.kit import Tool
from tests.driver_kit import LIMITS, Target, plus

EFFECTS = (
    "CREATE TABLE effects (at timestamptz DEFAULT clock_timestamp())",
    "CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS 'INSERT INTO effects DEFAULT VALUES RETURNING 1'",
    "CREATE PROCEDURE again() LANGUAGE sql AS 'SELECT bump()'",
    "CREATE SEQUENCE numbers",
)
WAYS = (
    ["SELECT bump()"],
    ["VALUES (bump())"],
    ["SELECT 1 FROM pg_class WHERE relname = 'effects' AND bump() > 0"],
    ["PREPARE p AS SELECT bump()", "EXECUTE p"],
    ["DECLARE c CURSOR WITH HOLD FOR SELECT bump()", "FETCH c"],
    ["EXPLAIN ANALYZE SELECT bump()"],
    ["CALL again()"],
    ["UPDATE effects SET at = at WHERE bump() < 0"],
)


def test_a_file_that_wrote_by_a_function_and_failed_names_what_stayed(
    tool: Tool, target: Target
) -> None:
    made = tool.write(1, list(EFFECTS), [], True)
    tool.driver.up(target.endpoint, plus(tool.bundle, made), name=made.name, limits=LIMITS)
    for number, way in enumerate(WAYS, start=2):
        before = target.rows("SELECT count(*) AS n FROM effects")[0]["n"]
        file = tool.write(number, [*way, "SELECT FROM nowhere"], [], False)

        result = tool.driver.up(
            target.endpoint, plus(tool.bundle, made, file), name=file.name, limits=LIMITS
        )

        changed = target.rows("SELECT count(*) AS n FROM effects")[0]["n"] > before
        assert result.sqlstate == "42P01", result.output
        assert changed or "UPDATE" in way[0], way
        assert result.committed_writes or not changed, way
        assert len(result.committed_writes) == 1, way
