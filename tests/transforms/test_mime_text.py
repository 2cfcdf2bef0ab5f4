"""Plain text: tidy, without quoted history, and a snippet of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.mime.text import LONGEST_ATTRIBUTION, SNIPPET, snippet, tidy, without_history

MINE = "My words"


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("", ""),
        ("  a  \r\nb\rc\n\n\n\n\nd\n\n", "a\nb\nc\n\nd"),
        ("a\x00b\x1b[0m\x7fc\td", "ab[0mc\td"),
        ("zero\u200bwidth and nbsp\xa0", "zero\u200bwidth and nbsp"),
        ("a\n \n \n \nb", "a\n\nb"),
    ],
)
def test_lines_are_tidied(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


@pytest.mark.parametrize(
    "history",
    [
        "> theirs\n> more",
        "On Fri, Jan 30, 2026 at 9:00, Ada Byron <ada@b.example> wrote:\n> theirs",
        "On Fri, Jan 30, 2026 at 9:00, Ada Byron\n<ada@b.example> wrote:\n\n> theirs",
        "On Fri, Jan 30, 2026 at 9:00, Ada Byron wrote:\n\ntheirs, not marked",
        "On Fri, Jan 30, 2026, a very long name indeed\n<ada@b.example> wrote:\ntheirs",
        "Am 30.01.2026 um 09:00 schrieb Ada Byron:\n> theirs",
        "Am 30.01.2026 um 09:00 schrieb Ada\nByron <ada@b.example>:\n> theirs",
        "Le ven. 30 janv. 2026 à 09:00, Ada a écrit :\n> theirs",
        "El vie, 30 ene 2026, Ada escribió:\n> theirs",
        "-----Original Message-----\nFrom: Ada\ntheirs",
        "-- Ursprüngliche Nachricht --\ntheirs",
        "________________________________\nFrom: Ada\nSent: Friday\ntheirs",
        "From: Ada\nSent: Friday\nTo: me\n\ntheirs",
        "*From:* Ada\n*Date:* Friday\n\ntheirs",
        "Von: Ada\nGesendet: Freitag\n\ntheirs",
        "---------- Forwarded message ---------\nFrom: Ada\nDate: Friday\n\ntheirs",
    ],
)
def test_history_is_cut_off_where_something_else_is_left(history: str) -> None:
    assert without_history(f"{MINE}\n\n{history}") == MINE


@pytest.mark.parametrize(
    "forward",
    [
        "> theirs",
        "-----Original Message-----\nFrom: Ada\n\ntheirs",
        "From: Ada\nSent: Friday\n\ntheirs",
        "---------- Forwarded message ---------\nFrom: Ada\nDate: Friday\n\ntheirs",
    ],
)
def test_a_bare_forward_keeps_what_it_forwards(forward: str) -> None:
    assert without_history(forward) == forward


@pytest.mark.parametrize(
    "text",
    [
        "He wrote:\nnothing new.",
        "On Monday we wrote to you\nabout this:",
        "On the whole, what she wrote:\nwas good.",
        "From: here to there\nis far.",
        "a > b, and\n b > a",
        "Best,\n-- \nJo\nSales",
        f"On 5 {'x' * LONGEST_ATTRIBUTION} wrote:\nstays",
    ],
)
def test_prose_is_no_history(text: str) -> None:
    assert without_history(text) == text


def test_answers_between_quoted_lines_stay_together() -> None:
    text = "Hello\n\nOn 30 Jan 2026 Ada wrote:\n> one?\n\nYes.\n\n> two?\n\nNo.\n> three?\n\nBye"
    assert without_history(text) == "Hello\n\nYes.\n\nNo.\n\nBye"


def test_the_introduction_of_a_quotation_goes_with_it() -> None:
    assert without_history("Hi\nAda schrieb:\n> x\nmine") == "Hi\nmine"
    assert without_history("Points:\n> x\nmine") == "Points:\nmine"
    ours = "On Monday we wrote to you\nabout this:"
    assert without_history(f"{ours}\n> x\nmine") == f"{ours}\nmine"


def test_a_snippet_is_one_line_of_two_hundred_characters() -> None:
    assert snippet("a\n\n b\tc") == "a b c"
    assert snippet("word " * 200) == ("word " * 40).strip()
    assert len(snippet("x" * 9_999)) == SNIPPET


pieces = st.sampled_from(
    [
        *(
            "\n",
            "\n\n",
            "> ",
            ">",
            "On ",
            "1 ",
            "x",
            " wrote:\n",
            " schrieb:\n",
            "Am ",
            ":",
            "-----",
        ),
        *("-----Original Message-----", "From: x\n", "Date: y\n", "____", "\xa0", "\0", "-- "),
    ]
)


@given(st.lists(pieces, max_size=40).map("".join) | st.text(max_size=80))
def test_something_always_stays(text: str) -> None:
    tidied = tidy(text)
    kept = without_history(tidied)
    assert bool(kept) == bool(tidied)
    assert tidy(kept) == kept
    assert set(kept) <= set(tidied)
    assert len(snippet(kept)) <= SNIPPET
