"""The conversation about a plan. Comments are no part of what is signed, so they void nothing."""

import re
from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.notifications import services as notifications
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import services
from migrations_portal.plans.models import Comment, MigrationPlan

MAX_LENGTH = 4_000
_MENTION = re.compile(r"(?<![\w@.])@([A-Za-z0-9][A-Za-z0-9._-]{0,63})")


class CommentRefused(Refused):
    """The comment cannot be kept as it is."""

    code = "comment-refused"


def handle(person: Person) -> str:
    """Return how somebody is mentioned: what stands before the @ of their address."""
    return person.email.partition("@")[0].lower()


def handles_in(text: str) -> list[str]:
    """Return the mentioned handles, each once, in order."""
    found = (match.rstrip(".-_").lower() for match in _MENTION.findall(text))
    return list(dict.fromkeys(found))


@transaction.atomic
def add(*, plan_id: int, by: Person, text: str, now: datetime, public_url: str) -> Comment:
    """Add a comment and send a mail to each person it mentions.

    Raises `CommentRefused` when it is empty, too long, or mentions somebody who cannot see the plan; `NotAllowed` for
    whoever holds no role here. The mail carries no text of the comment: that may hold what mails may not (A11).
    """
    plan = services.lock(plan_id)
    access.check_member(person=by, group=plan.target.group)
    said = text.strip()
    if not said:
        raise CommentRefused("Write something first.")
    if len(said) > MAX_LENGTH:
        raise CommentRefused(
            f"A comment has at most {MAX_LENGTH:,} characters; this has {len(said):,}."
        )
    people = _mentioned(plan, said)
    comment = Comment.objects.create(plan=plan, author=by, at=now, text=said)
    comment.mentioned.set(people)
    for person in people:
        if person.pk != by.pk:
            _tell(comment, plan=plan, person=person, by=by, now=now, public_url=public_url)
    audit.append(
        services.draft_entry(
            plan,
            kind=EntryKind.COMMENT_ADDED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} commented on {plan.number}.",
            facts={"comment": comment.pk, "mentioned": [person.email for person in people]},
        )
    )
    return comment


def _mentioned(plan: MigrationPlan, text: str) -> list[Person]:
    handles = handles_in(text)
    if not handles:
        return []
    known = {handle(person): person for person in access.members(group=plan.target.group)}
    strangers = [f"@{each}" for each in handles if each not in known]
    if strangers:
        raise CommentRefused(
            f"{', '.join(strangers)} cannot see this plan, or is spelled differently. People here: "
            f"{', '.join(f'@{each}' for each in sorted(known))}."
        )
    return [known[each] for each in handles]


def _tell(
    comment: Comment,
    *,
    plan: MigrationPlan,
    person: Person,
    by: Person,
    now: datetime,
    public_url: str,
) -> None:
    notifications.queue_mail(
        template="mentioned",
        to=person.email,
        context={
            "plan_number": plan.number,
            "person_name": person.first_name,
            "by_name": by.full_name,
            "url": f"{public_url}{services.path(plan)}#comment-{comment.pk}",
        },
        dedup_key=f"mention-{comment.pk}",
        now=now,
        plan_id=plan.pk,
    )
