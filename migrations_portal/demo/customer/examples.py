"""Migration files to submit in the demo and the tests, and what each of them does on the customer's databases."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "examples"


class Outcome(StrEnum):
    """How a run of the file ends."""

    SUCCEEDS = "succeeds"
    FAILS_WHOLE = "fails inside its one transaction: nothing stays"
    FAILS_HALF_WAY = "fails without a transaction: the schema has moved, the file is not recorded"
    CHECK_FAILS = "is applied and recorded, then the plan's own check fails"


@dataclass(frozen=True)
class Example:
    """One file, and the check that its plan should carry: a question, its query and the value it must return."""

    name: str
    outcome: Outcome
    question: str
    query: str
    expected: int

    @property
    def content(self) -> bytes:
        """The file, byte for byte."""
        return (FOLDER / self.name).read_bytes()


CONSENT_TRACKING = Example(
    name="20251103000000-add-patient-consent-tracking.js",
    outcome=Outcome.SUCCEEDS,
    question="Do the consent columns exist on patients and consents?",
    query="SELECT count(*) FROM information_schema.columns WHERE (table_name, column_name) IN"
    " (('patients', 'consentStatus'), ('patients', 'consentRecordedAt'),"
    " ('patients', 'consentReviewDueOn'), ('consents', 'policyVersion'))",
    expected=4,
)
APPOINTMENT_REASON = Example(
    name="20251110000000-require-appointment-reason.js",
    outcome=Outcome.FAILS_WHOLE,
    question="Does every appointment have a reason?",
    query='SELECT count(*) FROM "appointments" WHERE "reason" IS NULL',
    expected=0,
)
MEDICATION_REVIEW = Example(
    name="20251117000000-add-medication-review.js",
    outcome=Outcome.FAILS_HALF_WAY,
    question="Is the constraint on the medications' dates there and validated?",
    query="SELECT count(*) FROM pg_constraint"
    " WHERE conname = 'medications_end_after_start' AND convalidated",
    expected=1,
)
PREFERRED_LANGUAGE = Example(
    name="20251124000000-add-student-preferred-language.js",
    outcome=Outcome.CHECK_FAILS,
    question="Does every student have a preferred language?",
    query='SELECT count(*) FROM "students" WHERE "preferredLanguage" IS NULL',
    expected=0,
)
IMMUNIZATION_CODES = Example(
    name="20251201000000-backfill-immunization-codes.js",
    outcome=Outcome.SUCCEEDS,
    question="Does every immunization event have its CVX code?",
    query='SELECT count(*) FROM "immunization_events" WHERE "cvxCode" IS NULL',
    expected=0,
)
"""Takes about 20 seconds on the full production data, in batches: made to be watched."""

ALL = (
    CONSENT_TRACKING,
    APPOINTMENT_REASON,
    MEDICATION_REVIEW,
    PREFERRED_LANGUAGE,
    IMMUNIZATION_CODES,
)
