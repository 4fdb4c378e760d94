"""The one table of errors: what a refused request is called, whether a retry can help, and its HTTP status.

Three families: the client broke the protocol (`CloseCode`), the request is refused (`Refused`, told with an
`ErrorCode`), anything else (logged with its context, redelivered, dead-lettered).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class ErrorCode(StrEnum):
    """Why a request is refused: one cause, one code. A client that does not know a code goes by the sentence beside it.

    The first group is said on the WebSocket and over HTTP, the second over HTTP alone."""

    INVALID_FRAME = "invalid_frame"
    TOO_LARGE = "too_large"
    UNAUTHORIZED = "unauthorized"
    EXPIRED = "expired"
    FORBIDDEN = "forbidden"
    NOT_JOINED = "not_joined"
    NO_SUCH_ROOM = "no_such_room"
    NO_SUCH_MESSAGE = "no_such_message"
    NO_SUCH_USER = "no_such_user"
    ID_REUSED = "id_reused"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    UNSUPPORTED_FILE = "unsupported_file"
    NAME_TAKEN = "name_taken"
    BAD_CREDENTIALS = "bad_credentials"

    FORBIDDEN_ORIGIN = "forbidden_origin"
    """The page is not of this server, as far as its headers say."""
    NO_GUESTS = "no_guests"
    SIGN_IN_ELSEWHERE = "sign_in_elsewhere"
    INVALID_NAME = "invalid_name"
    """Of a person."""
    INVALID_PASSWORD = "invalid_password"  # noqa: S105 (a code)
    WEAK_PASSWORD = "weak_password"  # noqa: S105
    """One of those that are guessed first."""
    INVALID_REQUEST = "invalid_request"
    """The request is not made as it should be; status and sentence say what is wrong with it."""
    NOT_FOUND = "not_found"
    """There is nothing at this address."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NO_SUCH_FILE = "no_such_file"
    """Or not for who asks, which is not told apart."""
    PRECONDITION_FAILED = "precondition_failed"
    UPGRADE_REQUIRED = "upgrade_required"
    TIMED_OUT = "timed_out"
    """The client took too long."""
    INTERNAL = "internal"
    """A fault of the server, which has logged it."""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self in RETRYABLE

    @property
    def http_status(self) -> int:
        """The HTTP status that carries this code (RFC 9110, section 15)."""
        return HTTP_STATUS[self]


RETRYABLE: Final = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.OVERLOADED, ErrorCode.UNAVAILABLE, ErrorCode.TIMED_OUT})

HTTP_STATUS: Final[dict[ErrorCode, int]] = {
    ErrorCode.INVALID_FRAME: 400,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.EXPIRED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_JOINED: 403,
    ErrorCode.NO_SUCH_ROOM: 404,
    ErrorCode.NO_SUCH_MESSAGE: 404,
    ErrorCode.NO_SUCH_USER: 404,
    ErrorCode.ID_REUSED: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.OVERLOADED: 503,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.UNSUPPORTED_FILE: 415,
    ErrorCode.NAME_TAKEN: 409,
    ErrorCode.BAD_CREDENTIALS: 401,
    ErrorCode.FORBIDDEN_ORIGIN: 403,
    ErrorCode.NO_GUESTS: 403,
    ErrorCode.SIGN_IN_ELSEWHERE: 403,
    ErrorCode.INVALID_NAME: 400,
    ErrorCode.INVALID_PASSWORD: 400,
    ErrorCode.WEAK_PASSWORD: 400,
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.NO_SUCH_FILE: 404,
    ErrorCode.PRECONDITION_FAILED: 412,
    ErrorCode.UPGRADE_REQUIRED: 426,
    ErrorCode.TIMED_OUT: 408,
    ErrorCode.INTERNAL: 500,
}


class CloseCode(IntEnum):
    """Why a connection ends (RFC 6455, section 7.4). A client comes back after 4000–4499 and never after 4500–4999."""

    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    DRAINING = 4001
    TOO_SLOW = 4002
    OVERLOADED = 4003
    SILENT = 4004
    NOT_AUTHENTICATED = 4501
    TOKEN_EXPIRED = 4502
    SIGNED_OUT = 4503
    PROTOCOL_BROKEN = 4504

    @property
    def come_back(self) -> bool:
        """Whether a client should reconnect. Also where its bytes were not a WebSocket's: a proxy did that. Caddy 2.6
        writes an unmasked close frame into what it passes on when it reloads, and the gateway answers that by 1002."""
        return self in _AGAIN or 4000 <= self < 4500


_AGAIN = frozenset(
    {
        CloseCode.GOING_AWAY, CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA, CloseCode.INTERNAL_ERROR,
        CloseCode.SERVICE_RESTART,
    }
)  # fmt: skip


class Refused(Exception):
    """A request is refused: `code` from the table, `text` a sentence for the person who gets it."""

    def __init__(self, code: ErrorCode, text: str, retry_after_ms: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.retry_after_ms = retry_after_ms
