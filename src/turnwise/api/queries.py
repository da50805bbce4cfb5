"""Query parameters that nobody serves yet."""

from collections.abc import Collection

from starlette.requests import Request

from turnwise.api.errors import NotOffered


def refuse(request: Request, names: Collection[str]) -> None:
    """Answer 501 rather than act as if a parameter were not there.

    Args:
        request: May have query parameters.
        names: Published parameters that would change the answer and that we do not serve.

    Raises:
        NotOffered: If one of them is there.
    """
    for name in names:
        if request.query_params.get(name):
            raise NotOffered(
                f"This server does not offer the parameter {name} of"
                f" {request.method} {request.url.path} yet; leave it out."
            )
