"""Names of phones."""

import pytest

from lipsmith.corpus import ipa
from lipsmith.speech.phones import PHONES, VISEMES


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("tʃ", ["t", "ʃ"]),
        ("aʊ", ["a", "ʊ"]),
        ("ˈiː", ["i"]),
        ("pʰ", ["p"]),
        ("ç", ["ç"]),
        ("s.", ["ʂ"]),
        ("kh", ["k"]),
        ("", ["sil"]),
        ("?", ["sil"]),
    ],
)
def test_symbols(written, heard):
    found = ipa.split_ipa(written)
    assert [symbol for symbol, _ in found] == heard
    assert sum(share for _, share in found) == pytest.approx(1)


@pytest.mark.parametrize("names", [ipa.ARPABET, ipa.ITALIAN, ipa.FINNISH, ipa.CZECH, ipa.RUSSIAN, ipa.CATALAN])
def test_every_name_of_a_synthesiser_is_a_phone_of_ours(names):
    for name in names:
        spoken = ipa.ipa_of(name, names)
        assert all(symbol in PHONES and symbol != "sil" for symbol, _ in ipa.split_ipa(spoken))


def test_stress_and_length_are_dropped_pauses_are_silence_and_the_unknown_is_told():
    assert ipa.ipa_of("a1", ipa.ITALIAN) == "a"
    assert ipa.ipa_of("m:", ipa.FINNISH) == "m"
    assert ipa.ipa_of("pau", ipa.ARPABET) == ""
    assert ipa.ipa_of("click", ipa.ARPABET) is None


def test_every_phone_has_eight_targets_and_weights_and_a_visible_class():
    assert len(VISEMES) == 15
    assert {phone.viseme for phone in PHONES.values()} == set(range(15))
    for phone in PHONES.values():
        assert len(phone.target) == len(phone.weight) == 8
        assert min(phone.weight) > 0
