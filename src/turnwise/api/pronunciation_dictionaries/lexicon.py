"""Rules as a file, and back: the W3C's Pronunciation Lexicon Specification 1.0 (PLS).

A lexicon cannot say whether a rule looks at the case or at whole words: what comes from a file
looks at both.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException, ElementTree

from turnwise.api.errors import Malformed
from turnwise.store import Document

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
MEDIA_TYPE = "text/plain"
"""Published; a lexicon's own is `application/pls+xml`."""

_IPA = "ipa"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<lexicon version="1.0" xmlns="{NAMESPACE}" alphabet="ipa" xml:lang="en-US">\n'
)


def parsed(data: bytes) -> list[Document]:
    """Return the rules of a lexicon in the published shape.

    Raises:
        Malformed: If it is none, or one that is not safe to read.
    """
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _refused("it is not XML, or has a DTD") from error
    if _name(root) != "lexicon":
        raise _refused("its root is not a lexicon")
    alphabet = root.get("alphabet") or _IPA
    return [
        rule for lexeme in root if _name(lexeme) == "lexeme" for rule in _rules(lexeme, alphabet)
    ]


def written(rules: Sequence[Document]) -> bytes:
    """Return rules as a lexicon."""
    return (_HEAD + "".join(map(_lexeme, rules)) + "</lexicon>\n").encode()


def _rules(lexeme: "Element", alphabet: str) -> Iterator[Document]:
    graphemes = [_text(each) for each in lexeme if _name(each) == "grapheme"]
    spoken = next((each for each in lexeme if _name(each) in {"alias", "phoneme"}), None)
    if not graphemes or not all(graphemes) or spoken is None:
        raise _refused("each lexeme should have a grapheme and an alias or a phoneme")
    for grapheme in graphemes:
        kind = _name(spoken)
        rule: Document = {
            "string_to_replace": grapheme,
            "case_sensitive": True,
            "word_boundaries": True,
            "type": kind,
            kind: _text(spoken),
        }
        if kind == "phoneme":
            rule["alphabet"] = spoken.get("alphabet") or alphabet
        yield rule


def _lexeme(rule: Document) -> str:
    kind = rule["type"]
    alphabet = rule.get("alphabet") or _IPA
    about = "" if kind == "alias" or alphabet == _IPA else f' alphabet="{_escaped(alphabet)}"'
    return (
        "  <lexeme>\n"
        f"    <grapheme>{_escaped(rule['string_to_replace'])}</grapheme>\n"
        f"    <{kind}{about}>{_escaped(rule[kind])}</{kind}>\n"
        "  </lexeme>\n"
    )


def _escaped(text: str) -> str:
    """Return a text as XML can hold it; what it cannot hold is left out."""
    text = _NO_XML.sub("", text)
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return text


def _name(element: "Element") -> str:
    """Return the name of an element, with or without the namespace; empty: it is another one's."""
    name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    return "" if name.startswith("{") else name


def _text(element: "Element") -> str:
    return (element.text or "").strip()


def _refused(reason: str) -> Malformed:
    return Malformed(
        f"The file is not a pronunciation lexicon (PLS): {reason}.",
        code="invalid_pronunciation_dictionary",
    )
