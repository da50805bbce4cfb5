import re

import pytest

from turnwise.base import errors
from turnwise.base.errors import (
    Error,
    JournalError,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ShapeError,
)


def drawn() -> list[tuple[str, str]]:
    """Return (parent, class) as drawn in the docstring; the root has no parent."""
    found: list[tuple[str, str]] = []
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^ {4}([\s│├└─]*)([A-Z]\w+) {2,}", line)
        if match is None:
            continue
        depth, name = len(match[1]), match[2]
        while above and above[-1][0] >= depth:
            above.pop()
        found.append((above[-1][1] if above else "", name))
        above.append((depth, name))
    return found


def classes(base: type[Error] = Error, parent: str = "") -> list[tuple[str, str]]:
    """Return (parent, class) as the classes are, depth first."""
    found = [(parent, base.__name__)]
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            found += classes(child, base.__name__)
    return found


def every_class() -> list[type[Error]]:
    return [getattr(errors, name) for _, name in classes()]


def test_the_drawing_shows_the_classes_as_they_are() -> None:
    assert drawn() == classes()


def test_every_error_has_a_code_of_its_own_and_says_what_it_is() -> None:
    codes = [error.code for error in every_class()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)
    assert all(error.__doc__ for error in every_class())


def test_a_shape_error_names_the_place() -> None:
    error = ShapeError("policy.waiting", "3 should be a list")
    assert str(error) == "policy.waiting: 3 should be a list"
    assert (error.where, error.reason) == ("policy.waiting", "3 should be a list")
    assert str(ShapeError("", "3 should be a list")) == "3 should be a list"


def test_a_journal_error_names_the_line() -> None:
    error = JournalError(7, "not JSON")
    assert str(error) == "line 7: not JSON"
    assert (error.line, error.reason) == (7, "not JSON")


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        (ProviderUnavailable, True),
        (ProviderTimeout, True),
        (ProviderRefused, False),
        (ProviderBroken, False),
    ],
)
def test_a_provider_error_says_whether_to_try_again(
    kind: type[ProviderError], retryable: object
) -> None:
    error = kind("stt/acme", "no answer", status=503)
    assert str(error) == "stt/acme: no answer"
    assert (error.provider, error.reason, error.status) == ("stt/acme", "no answer", 503)
    assert error.retryable is retryable
    assert kind("stt/acme", "no answer").status is None
