"""Where clients reach the sockets of this server."""

from starlette.requests import Request

_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}


def socket_base(request: Request, public_url: str) -> str:
    """Return scheme, host and prefix under which a client reaches our sockets.

    Args:
        request: Says how the client reached us, also behind a proxy that tells.
        public_url: How it should; empty: as it did.
    """
    if public_url:
        scheme, _, rest = public_url.rstrip("/").partition("://")
        return f"{_SOCKET_SCHEMES[scheme]}://{rest}"
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    secure = (forwarded or request.url.scheme) in {"https", "wss"}
    prefix = str(request.scope.get("root_path", "")).rstrip("/")
    return f"{'wss' if secure else 'ws'}://{request.url.netloc}{prefix}"
