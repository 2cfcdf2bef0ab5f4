"""Is a text one SELECT? Decided before it is sent anywhere.

The warehouse's own dry run cannot be asked alone: the embedded one runs a script of several
statements even when only a dry run is asked for.
"""

import re

from schemas.errors import FatalError

# Strings, quoted names and comments of GoogleSQL.
# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
_TOKEN = re.compile(
    r"""
    (?P<text>
        '''(?:\\.|[^\\])*?''' | \"""(?:\\.|[^\\])*?\"""
      | '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*" | `(?:\\.|[^`\\\n])*`
    )
  | (?P<comment> (?:--|\#)[^\n]* | /\*.*?\*/ )
  | (?P<open> ['"`] | /\* )
  | (?P<end> ; )
    """,
    re.VERBOSE | re.DOTALL,
)
# The embedded warehouse ends a raw string at an escaped quote and takes the rest for SQL.
_RAW = re.compile(r"(r|rb)\Z", re.IGNORECASE)
_FIRST_WORD = re.compile(r"[\s(]*([A-Za-z]+)")
_READING = {"SELECT", "WITH", "FROM"}


class RefusedQuery(FatalError):
    """The warehouse, or we, will not run this query; the message says why."""


def one_select(sql: str) -> str:
    """The statement without comments and closing semicolon, its lines where they were.

    RefusedQuery where it does not begin as a SELECT does, is more than one statement, or leaves a
    quote or a comment open.
    """
    plain = _without_comments(sql).rstrip()
    first = _FIRST_WORD.match(plain)
    word = first[1].upper() if first else "nothing"
    if word not in _READING:
        raise RefusedQuery(f"only one SELECT is run here, and this begins with {word}")
    return plain


def _without_comments(sql: str) -> str:
    kept, place = [], 0
    ended = False
    for token in _TOKEN.finditer(sql):
        between = sql[place : token.start()]
        place = token.end()
        kept.append(between)
        ended = _still_one(ended, between)
        if token["open"]:
            line = sql.count("\n", 0, token.start()) + 1
            raise RefusedQuery(f"line {line} opens {token['open']} and nothing closes it")
        if token["text"]:
            if _RAW.search(between) and "\\" + token["text"][0] in token["text"]:
                raise RefusedQuery("a raw string holds an escaped quote: write it without the r")
            ended = _still_one(ended, token["text"])
            kept.append(token["text"])
        elif token["comment"]:
            kept.append(" " + "\n" * token["comment"].count("\n"))
        else:
            ended = True
    _still_one(ended, sql[place:])
    return "".join([*kept, sql[place:]])


def _still_one(ended: bool, text: str) -> bool:
    if ended and text.strip():
        raise RefusedQuery("only one SELECT is run here, and this is a script of several")
    return ended
