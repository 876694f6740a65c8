"""What a user did that cannot be done: a value with a status, a code and one sentence that says what to do."""

from enum import IntEnum


class ErrorCode(IntEnum):
    """The `errorCode` of an answer."""

    SUCCESS = 0
    UNAUTHORIZED = 1
    FORBIDDEN = 2
    NOT_FOUND = 3
    VALIDATION = 4
    CONFLICT = 5
    RATE_LIMITED = 6
    UNPROCESSABLE = 7
    PAYLOAD_TOO_LARGE = 8
    SERVER_ERROR = 9
    UNAVAILABLE = 10


class Refused(Exception):  # noqa: N818 -- the word of the contract: not an error of ours
    """A request that is refused: HTTP status, code, and the sentence its sender reads.

    `retry_after`: seconds after which it may be tried again (429 and 503).
    """

    def __init__(self, status: int, error_code: ErrorCode, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.retry_after = retry_after


def not_json(message: str = "The body is not valid JSON.") -> Refused:
    return Refused(400, ErrorCode.VALIDATION, message)


def unauthorized(message: str = "Send a valid API key in X-Api-Key, or a valid token in Authorization.") -> Refused:
    return Refused(401, ErrorCode.UNAUTHORIZED, message)


def forbidden(message: str) -> Refused:
    return Refused(403, ErrorCode.FORBIDDEN, message)


def not_found(what: str) -> Refused:
    """`what` as the sentence names it: `not_found("Job")` says `Job not found.`"""
    return Refused(404, ErrorCode.NOT_FOUND, f"{what} not found.")


def conflict(message: str) -> Refused:
    return Refused(409, ErrorCode.CONFLICT, message)


def too_large(message: str = "The body is larger than 100 KB.") -> Refused:
    return Refused(413, ErrorCode.PAYLOAD_TOO_LARGE, message)


def unsupported_media(
    message: str = "Send the body as JSON, with the header Content-Type: application/json.",
) -> Refused:
    return Refused(415, ErrorCode.VALIDATION, message)


def invalid(message: str) -> Refused:
    """A field is wrong; the message names it and what was expected."""
    return Refused(422, ErrorCode.VALIDATION, message)


def unprocessable(message: str) -> Refused:
    """The request is well formed, but not possible as things are (a deactivated tenant)."""
    return Refused(422, ErrorCode.UNPROCESSABLE, message)


def rate_limited(seconds: int) -> Refused:
    return Refused(
        429,
        ErrorCode.RATE_LIMITED,
        f"Rate limit exceeded. Try again in {seconds} second{'s'[: seconds != 1]}.",
        seconds,
    )


def unavailable(message: str, retry_after: int = 1) -> Refused:
    return Refused(503, ErrorCode.UNAVAILABLE, message, retry_after)
