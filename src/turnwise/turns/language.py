"""What small words mean, per language: listening, answering, spelling, not being done.

The lists are ours. Texts are compared as `plain` writes them: lower case, no punctuation.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

MOST_BACKCHANNEL_WORDS = 4
"""An utterance of more words is no mere listening."""

_WORD = re.compile(r"[\w']+")
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*")


@dataclass(frozen=True, slots=True)
class Words:
    """The word lists of one language."""

    backchannels: frozenset[str] = frozenset()
    """Utterances that say "I am listening"."""
    answers: frozenset[str] = frozenset()
    """Words a short answer to a yes/no question is made of."""
    open_questions: frozenset[str] = frozenset()
    """Words that begin a question which "yes" does not answer."""
    spelled: frozenset[str] = frozenset()
    """Words used to spell numbers and addresses, beside digits and single letters."""
    unfinished: frozenset[str] = frozenset()
    """Words nobody ends a turn with."""


def _words(
    *, backchannels: str, answers: str, open_questions: str, spelled: str, unfinished: str
) -> Words:
    listening = frozenset(b.strip() for b in backchannels.split(","))
    lists = (frozenset(text.split()) for text in (answers, open_questions, spelled, unfinished))
    return Words(listening, *lists)


LANGUAGES = {
    "en": _words(
        backchannels="mhm, mm, mmm, hm, hmm, mm hmm, uh huh, uhhuh, aha, ah, oh, okay, ok, right, "
        "yeah, yep, yes, sure, i see, got it, go on, alright, all right, cool, great, "
        "oh okay, oh ok, okay okay, yeah yeah",
        answers="yes yeah yep yup sure ok okay no nope nah correct right exactly absolutely "
        "definitely please thanks fine great maybe sometimes never",
        open_questions="who what when where why which how whose whom",
        spelled="zero oh one two three four five six seven eight nine ten eleven twelve double "
        "triple hundred dot dash underscore hyphen slash plus",
        unfinished="and but or so because if the a an to of for with um uh er that then my your i "
        "we is are was like from in on at",
    ),
    "de": _words(
        backchannels="mhm, hm, hmm, mm, aha, ah, oh, ja, ja ja, okay, ok, genau, gut, klar, "
        "verstehe, alles klar, ach so, achso, stimmt",
        answers="ja nein doch klar genau gerne bitte danke okay ok richtig stimmt nee jo jawohl "
        "sicher natürlich vielleicht gut",
        open_questions="wer was wann wo warum welche welcher welches wie wieso woher wohin wessen",
        spelled="null eins zwei zwo drei vier fünf sechs sieben acht neun zehn elf zwölf punkt "
        "strich minus doppel",
        unfinished="und aber oder weil wenn der die das ein eine zu für mit äh ähm dass dann mein "
        "meine ich wir ist also von in im am auf",
    ),
    "fr": _words(
        backchannels="mhm, hm, hmm, mm, ah, oh, oui, ouais, ok, d'accord, je vois, bien, voilà, "
        "très bien, ah oui, oui oui, compris",
        answers="oui non ouais ok si d'accord merci parfait exactement absolument jamais peut être "
        "bien sûr correct voilà",
        open_questions="qui que quoi quand où pourquoi quel quelle quels quelles comment combien",
        spelled="zéro un deux trois quatre cinq six sept huit neuf dix onze douze vingt trente "
        "quarante cinquante soixante point tiret arobase",
        unfinished="et mais ou donc parce si le la les un une de du des à pour avec euh que mon ma "
        "je nous est dans sur",
    ),
    "es": _words(
        backchannels="mhm, hm, hmm, mm, ah, ajá, oh, sí, vale, ok, okay, claro, ya, entiendo, "
        "bien, de acuerdo, sí sí, muy bien",
        answers="sí si no vale ok okay claro correcto exacto bueno gracias por favor nunca quizás "
        "perfecto",
        open_questions="quién qué cuándo dónde cuál cuáles cómo cuánto cuánta cuántos",
        spelled="cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce punto guion "
        "arroba",
        unfinished="y pero o porque si el la los las un una de del a para con eh que mi yo es en "
        "entonces pues",
    ),
    "it": _words(
        backchannels="mhm, hm, hmm, mm, ah, oh, sì, ok, okay, certo, va bene, capisco, bene, "
        "esatto, ho capito, sì sì",
        answers="sì si no ok okay certo esatto giusto grazie prego mai forse perfetto bene",
        open_questions="chi che cosa quando dove perché quale quali come quanto quanti",
        spelled="zero uno due tre quattro cinque sei sette otto nove dieci undici dodici punto "
        "trattino chiocciola",
        unfinished="e ma o perché se il lo la i gli le un una di del a per con ehm che mio mia io "
        "è in su allora",
    ),
    "pt": _words(
        backchannels="mhm, hm, hmm, mm, ah, oh, sim, tá, ok, okay, certo, claro, entendi, bem, "
        "tá bom, isso, pois",
        answers="sim não ok okay certo claro isso obrigado obrigada correto exato nunca talvez "
        "perfeito",
        open_questions="quem que quê quando onde porquê qual quais como quanto quantos",
        spelled="zero um uma dois duas três quatro cinco seis sete oito nove dez onze doze meia "
        "ponto traço arroba",
        unfinished="e mas ou porque se o a os as um uma de do da para com é que meu minha eu em "
        "então",
    ),
    "nl": _words(
        backchannels="mhm, hm, hmm, mm, ah, aha, oh, ja, ja ja, oké, ok, okay, precies, goed, "
        "snap ik, duidelijk, juist",
        answers="ja nee oké ok okay graag precies juist klopt dank bedankt zeker misschien nooit "
        "prima goed",
        open_questions="wie wat wanneer waar waarom welke welk hoe hoeveel wiens",
        spelled="nul een twee drie vier vijf zes zeven acht negen tien elf twaalf punt streepje "
        "apenstaartje dubbel",
        unfinished="en maar of want als de het een te voor met eh uhm dat dan mijn ik wij is van "
        "in op dus",
    ),
}
"""By ISO 639-1 code."""

NO_WORDS = Words()


def words_of(language: str) -> Words:
    """Return the word lists of a language code such as `en` or `pt-br`; empty ones if unknown."""
    return LANGUAGES.get(language.lower().partition("-")[0], NO_WORDS)


@lru_cache(maxsize=1024)
def plain(text: str) -> str:
    """Return the text as the lists are written: lower case, words only, single spaces."""
    return " ".join(_WORD.findall(text.casefold()))


def is_made_of(text: str, terms: frozenset[str]) -> bool:
    """Return whether a text is terms one after the other: "yeah, okay", "mhm mhm"."""
    said = plain(text).split()
    reached = {0}
    for end in range(1, len(said) + 1):
        if any(start in reached and " ".join(said[start:end]) in terms for start in range(end)):
            reached.add(end)
    return 0 < len(said) <= MOST_BACKCHANNEL_WORDS and len(said) in reached


def count_words(text: str) -> int:
    """Return how many words a text has."""
    return len(plain(text).split())


def last_sentence_starts(text: str) -> int:
    """Return where in the text its last sentence begins; 0 if it is all one sentence."""
    found = sentences(text)
    return found[-1][0] if found else 0


def sentences(text: str) -> list[tuple[int, int]]:
    """Return begin and end of each sentence of a text that has a word in it."""
    return [m.span() for m in _SENTENCE.finditer(text) if plain(m.group())]


def is_question(text: str) -> bool:
    """Return whether the text ends with a question."""
    return text.rstrip(" \"'»”)").endswith(("?", "\uff1f"))


def asks_something(text: str, words: Words) -> bool:
    """Return whether the text ends with a question; not all transcribers write its mark."""
    opening = plain(text[last_sentence_starts(text) :]).split()[:1]
    unmarked = not text.rstrip().endswith((".", "!", "…"))
    return is_question(text) or (unmarked and not words.open_questions.isdisjoint(opening))


def is_yes_no_question(text: str, words: Words) -> bool:
    """Return whether the text ends with a question that "yes" or "no" answers."""
    if not is_question(text):
        return False
    opening = plain(text[last_sentence_starts(text) :]).split()[:3]
    return words.open_questions.isdisjoint(opening)


def is_short_answer(text: str, words: Words) -> bool:
    """Return whether the text is such an answer, and no more: "Yeah.", "No, thanks."."""
    said = plain(text).split()
    return 0 < len(said) <= 3 and words.answers.issuperset(said)


def is_spelled(text: str, words: Words) -> bool:
    """Return whether the text ends amid letters, digits or number words."""
    said = plain(text).split()
    tail = 0
    for word in reversed(said):
        if not (len(word) == 1 or word.isdigit() or word in words.spelled):
            break
        tail += 1
    long_number = bool(said) and said[-1].isdigit() and len(said[-1]) >= 3
    return tail >= 2 or (tail == len(said) == 1 and len(said[-1]) == 1) or long_number


def is_unfinished(text: str, words: Words) -> bool:
    """Return whether the text ends where nobody ends: "I would like to", "and", a comma."""
    end = text.rstrip()
    if end.endswith((",", "...", "…", "-")):
        return True
    if end.endswith((".", "?", "!")):
        return False
    said = plain(text).split()
    return bool(said) and said[-1] in words.unfinished
