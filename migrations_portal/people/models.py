"""The table of people."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower


class PersonManager(BaseUserManager["Person"]):
    def create_user(
        self, email: str, full_name: str, password: str | None = None, **more: Any
    ) -> "Person":
        """Create a person; without a password nobody can sign in as them with one."""
        person = self.model(email=self.normalize_email(email), full_name=full_name, **more)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(
        self, email: str, full_name: str, password: str | None = None, **more: Any
    ) -> "Person":
        """Create a person who passes Django's own permission checks. Approvals never look at that flag."""
        return self.create_user(email, full_name, password, is_superuser=True, **more)


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in. Deactivated, never deleted: the ledger names them."""

    email = models.EmailField(unique=True)
    full_name = models.CharField(max_length=120)
    phone = models.CharField(max_length=40, blank=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["full_name"]

    class Meta:
        db_table = "people_person"
        constraints = [models.UniqueConstraint(Lower("email"), name="people_person_email_once")]

    def __str__(self) -> str:
        return self.full_name

    @property
    def first_name(self) -> str:
        """The name used in greetings."""
        return self.full_name.split()[0]

    def get_full_name(self) -> str:
        """Return the printed name (Django asks for it)."""
        return self.full_name
