"""A HIGH plan with PHI, a LOW one and an emergency, from T-7 to T-0 with a moving clock, and every mail that they sent."""

from datetime import timedelta

from inline_snapshot import snapshot

from migrations_portal.approvals import services
from migrations_portal.notifications import delivery
from migrations_portal.notifications.models import Notice
from migrations_portal.plans.models import MigrationPlan
from tests.clock import NOON
from tests.factories.chain import Story
from tests.factories.plans import draft, submitted

HOUR = timedelta(hours=1)


def sent(plan) -> list[str]:
    """Return who got which mail, in order; none of them shows a file, a query or the reason typed by a person."""
    lines = []
    for notice in Notice.objects.filter(channel="MAIL").order_by("pk"):
        mail = delivery.render_mail(notice)
        assert "module.exports" not in mail.text + mail.html
        assert mail.html.count('href="') == 1
        subject = mail.subject.replace(plan.number, "WC-1")
        lines.append(f"{notice.created_at:%d %H:%M} {notice.recipient.split('@')[0]}: {subject}")
    return lines


def test_a_high_plan_with_phi_from_t_7_to_t_0(cast, production):
    story = Story(cast, submitted(by=cast["ana"], target=production, level="HIGH", phi=True))
    story.now = NOON + 2 * HOUR
    story.sign_stage("REVIEW")
    story.before(days=5)
    story.sign("SECURITY", "SECURITY_OFFICER")
    story.sign("SECURITY", "COMPLIANCE_OFFICER")
    story.before(days=4)  # Petra is reminded
    story.sign("SECURITY", "PRIVACY_OFFICER")
    story.before(days=3)
    story.before(days=1)
    story.sign("GO", "CTO")
    story.before(hours=2)  # Dan is late
    story.sign("GO", "DBA")

    assert story.status == "APPROVED"
    assert sent(story.plan) == snapshot(
        [
            "03 17:00 carla: WC-1 waits for you: sign as CTO by Fri 06 Nov 2026, 12:00 EST",
            "03 17:00 dan: WC-1 waits for you: sign as database admin by Fri 06 Nov 2026, 12:00 EST",
            "03 19:00 sam: WC-1 waits for you: sign as security officer by Sun 08 Nov 2026, 12:00 EST",
            "03 19:00 cleo: WC-1 waits for you: sign as compliance officer by Sun 08 Nov 2026, 12:00 EST",
            "03 19:00 petra: WC-1 waits for you: sign as privacy officer by Sun 08 Nov 2026, 12:00 EST",
            "07 17:00 petra: WC-1 waits for you: sign as privacy officer by Sun 08 Nov 2026, 12:00 EST",
            "08 17:00 compliance: WC-1: planned database change on production, Wed 11 Nov 2026, 12:00 EST",
            "08 17:00 engineering: WC-1: planned database change on production, Wed 11 Nov 2026, 12:00 EST",
            "10 17:00 dan: WC-1 waits for you: sign as database admin by Wed 11 Nov 2026, 12:00 EST",
            "10 17:00 carla: WC-1 waits for you: sign as CTO by Wed 11 Nov 2026, 12:00 EST",
            "11 15:00 dan: WC-1 is late: database admin, due Wed 11 Nov 2026, 12:00 EST",
            "11 15:00 tess: WC-1 is late: database admin, due Wed 11 Nov 2026, 12:00 EST",
            "11 15:00 carla: WC-1 is late: database admin, due Wed 11 Nov 2026, 12:00 EST",
            "11 15:00 ana: WC-1 is late: database admin, due Wed 11 Nov 2026, 12:00 EST",
            "11 15:00 ana: WC-1 is approved: a change that touches PHI",
            "11 15:00 dan: WC-1 is approved: a change that touches PHI",
            "11 15:00 carla: WC-1 is approved: a change that touches PHI",
            "11 15:00 sam: WC-1 is approved: a change that touches PHI",
            "11 15:00 cleo: WC-1 is approved: a change that touches PHI",
            "11 15:00 petra: WC-1 is approved: a change that touches PHI",
        ]
    )


def test_a_low_plan_from_t_7_to_t_0(cast, production):
    story = Story(cast, submitted(by=cast["ana"], target=production, level="LOW")).to_approved()

    assert story.status == "APPROVED"
    assert sent(story.plan) == snapshot(
        [
            "03 17:00 dan: WC-1 waits for you: sign as database admin by Fri 06 Nov 2026, 12:00 EST",
            "03 17:00 sam: WC-1 waits for you: sign as security officer by Sun 08 Nov 2026, 12:00 EST",
            "03 17:00 cleo: WC-1 waits for you: sign as compliance officer by Sun 08 Nov 2026, 12:00 EST",
            "10 21:00 engineering: WC-1: planned database change on production, Wed 11 Nov 2026, 12:00 EST",
            "10 21:00 dan: WC-1 waits for you: sign as database admin by Wed 11 Nov 2026, 12:00 EST",
            "10 21:00 ana: WC-1 is approved: Add consent tracking",
            "10 21:00 dan: WC-1 is approved: Add consent tracking",
            "10 21:00 sam: WC-1 is approved: Add consent tracking",
            "10 21:00 cleo: WC-1 is approved: Add consent tracking",
        ]
    )


def test_an_emergency(cast, production):
    plan = draft(by=cast["ana"], target=production, level="HIGH")
    MigrationPlan.objects.filter(pk=plan.pk).update(scheduled_for=NOON + 2 * HOUR)
    story = Story(cast, plan)
    story.do(services.submit_emergency, "ana", reason="Wrong consent data", until=NOON + 6 * HOUR)
    story.now += timedelta(minutes=5)
    story.do(services.confirm_emergency, "carla", reason="I saw it")
    story.now += timedelta(minutes=5)
    for stage in ("REVIEW", "SECURITY", "GO"):
        story.sign_stage(stage)
    assert story.status == "APPROVED"
    story.at(NOON + 6 * HOUR)

    assert story.status == "EXPIRED"
    assert services.owed_review(story.plan) is not None
    assert sent(story.plan) == snapshot(
        [
            "03 17:00 carla: WC-1 EMERGENCY: Ana Lopez asks you to confirm",
            "03 17:00 eve: WC-1 EMERGENCY: Ana Lopez asks you to confirm",
            "03 17:05 ana: WC-1 EMERGENCY on production: declared by Ana Lopez and Carla Moreno",
            "03 17:05 cleo: WC-1 EMERGENCY on production: declared by Ana Lopez and Carla Moreno",
            "03 17:05 carla: WC-1 EMERGENCY on production: declared by Ana Lopez and Carla Moreno",
            "03 17:05 dan: WC-1 EMERGENCY on production: declared by Ana Lopez and Carla Moreno",
            "03 17:05 eve: WC-1 EMERGENCY on production: declared by Ana Lopez and Carla Moreno",
            "03 17:05 petra: WC-1 EMERGENCY on production: declared by Ana Lopez and Carla Moreno",
            "03 17:05 sam: WC-1 EMERGENCY on production: declared by Ana Lopez and Carla Moreno",
            "03 17:05 tess: WC-1 EMERGENCY on production: declared by Ana Lopez and Carla Moreno",
            "03 17:05 engineering: WC-1: planned database change on production, Tue 03 Nov 2026, 14:00 EST",
            "03 17:05 carla: WC-1 EMERGENCY waits for you: sign as CTO by Tue 03 Nov 2026, 14:00 EST",
            "03 17:05 dan: WC-1 EMERGENCY waits for you: sign as database admin by Tue 03 Nov 2026, 14:00 EST",
            "03 17:05 sam: WC-1 EMERGENCY waits for you: sign as security officer by Tue 03 Nov 2026, 14:00 EST",
            "03 17:05 cleo: WC-1 EMERGENCY waits for you: sign as compliance officer by Tue 03 Nov 2026, 14:00 EST",
            "03 17:05 dan: WC-1 EMERGENCY waits for you: sign as database admin by Tue 03 Nov 2026, 14:00 EST",
            "03 17:05 carla: WC-1 EMERGENCY waits for you: sign as CTO by Tue 03 Nov 2026, 14:00 EST",
            "03 17:10 ana: WC-1 is approved: Add consent tracking",
            "03 17:10 dan: WC-1 is approved: Add consent tracking",
            "03 17:10 carla: WC-1 is approved: Add consent tracking",
            "03 17:10 sam: WC-1 is approved: Add consent tracking",
            "03 17:10 cleo: WC-1 is approved: Add consent tracking",
            "03 23:00 ana: WC-1 is expired: Add consent tracking",
            "03 23:00 dan: WC-1 is expired: Add consent tracking",
            "03 23:00 carla: WC-1 is expired: Add consent tracking",
            "03 23:00 sam: WC-1 is expired: Add consent tracking",
            "03 23:00 cleo: WC-1 is expired: Add consent tracking",
            "03 23:00 engineering: WC-1 on production changes: not as you were told",
            "03 23:00 cleo: WC-1 owes a review of its emergency",
            "03 23:00 eve: WC-1 owes a review of its emergency",
            "03 23:00 sam: WC-1 owes a review of its emergency",
        ]
    )
