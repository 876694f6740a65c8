"""A database, or its folder, that cannot be reached or is not what was expected there, in words for the operator."""

from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

_UNDEFINED_TABLE = "42P01"


def why_unusable(error: Exception) -> str | None:
    """A sentence that says what to do; None where the fault is not the operator's to mend."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}. Make it accessible, or name another."
    if not isinstance(error, DBAPIError):
        return None
    said = (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0].rstrip(".")
    if said.startswith("no such table") or getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE:
        return "There are no tables of Tocsin's in this database. Run `tocsin migrate` first, or name the right one."
    if isinstance(error, ProgrammingError) or not isinstance(error, OperationalError):
        return None
    return f"The database cannot be used: {said}. Look after it, or name the right one (TOCSIN_DATABASE_URL)."
