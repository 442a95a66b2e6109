"""Text that is what it looks like: no character that turns its order round, and something to see.

A file that shows one order of its words and runs another deceives whoever signs it (the class of attacks called Trojan Source,
CVE-2021-42574). The nine characters are Unicode's bidirectional embeddings, overrides and isolates with their ends.
"""

import unicodedata

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def turned(text: str) -> str:
    """Say where the first character stands that turns the order of the text round: "U+202E in line 3"; empty when none does."""
    for number, line in enumerate(text.split("\n"), start=1):
        for character in line:
            if character in _TURNING:
                return f"U+{ord(character):04X} in line {number}"
    return ""


def is_blank(text: str) -> bool:
    """Say whether nothing of the text can be seen: spaces, and characters of no width, alone."""
    return all(
        character.isspace() or unicodedata.category(character) in {"Cc", "Cf"} for character in text
    )
