"""PostgreSQL's error codes in words that fit into a headline. Source of the codes: its documentation, appendix A."""

LOCK_NOT_AVAILABLE = "55P03"
"""The code of an attempt that did not get its lock in time."""
DEADLOCK = "40P01"
"""The code of a transaction that the server ended because it and another waited for each other."""
LOCKED_OUT = frozenset({LOCK_NOT_AVAILABLE, DEADLOCK})
"""What another attempt may mend."""
WORDS = {
    "22P02": "a value does not fit its type",
    "22001": "a value is too long for its column",
    "22003": "a number is out of the range of its column",
    "23502": "a column that must hold a value holds none in some row",
    "23503": "some row points to a row that is not there (foreign key)",
    "23505": "a value that must be unique is there twice",
    "23514": "some row does not fulfil a check constraint",
    "25001": "a statement that cannot run inside a transaction was sent in one",
    "25006": "the session may only read",
    "28P01": "the target refused the password",
    "40P01": "it and another session waited for each other (deadlock)",
    "42501": "the portal's role lacks a right that the file needs",
    "42601": "the SQL has a syntax error",
    "42701": "the column is there already",
    "42703": "a column that the file names is not there",
    "42704": "an object that the file names is not there",
    "42710": "the object is there already",
    "42804": "the types do not fit",
    "42P01": "a table that the file names is not there",
    "42P07": "the table or index is there already",
    "2BP01": "other objects depend on what the file drops",
    "53100": "the server's disk is full",
    "53300": "the server has no connection left",
    "55P03": "a lock that it needs is held by another session",
    "57014": "a statement took longer than it may, or was cancelled",
    "57P01": "an administrator ended the session",
}
CLASSES = {
    "08": "the connection to the server broke",
    "22": "a value is not what its column or function takes",
    "23": "the data break a constraint",
    "25": "the transaction is in the wrong state",
    "40": "the transaction was rolled back by the server",
    "42": "the statement does not fit the schema",
    "53": "the server lacks room",
    "57": "somebody or something stopped the statement",
    "58": "the server had trouble with its system",
    "XX": "the server had an internal fault",
}


def why_ended(*, sqlstate: str, exit_code: int) -> str:
    """Return why a tool failed: what the server answered, else the tool's own code."""
    return in_words(sqlstate) if sqlstate else f"the tool ended with code {exit_code}"


def in_words(sqlstate: str) -> str:
    """Return what a code means, with the code itself for whoever looks it up."""
    words = WORDS.get(sqlstate) or CLASSES.get(sqlstate[:2], "the server refused a statement")
    return f"{words} (SQLSTATE {sqlstate})"
