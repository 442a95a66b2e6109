"""What an answer of the application means. Never holds what it answered, only status, seconds, and whether the text was there."""

from collections.abc import Mapping

from migrations_portal.plans.smoke import SmokeCheck
from migrations_portal.verification.ports import SmokeAnswer
from migrations_portal.verification.rules import CheckResult


def judge_answer(check: SmokeCheck, *, answer: SmokeAnswer) -> CheckResult:
    """Hold status and text against what the plan expects."""
    said = f"{check.name}: GET {check.url} answered {answer.status} in {answer.seconds:.2f} s"
    found = check.text in answer.body
    if answer.status != check.status:
        said += f", not {check.status}"
    elif not found:
        said += f", without the text “{check.text}”"
    passed = answer.status == check.status and found
    facts = {"status": answer.status, "seconds": round(answer.seconds, 3), "text_found": found}
    return _result(check, passed=passed, sentence=f"{said}.", facts=facts)


def judge_silence(check: SmokeCheck, *, why: str) -> CheckResult:
    """The application gave no answer that can be judged."""
    return _result(check, passed=False, sentence=f"{check.name}: {why}", facts={})


def _result(
    check: SmokeCheck, *, passed: bool, sentence: str, facts: Mapping[str, object]
) -> CheckResult:
    return CheckResult(
        key="smoke",
        title=f"Smoke check: {check.name}",
        passed=passed,
        severity="fail",
        sentence=sentence,
        facts={"url": check.url, **facts},
    )
