"""Builds the corpus: the synthesisers, voices and minutes of speech for training and for the held-out test."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ..errors import InputError
from ..timing import SPEECH_SAMPLE_RATE
from ..tts.espeak_library import EspeakLibrary
from ..tts.kokoro import LANGUAGE_OF
from .espeak import Espeak
from .festival import Festival
from .flite import Flite
from .kokoro import Kokoro
from .prose import natural_sentence
from .remembered import Remembered
from .sentences import random_sentence
from .store import save_utterances, write_summary
from .utterance import Delivery, LabelledUtterance, Synthesiser

SPOKEN_FOLDER = "spoken"
"""In the corpus's folder: the sentences of slow synthesisers, one file each."""
Progress = Callable[[str, float], None]
"""Called with the source that is being built and the share done, 0..1."""


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """Some minutes of speech by one synthesiser's voices."""

    name: str  # of its file, without .npz
    synthesiser: str
    voices: tuple[str, ...]
    languages: tuple[str, ...]  # chosen at random; a repeated one is chosen more often; kokoro's voices bring theirs
    minutes: float
    held_out: bool = False


_TRAINED_LANGUAGES = (
    *("en-us",) * 5, "en-gb-x-rp", "en-029", *("de",) * 2, *("fr",) * 2, "es", "it", "pt-br", "nl", "pl",
    "ru", "tr", "sv", "hi", "ro", "cs", "fi", "hu", "el", "id", *("cmn-latn-pinyin",) * 4, *("ja",) * 2,
)  # fmt: skip
_TRAINED_VARIANTS = (
    "", "f1", "f2", "f3", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m8", "klatt", "klatt2", "klatt4", "Alicia",
    "Annie", "adam", "anika", "antonio", "aunty", "benjamin", "boris", "david", "ed", "edward", "grandma", "grandpa",
    "gustave", "ian", "iven", "john", "linda", "marcelo", "max", "michel", "miguel", "pablo", "paul", "pedro",
    "quincy", "rob", "sandro", "shelby", "steph", "travis", "victor", "zac", "Alex", "Andy", "Denis", "Diogo", "Gene",
    "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike",
)  # fmt: skip
_KOKORO_ENGLISH = (
    "af_alloy", "af_aoede", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river", "af_sky",
    "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_onyx", "am_puck", "am_santa",
    "bf_alice", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_lewis",
)  # fmt: skip
_KOKORO_HELD_OUT = ("af_bella", "af_sarah", "am_michael", "bf_emma", "bm_george")
_KOKORO_ROMANCE = ("ef_dora", "em_alex", "ff_siwis", "if_sara", "im_nicola", "pf_dora", "pm_alex")
_NATURAL = 0.8  # share of kokoro's English sentences that make sense; the others pair every phone with every neighbour
_MIXED = 0.3  # share of kokoro's sentences in the mean of two voices, which is a new one
_HELD_OUT_LANGUAGES = ("en-us", "en-us", "de", "cmn-latn-pinyin", "ja", "fr-be", "da", "sk")
_HELD_OUT_VARIANTS = ("f4", "m7", "klatt3", "belinda", "norbert", "Andrea", "robert")

SOURCES = (
    CorpusSource("espeak", "espeak", _TRAINED_VARIANTS, _TRAINED_LANGUAGES, 50),
    CorpusSource("flite-slt", "flite", ("slt",), ("en",), 13),
    CorpusSource("flite-rms", "flite", ("rms",), ("en",), 13),
    CorpusSource("flite-awb", "flite", ("awb",), ("en",), 10),
    CorpusSource("festival-ked", "festival", ("ked_diphone",), ("en",), 5),
    CorpusSource("festival-slt-hts", "festival", ("cmu_us_slt_arctic_hts",), ("en",), 5),
    CorpusSource("festival-lp", "festival", ("lp_diphone",), ("it",), 5),
    CorpusSource("festival-machac", "festival", ("czech_machac",), ("cs",), 4),
    CorpusSource("festival-lj", "festival", ("suo_fi_lj_diphone",), ("fi",), 4),
    CorpusSource("festival-nsh", "festival", ("msu_ru_nsh_clunits",), ("ru",), 6),
    CorpusSource("festival-ona", "festival", ("upc_ca_ona_hts",), ("ca",), 5),
    CorpusSource("kokoro", "kokoro", _KOKORO_ENGLISH, ("en",), 13),
    CorpusSource("kokoro-romance", "kokoro", _KOKORO_ROMANCE, ("es", "fr", "it", "pt"), 2),
    CorpusSource("held-out-kokoro", "kokoro", _KOKORO_HELD_OUT, ("en",), 2, held_out=True),
    CorpusSource("held-out-espeak", "espeak", _HELD_OUT_VARIANTS, _HELD_OUT_LANGUAGES, 4, held_out=True),
    CorpusSource("held-out-kal16", "flite", ("kal16",), ("en",), 2, held_out=True),
    CorpusSource("held-out-kal", "festival", ("kal_diphone",), ("en",), 2, held_out=True),
    CorpusSource("held-out-pc", "festival", ("pc_diphone",), ("it",), 2, held_out=True),
    CorpusSource("held-out-dita", "festival", ("czech_dita",), ("cs",), 2, held_out=True),
    CorpusSource("held-out-mv", "festival", ("hy_fi_mv_diphone",), ("fi",), 2, held_out=True),
)
"""Training never uses the held-out voices or their sentences."""


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """What to build, and where."""

    folder: Path
    seed: int = 2
    share: float = 1.0  # of the minutes to build: 1 is all
    sources: Sequence[CorpusSource] = SOURCES


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """What was built."""

    minutes: dict[str, float]  # by source
    dropped: dict[str, int]  # by source: sentences on which the synthesiser failed or gave nothing usable
    versions: dict[str, str]  # of the synthesisers used
    skipped: tuple[str, ...]  # sources whose synthesiser or voice is not installed


def open_synthesisers(folder: Path) -> dict[str, Synthesiser]:
    """The installed ones of eSpeak NG, Kokoro, flite and festival, by name.

    Kokoro, which is slow, keeps what it speaks in ``folder``, so that a stopped build goes on where it was.
    """
    library = EspeakLibrary.open()  # one for both: it has one callback for its sound
    kokoro = Kokoro.open(library) if library else None
    opened = (
        Espeak(library) if library else None,
        Remembered(kokoro, folder / SPOKEN_FOLDER) if kokoro else None,
        Flite.open(),
        Festival.open(),
    )
    return {synthesiser.name: synthesiser for synthesiser in opened if synthesiser is not None}


def build_corpus(
    options: CorpusOptions, synthesisers: dict[str, Synthesiser] | None = None, progress: Progress | None = None
) -> CorpusReport:
    """Build every source in ``options.folder``. The same seed and synthesisers give the same files.

    Raises:
        InputError: none of the synthesisers is installed, or Kokoro's weights are damaged.
    """
    found = open_synthesisers(options.folder) if synthesisers is None else synthesisers
    if not found:
        raise InputError("No synthesiser was found; install espeakng-loader (pip), or flite or festival (apt).")
    options.folder.mkdir(parents=True, exist_ok=True)
    minutes: dict[str, float] = {}
    dropped: dict[str, int] = {}
    skipped: list[str] = []
    used_texts: set[str] = set()
    for index, source in enumerate(options.sources):
        if progress is not None:
            progress(source.name, index / len(options.sources))
        utterances, failed = _speak(source, options, found.get(source.synthesiser), used_texts)
        if not utterances:
            skipped.append(f"{source.name}: {source.synthesiser} {source.voices[0]} is not here, or says nothing")
            continue
        dropped[source.name] = failed
        save_utterances(options.folder / f"{source.name}.npz", utterances)
        minutes[source.name] = round(sum(len(each.samples) for each in utterances) / SPEECH_SAMPLE_RATE / 60, 2)
    report = CorpusReport(minutes, dropped, {name: _version(each) for name, each in found.items()}, tuple(skipped))
    write_summary(options.folder, _summary(options, report))
    return report


def _speak(
    source: CorpusSource, options: CorpusOptions, synthesiser: Synthesiser | None, used_texts: set[str]
) -> tuple[list[LabelledUtterance], int]:
    """Speak new sentences for the source's minutes, or until 40 in a row fail; also return how many failed."""
    random = Random(zlib.crc32(f"{options.seed}/{source.name}".encode()))  # noqa: S311
    wanted = source.minutes * options.share * 60 * SPEECH_SAMPLE_RATE
    spoken: list[LabelledUtterance] = []
    failures = dropped = 0
    while synthesiser is not None and wanted > 0 and failures < 40:
        delivery = _delivery(source, random)
        text = _text(source, delivery.language, random)
        known = text in used_texts
        utterance = None if known else synthesiser.speak(text, delivery)
        if utterance is None:
            failures, dropped = failures + 1, dropped + (not known)
            continue
        failures = 0
        used_texts.add(text)
        wanted -= len(utterance.samples)
        spoken.append(utterance)
    return spoken, dropped


def _text(source: CorpusSource, language: str, random: Random) -> str:
    natural = source.synthesiser == "kokoro" and language.startswith("en") and random.random() < _NATURAL
    return natural_sentence(random) if natural else random_sentence(language, random)


def _delivery(source: CorpusSource, random: Random) -> Delivery:
    voice, language = random.choice(source.voices), random.choice(source.languages)
    if source.synthesiser == "espeak":
        voice = f"{language}+{voice}" if voice else language
    if source.synthesiser == "kokoro":
        language = LANGUAGE_OF[voice]
        others = [one for one in source.voices if LANGUAGE_OF[one] == language and one != voice]
        if others and random.random() < _MIXED:
            voice = f"{voice}+{random.choice(others)}"
    return Delivery(voice, language, random.uniform(0.75, 1.35), random.uniform(0.7, 1.4), random.uniform(0.4, 1.6))


def _version(synthesiser: Synthesiser) -> str:
    return str(getattr(synthesiser, "version", "unknown"))


def _summary(options: CorpusOptions, report: CorpusReport) -> dict[str, object]:
    held_out = [source.name for source in options.sources if source.held_out and source.name in report.minutes]
    trained = [source.name for source in options.sources if not source.held_out and source.name in report.minutes]
    return {
        "seed": options.seed,
        "share": options.share,
        "sources": [source.name for source in options.sources],
        "synthesisers": report.versions,
        "minutes": report.minutes,
        "dropped": report.dropped,
        "trained": trained,
        "held_out": held_out,
        "skipped": list(report.skipped),
    }
