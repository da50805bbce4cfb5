"""Comparing what was sent with what came back."""


def is_part_of(part: object, whole: object) -> bool:
    """Whether a document is within another: objects may have more there, all else is equal."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_part_of(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(is_part_of, part, whole))
    return part == whole
