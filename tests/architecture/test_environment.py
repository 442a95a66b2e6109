import re
from pathlib import Path

from whitecross_ops.env import Environment

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_names_exactly_the_variables_that_the_settings_read():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"^(?:# )?(WCO_[A-Z0-9_]+)=", text, re.MULTILINE)) == {
        f"WCO_{name.upper()}" for name in Environment.model_fields
    }
