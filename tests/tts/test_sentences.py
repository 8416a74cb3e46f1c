"""Where a text is cut for a voice: joined it is the text, and nothing that belongs together is torn apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.tts.sentences import FIRST_MOST, MOST, sentences, speakable

LETTERS = st.sampled_from("ab AB 1.!?…,;:\n\"')]”。！？，、；：你好ですが한국Пр؟।-e")
TEXTS = st.text(LETTERS, max_size=600) | st.text(max_size=300)


@given(TEXTS)
def test_the_pieces_joined_are_the_text(text: str) -> None:
    pieces = sentences(text)
    assert "".join(pieces) == text
    assert all(pieces)


@given(TEXTS)
def test_no_piece_is_longer_than_a_voice_takes(text: str) -> None:
    lengths = [len(piece.rstrip()) for piece in sentences(text)]
    assert all(length <= MOST for length in lengths)
    assert all(length <= FIRST_MOST for length in lengths[:1])


@given(TEXTS, TEXTS)
def test_a_new_line_ends_a_piece(first: str, second: str) -> None:
    if first.strip() and second.strip():
        pieces = sentences(f"{first.strip()}\n{second.strip()}")
        assert any("".join(pieces[:count]).strip() == first.strip() for count in range(len(pieces) + 1))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello there. How are you? Fine!", ["Hello there. ", "How are you? ", "Fine!"]),
        ("It is 3.14 m long. Good.", ["It is 3.14 m long. ", "Good."]),
        (
            "Mr. Smith and Dr. Jones met J. R. Brown. They left.",
            ["Mr. Smith and Dr. Jones met J. R. Brown. ", "They left."],
        ),
        ("Bring fruit, e.g. apples. Now.", ["Bring fruit, e.g. apples. ", "Now."]),
        ("No. I do not. See No. 5 there.", ["No. ", "I do not. ", "See No. 5 there."]),
        ("See example.org/?a=b v1.2.3 now.", ["See example.org/?a=b v1.2.3 now."]),
        ("Wait... what? Oh... Fine.", ["Wait... what? ", "Oh... ", "Fine."]),
        ('He said "Go." Then he left.', ['He said "Go." ', "Then he left."]),
        ("你好！今天天气很好。我们去公园吧？", ["你好！", "今天天气很好。", "我们去公园吧？"]),
        ("“好的。”她说。", ["“好的。”", "她说。"]),
        ("你好!我是Lipsmith.你呢?", ["你好!", "我是Lipsmith.", "你呢?"]),
        ("圆周率是3.14。", ["圆周率是3.14。"]),
        ("What?! Really", ["What?! ", "Really"]),
        ("", []),
    ],
)
def test_sentences_of_both_kinds_of_punctuation(text: str, pieces: list[str]) -> None:
    assert sentences(text) == pieces


def test_a_long_sentence_is_cut_behind_a_comma_and_the_first_one_early() -> None:
    clause = "so it goes on and on without an end, "
    pieces = sentences(clause * 12)
    assert all(piece.rstrip().endswith(",") for piece in pieces)
    assert len(pieces[0]) < len(pieces[1])


def test_what_has_no_letter_is_not_spoken() -> None:
    assert [speakable(text) for text in ("...", "🙂 !", "", "5", "a", "好")] == [False, False, False, True, True, True]
