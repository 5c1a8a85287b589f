"""What the package raises of its own. Wrong arguments of its functions are ValueError and TypeError, as usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tocsin.diagnostics import Diagnostics


class Error(Exception):
    """A call of the library failed. `status` is its kind, such as "limit" or "io" (docs/c.md)."""

    def __init__(self, message: str, status: str = "internal") -> None:
        super().__init__(message)
        self.status = status


class LimitError(Error):
    """A limit was reached; the message names it and the remedy."""


class RuleError(Error):
    """Rules have errors. `diagnostics` has all that is wrong with them, with places and remedies."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        super().__init__(str(diagnostics), "invalid_rules")
        self.diagnostics = diagnostics

    def _repr_html_(self) -> str:
        return self.diagnostics._repr_html_()


def raise_failure(status: str, message: str) -> NoReturn:
    """Raises what a status of the C interface stands for. The native part calls it."""
    if status == "not_found":
        raise FileNotFoundError(message)
    if status == "io":
        raise OSError(message)
    if status == "no_memory":
        raise MemoryError(message)
    if status == "invalid_argument":
        raise ValueError(message)
    if status == "limit":
        raise LimitError(message, status)
    raise Error(message, status)
