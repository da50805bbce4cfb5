"""Well-known voices of the hosted service: agents name them, and clients ask for them by id.

Nobody else has these voices. What is known of them helps to choose a local voice that does not
surprise: a man stays a man.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from turnwise.providers.ports import Gender, Voice

_FORM = re.compile(r"[A-Za-z0-9]{20}")


def _known(gender: Gender, names: Mapping[str, str]) -> dict[str, Voice]:
    return {
        voice_id: Voice(voice_id=voice_id, name=name, gender=gender)
        for voice_id, name in names.items()
    }


WIRE_VOICES: Mapping[str, Voice] = MappingProxyType(
    _known(
        "female",
        {
            "21m00Tcm4TlvDq8ikWAM": "Rachel",
            "9BWtsMINqrJLrRacOk9x": "Aria",
            "AZnzlk1XvdvUeBnXmlld": "Domi",
            "EXAVITQu4vr4xnSDxMaL": "Sarah",
            "FGY2WhTYpPnrIDTdsKH5": "Laura",
            "MF3mGyEYCl7XYWbV9V6O": "Elli",
            "XB0fDUnXU5powFXDhCwa": "Charlotte",
            "Xb7hH8MSUJpSbSDYk0k2": "Alice",
            "XrExE9yKIg1WjnnlVkGX": "Matilda",
            "cgSgspJ2msm6clMCkdW9": "Jessica",
            "hpp4J3VqNfWAUOO0d1Us": "Bella",
            "pFZP5JQG7iQjIQuC4Bku": "Lily",
        },
    )
    | _known(
        "male",
        {
            "CwhRBWXzGAHq8TQ4Fs17": "Roger",
            "ErXwobaYiN019PkySvjV": "Antoni",
            "IKne3meq5aSn9XLyUdCD": "Charlie",
            "JBFqnCBsd6RMkjVDRZzb": "George",
            "N2lVS1w4EtoT3dr4eOWO": "Callum",
            "SOYHLrjzK2X1ezoPC6cr": "Harry",
            "TX3LPaxmHKxFdv7VOQHJ": "Liam",
            "TxGEqnHWrfWFTfGW9XjX": "Josh",
            "VR6AewLTigWG4xSOukaG": "Arnold",
            "bIHbv24MWmeRgasZH58o": "Will",
            "cjVigY5qzO86Huf0OWal": "Eric",
            "iP95p4xoKVk53GoZ742B": "Chris",
            "nPczCjzI2devNBz1zQrb": "Brian",
            "onwK4e9ZLuTAKqWW03F9": "Daniel",
            "pNInz6obpgDQGcFmaJgB": "Adam",
            "pqHfZKP75CvOlQylNhV4": "Bill",
            "yoZ06aMxZJJ28mfd3POQ": "Sam",
        },
    )
    | _known("neutral", {"SAz9YHcvj6GT2YYXdXww": "River"})
)
"""By id."""


def has_wire_form(voice_id: str) -> bool:
    """Return whether an id looks like one of the hosted service's."""
    return bool(_FORM.fullmatch(voice_id))


def alike(voice_id: str, female: Sequence[str], male: Sequence[str]) -> Sequence[str]:
    """Return those of some local voices that may stand for a voice.

    Args:
        voice_id: Any name.
        female: Local voices of women.
        male: Local voices of men.
    """
    known = WIRE_VOICES.get(voice_id)
    choices = {"female": female, "male": male}.get(known.gender if known else "")
    return choices or (*female, *male)
