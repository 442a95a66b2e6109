"""The three kinds of failure, sorted by who has to act. Every error of the product derives from one of them."""

from typing import ClassVar


class ProductError(Exception):
    """A failure with a sentence for people; `code` is its stable id in the API, the pages and the logs."""

    code: ClassVar[str] = "trouble"
    permanent: ClassVar[bool] = True

    def __init__(self, sentence: str = "") -> None:
        """Take the sentence that is shown; without one, the first line of the class's docstring serves."""
        super().__init__(sentence or self.general)

    @property
    def sentence(self) -> str:
        """The text for the person who has to act."""
        return str(self.args[0])

    @property
    def general(self) -> str:
        """The same sentence for every occurrence: it repeats nothing that somebody typed."""
        return (type(self).__doc__ or "").strip().splitlines()[0]


class Refused(ProductError):
    """The person asked for something that is not allowed, or not possible now."""

    code = "refused"
    recorded = False
    """Whether the ledger holds it already: a refusal is written down once (L13)."""


class TargetTrouble(ProductError):
    """The target database, or a tool working on it, failed."""

    code = "target-trouble"


class Trouble(ProductError):
    """Something of ours, or a service that we rely on, failed."""

    code = "trouble"
    permanent = False
