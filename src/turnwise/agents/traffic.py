"""Which branch of an agent a conversation goes to, where several share the traffic."""

import hashlib
from collections.abc import Mapping

ALL_PERCENT = 100.0


def routed(split: Mapping[str, float], key: str) -> str | None:
    """Return the branch that a conversation goes to: always the same one for the same key.

    When shares change, as few keys as possible change their branch.

    Args:
        split: Percent of the traffic by branch; their sum is 100.
        key: Of the user, or of the conversation where the user is not known.

    Returns:
        None where no branch has a share.
    """
    sharing = [branch for branch in sorted(split) if split[branch] > 0]
    point = _fraction(key) * sum(split[branch] for branch in sharing)
    for branch in sharing:
        point -= split[branch]
        if point < 0:
            return branch
    return sharing[-1] if sharing else None


def _fraction(key: str) -> float:
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
