"""Generates random sentences: common words, invented words, and syllables that pair every phone with every neighbour.

No text is copied from a source. The same random generator gives the same sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

_COMMON_WORDS = (
    "a about after again all along always and animal another any apple around ask at away baby back bad bag be beach "
    "because bed before begin behind below between big bird black blue boat body book both bottom bowl box boy bread "
    "bring brother brown build but buy by call came camp can car carry chair change child city clean close cloud coat "
    "cold come cook cool could country cup dark day deep did dinner do dog door down draw dream drive each ear early "
    "earth easy eat eight end enough even evening ever every eye face fall family far farm fast father feel feet few "
    "field film find fire first fish five flower fly follow food foot for forest form four free friend from full game "
    "garden gave girl give glass go gold good green grow had half hand happy hard has have he head hear heart help her "
    "here high hill him his hold home hope horse hot hour house how if in into is it join jump just keep kind king "
    "know large last late laugh leaf learn leave left leg less let life light like line listen little live long look "
    "love low lunch make man many map may me mean meat milk mind minute mix money moon more morning most mother "
    "mountain mouth move much music must my name near never new next nice night no north nose not now number of off "
    "often oh oil old on once one only open or orange other our out over page paper park part people pepper perhaps "
    "piece place plan play please point poor pretty pull purple push put queen question quick quiet rain read ready "
    "red rest rice rich ride right river road room round run sad said same save saw say school sea see seem sell send "
    "seven shape sharp she shirt shoe shop short should show side simple sing sit six sky sleep slow small smile snow "
    "so soft some song soon south speak spring stand star start stay still stone stop story street strong such summer "
    "sun sweet swim table take talk tall teach tell ten than thank that the their them then there these they thing "
    "think this those three through time to today together told tomorrow too top town train travel tree true try turn "
    "two under up upon us use very village visit voice wait walk wall want warm was wash watch water wave way we wear "
    "week well were west what wheel when where which while white who why wide wild will wind window winter wish with "
    "woman wonderful wood word work world would write year yellow yes yesterday you young your zebra zero"
)
COMMON = _COMMON_WORDS.split()
"""Common English words; our own list."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a language's syllables are written."""

    onsets: tuple[str, ...]
    nuclei: tuple[str, ...]
    codas: tuple[str, ...] = ()
    closed: float = 0.0  # share of syllables with a coda
    joint: str = ""  # between the syllables of a word
    stop: str = "."


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_LATIN = Spelling(
    _split("p b t d k g m n f v s z l r h p b m f v br pl tr gr sk st sp fl"),
    _split("a e i o u a o u ai ei au ou ia io ua"),
    _split("n m l r s t p"),
    0.25,
)
SPELLINGS = {
    "en": Spelling(
        _split("p b t d k g m n f v s z l r h ch sh th w y j st br pl tr gr sk fl sw qu thr shr p b m f v w"),
        _split("a e i o u oo ee ea ai ay oa ow ou oi igh er ar or aw ir"),
        _split("n m l s t p b k d g ng sh ch th f ve ze nd st mp nk"),
        0.6,
    ),
    "latin": _LATIN,
    "de": Spelling(
        _split("p b t d k g m n f w s sch l r h z pf sp st br pl kr p b m f w j"),
        _split("a e i o u ä ö ü ei au eu ie aa oh üh öh"),
        _split("n m l r s t p ch ng f lf mpf"),
        0.5,
    ),
    "fr": Spelling(
        _split("p b t d c g m n f v s z l r ch j gn qu br pl tr gr p b m f v"),
        _split("a é è i o u ou eau eu an on in oi ui ai"),
        _split("r l te me be ve fe che"),
        0.25,
    ),
    "cmn": Spelling(
        _split("b p m f d t n l g k h j q x zh ch sh r z c s b p m f"),
        _split("a o e ai ei ao ou an en ang eng ong i ia iao ie iu ian in iang ing u ua uo uai ui uan un uang"),
        _split("1 2 3 4"),
        1.0,
        joint=" ",
    ),
    "ja": Spelling(
        _split("あ い う え お か き く け こ さ し す せ そ た ち つ て と な に ぬ ね の "
               "は ひ ふ へ ほ ま み む め も や ゆ よ ら り る れ ろ わ "
               "が ぎ ぐ げ ご ざ じ ず だ で ど ば び ぶ べ ぼ ぱ ぴ ぷ ぺ ぽ"),
        ("", "", "", "", "う", "い"),
        ("ん",),
        0.12,
        stop="。",
    ),
    "ru": Spelling(_split("б в г д ж з к л м н п р с т ф х ц ч ш щ п б м в ф"), _split("а е и о у ы э ю я о у"),
                   _split("н м л р с т п к й"), 0.25),
    "el": Spelling(_split("β γ δ ζ θ κ λ μ ν ξ π ρ σ τ φ χ ψ μπ ντ"), _split("α ε η ι ο υ ου αι ει"), ("ς", "ν"), 0.15),
    "hi": Spelling(_split("क ख ग घ च छ ज ट ठ ड ढ त थ द ध न प फ ब भ म य र ल व श स ह"),
                   _split("ा ि ी ु ू े ै ो ौ ा ी ू"), ("न", "म", "र"), 0.1),
    "fi": Spelling(_split("p t k m n s l r h j v d p m v"), _split("a e i o u y ä ö aa uu ai ou yö uo ie öy"),
                   _split("n s l t"), 0.25),
    "cs": Spelling(_split("b p m v f t d n s z š ž č c k h ch r ř l j p b m v"), _split("a e i o u á í ou ý é au ě"),
                   _split("k t n l m s p"), 0.3),
}  # fmt: skip
"""By language; others use ``latin``."""


def random_sentence(language: str, random: Random, shortest: int = 4, longest: int = 13) -> str:
    """One sentence in ``language`` (eSpeak's code): words of the language's syllables, with some commas."""
    family = language.split("-")[0]
    spelling = SPELLINGS.get(family, SPELLINGS["latin"])
    words = [_word(family, spelling, random) for _ in range(random.randint(shortest, longest))]
    commas = [word + "," if random.random() < 0.12 else word for word in words[:-1]]
    return " ".join([*commas, words[-1]]) + (random.choice(".?!") if spelling.stop == "." else spelling.stop)


def _word(family: str, spelling: Spelling, random: Random) -> str:
    if family == "en" and random.random() < 0.6:
        return random.choice(COMMON)
    return spelling.joint.join(_syllable(spelling, random) for _ in range(random.randint(1, 3)))


def _syllable(spelling: Spelling, random: Random) -> str:
    coda = random.choice(spelling.codas) if random.random() < spelling.closed else ""
    return random.choice(spelling.onsets) + random.choice(spelling.nuclei) + coda
