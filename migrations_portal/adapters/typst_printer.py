"""PDF reports by Typst. Data goes in as JSON, so that no text of a user's is ever markup."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

from migrations_portal.compliance.ports import ReportNotPrinted

TEMPLATES = Path(__file__).resolve().parent / "reports"


class TypstPrinter:
    """Prints the templates beside this file, with the fonts that come with Typst."""

    def ledger_report(self, data: Mapping[str, Any]) -> bytes:
        """Print reports/ledger.typ."""
        try:
            return typst.compile(
                str(TEMPLATES / "ledger.typ"),
                root=str(TEMPLATES),
                ignore_system_fonts=True,
                format="pdf",
                sys_inputs={"data": json.dumps(data)},
                pdf_standards=["a-2a", "ua-1"],
            )
        except RuntimeError as error:
            raise ReportNotPrinted(f"Typst says: {str(error)[:300]}") from error
