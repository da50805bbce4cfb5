"""Webhook tools: a request to a URL that the agent's owner configured."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from turnwise.outgoing import (
    Answer,
    AnswerTooLarge,
    ClientCertificate,
    Limits,
    Outgoing,
    OutgoingError,
    OutgoingFailed,
    OutgoingRefused,
    OutgoingTimeout,
)
from turnwise.tools.ports import ErrorType, Outcome, ToolFailed, ToolRequest, Values
from turnwise.tools.webhook_request import WebhookRequest, request_of

LONGEST_S = 300.0
"""For a tool that may take for ever."""
QUOTED_CHARS = 2_000
"""How much of a failed answer the record keeps."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FAULTS: Mapping[type[OutgoingError], ErrorType] = {
    OutgoingRefused: "customer_config",
    OutgoingTimeout: "external_server",
    OutgoingFailed: "external_server",
    AnswerTooLarge: "external_server",
}


class WebhookTools:
    """Runs webhook tools; a `ToolRunner`."""

    def __init__(self, outgoing: Outgoing, values: Values) -> None:
        """Connect to nothing yet.

        Args:
            outgoing: The way out.
            values: Finds what the definitions refer to.
        """
        self._outgoing = outgoing
        self._values = values

    async def run(self, request: ToolRequest) -> Outcome:
        """Send the request and return the answer.

        Raises:
            ToolFailed: If it cannot be sent, or is not answered with a status from 200 to 299.
        """
        bare = await request_of(request, self._values)
        limits = Limits(seconds=request.tool.response_timeout_secs or LONGEST_S)
        try:
            sent, answer = await self._authorised(bare, request, limits)
            answer = await self._followed(answer, request, limits)
        except OutgoingError as error:
            fault = _FAULTS.get(type(error), "internal")
            raise ToolFailed(fault, str(error), details=bare.details) from error
        except ToolFailed as error:
            raise ToolFailed(error.error_type, str(error), details=bare.details) from error
        if not 200 <= answer.status < 300:
            raise ToolFailed(_fault_of(answer.status), _told(answer), details=sent.details)
        if b"\0" in answer.body and "charset=utf-16" not in _type_of(answer):
            kind = _type_of(answer) or "no type"
            reason = f"the answer is no text ({kind})"
            raise ToolFailed("external_server", reason, details=sent.details)
        return Outcome(text=answer.text, details=sent.details)

    async def _authorised(
        self, bare: WebhookRequest, request: ToolRequest, limits: Limits
    ) -> tuple[WebhookRequest, Answer]:
        """Send the request; with a newer token once more, if a remembered one was refused."""
        self._check(bare.url)
        locator = request.tool.raw["api_schema"].get("auth_connection")
        if not isinstance(locator, Mapping) or not any(locator.values()):
            return bare, await self._send(bare, limits)
        found = await self._values.authorisation(locator, renew=False)
        sent = bare.with_headers(found.headers)
        answer = await self._send(sent, limits, found.identity)
        if answer.status == 401 and found.remembered:
            found = await self._values.authorisation(locator, renew=True)
            sent = bare.with_headers(found.headers)
            answer = await self._send(sent, limits)
        return sent, answer

    async def _send(
        self,
        request: WebhookRequest,
        limits: Limits,
        identity: ClientCertificate | None = None,
    ) -> Answer:
        for name, value in request.headers.items():
            if not (value.isascii() and value.isprintable()):  # an error would quote the value
                reason = f"the header {name} has characters that headers cannot have"
                raise ToolFailed("customer_config", reason)
        return await self._outgoing.request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.body,
            limits=limits,
            identity=identity,
        )

    async def _followed(self, answer: Answer, request: ToolRequest, limits: Limits) -> Answer:
        """Follow one redirect, if the tool says so: a GET without body and configured headers."""
        location = answer.headers.get("location")
        if answer.status not in _REDIRECTS or not location:
            return answer
        raw = request.tool.raw
        if raw.get("follow_redirects") is not True:
            return answer
        url = urljoin(answer.url, location)
        self._check(url)
        domains = raw.get("follow_redirects_allowed_domains") or ()
        if not _is_among(urlsplit(url).hostname or "", domains):
            raise ToolFailed(
                "customer_config", "a redirect leads to a domain that the tool does not allow"
            )
        return await self._outgoing.request("GET", url, limits=replace(limits, redirects=0))

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            plain = parts.scheme != "https" and not (
                parts.scheme == "http" and self._outgoing.policy.may_be_plain(parts.hostname or "")
            )
        except ValueError as error:
            raise ToolFailed("customer_config", "the URL is none") from error
        if plain:
            raise ToolFailed("customer_config", "URLs should begin with https://")


def _is_among(host: str, domains: Collection[str]) -> bool:
    return any(
        host == domain.lower() or (domain.startswith("*.") and host.endswith(domain[1:].lower()))
        for domain in domains
    )


def _type_of(answer: Answer) -> str:
    return str(answer.headers.get("content-type", "")).lower()[:QUOTED_CHARS]


def _fault_of(status: int) -> ErrorType:
    return "customer_auth" if status in {401, 403} else "external_server"


def _told(answer: Answer) -> str:
    words = answer.text.strip()[:QUOTED_CHARS]
    return f"HTTP {answer.status}: {words}" if words else f"HTTP {answer.status}"
