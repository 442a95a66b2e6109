"""What compliance asks of the outside."""

from collections.abc import Mapping
from typing import Any, Protocol

from migrations_portal.kernel.errors import Trouble


class ReportNotPrinted(Trouble):
    """The PDF could not be made."""

    code = "report-not-printed"


class Printer(Protocol):
    """Makes PDFs for people and archives: tagged (PDF/UA-1), self-contained (PDF/A), the same bytes for the same data."""

    def ledger_report(self, data: Mapping[str, Any]) -> bytes:
        """Return the report; raise `ReportNotPrinted`."""
        ...
