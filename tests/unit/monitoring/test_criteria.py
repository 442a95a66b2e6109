"""The spec's rollback criteria, at their edges."""

from dataclasses import replace

import pytest

from migrations_portal.monitoring.rules import (
    Sample,
    judge_error_rate,
    judge_latency,
    judge_throughput,
    transactions_per_second,
)

CALM = Sample(100.0, 5, 0, 0, 0, 0, 0, 1_000, 10, None)


@pytest.mark.parametrize(("errors", "rolls_back"), [(50, False), (51, True), (0, False)])
def test_more_than_five_percent_errors_demand_a_rollback(errors: int, rolls_back: bool) -> None:
    assert judge_error_rate(requests=1_000, errors=errors).demands_rollback is rolls_back


@pytest.mark.parametrize(("now", "rolls_back"), [(150.0, False), (151.0, True), (80.0, False)])
def test_latency_may_grow_by_half(now: float, rolls_back: bool) -> None:
    assert judge_latency(before=100.0, now=now).demands_rollback is rolls_back


@pytest.mark.parametrize(("now", "rolls_back"), [(50.0, False), (49.0, True), (120.0, False)])
def test_throughput_may_fall_by_half(now: float, rolls_back: bool) -> None:
    assert judge_throughput(before=100.0, now=now).demands_rollback is rolls_back


def test_no_data_is_never_all_fine() -> None:
    verdicts = [
        judge_error_rate(requests=0, errors=0),
        judge_error_rate(requests=None, errors=None),
        judge_latency(before=None, now=5.0),
        judge_throughput(before=5.0, now=None),
    ]

    assert [each.demands_rollback for each in verdicts] == [None] * 4
    assert all("a person decides" in each.sentence for each in verdicts)


def test_throughput_is_counted_between_two_samples() -> None:
    later = replace(CALM, at=102.0, transactions=1_300)

    assert transactions_per_second(earlier=CALM, later=later) == 150.0
    assert transactions_per_second(earlier=later, later=CALM) is None
    assert transactions_per_second(earlier=CALM, later=replace(later, transactions=3)) is None
