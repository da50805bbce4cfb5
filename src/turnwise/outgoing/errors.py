"""What may go wrong with a request to a URL that a user configured.

OutgoingError
├── OutgoingRefused   the URL, or a redirect, leads where it must not
├── OutgoingTimeout   no whole answer in time
├── OutgoingFailed    no connection, or what came is no answer
└── AnswerTooLarge    the answer is larger than it may be
"""

import httpx2

from turnwise.base.errors import Error


class OutgoingError(Error):
    """A request to a URL that a user configured came to nothing."""

    code = "outgoing"


class OutgoingRefused(OutgoingError, httpx2.TransportError):
    """The URL, or a redirect, leads where it must not; libraries take it for a failed request."""

    code = "url_refused"


class OutgoingTimeout(OutgoingError):
    """There was no whole answer in time."""

    code = "outgoing_timeout"


class OutgoingFailed(OutgoingError):
    """There was no connection, or what came is no answer."""

    code = "outgoing_failed"


class AnswerTooLarge(OutgoingError, httpx2.TransportError):
    """The answer is larger than it may be; libraries take it for a failed request."""

    code = "answer_too_large"
