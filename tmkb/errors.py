"""The one family of errors: each has a code, a message, a place and a hint (docs/errors.md lists the codes)."""

from __future__ import annotations


class TmkbError(Exception):
    """Something the user can act on; shown without a traceback and ends the program with ``exit_code``.

    ``code`` is an anchor in docs/errors.md, ``where`` is ``file:line[:column]`` or empty, ``hint`` says what to do.
    """

    exit_code = 2

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "") -> None:
        """Keep the four parts apart, so that every output format can show them."""
        super().__init__(message)
        self.code, self.message, self.where, self.hint = code, message, where, hint

    def __reduce__(self) -> tuple[object, ...]:
        """Return how the error is made again in another process."""
        return _again, (type(self), self.code, self.message, self.where, self.hint)

    def __str__(self) -> str:
        """Return the error as people read it: place, code, message, hint."""
        place = f"{self.where}: " if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}[{self.code}] {self.message}{hint}"


def _again(kind: type[TmkbError], code: str, message: str, where: str, hint: str) -> TmkbError:
    error = kind.__new__(kind)
    TmkbError.__init__(error, code, message, where=where, hint=hint)
    return error


class SourceError(TmkbError):
    """A file of the knowledge base cannot be taken as it is."""


class StructuralError(TmkbError):
    """The authoring check found structural errors; nothing is derived."""


class UnknownNameError(TmkbError):
    """A device, release, threat, pattern, query or other name is not there."""


class QueryHeaderError(TmkbError):
    """The header of a query file and its text do not agree."""


class ParameterError(TmkbError):
    """A parameter or option is missing, unknown or of the wrong kind."""


class InconsistencyError(TmkbError):
    """Two statements cannot both hold."""


class RuleError(TmkbError):
    """A derivation or rating rule is broken; the whole build stops."""

    exit_code = 3


class EngineError(TmkbError):
    """A third-party engine failed in a way that no input explains."""

    exit_code = 3


def nearest(name: str, known: list[str]) -> str:
    """Return a hint with the known names most like *name*, or with the first few of them."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return "known: " + ", ".join(sorted(known)[:12]) + more if known else "there are none"
