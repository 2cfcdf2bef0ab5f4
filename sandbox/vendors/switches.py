"""The fault switches of each vendor, by the names that `Fault` takes, and what they bring about."""

from schemas.errors import ConfigurationError

EVERYWHERE = {
    "http_500": "an error of the server",
    "http_503": "the service is not available",
    "429": "too many requests, and no word of when to come again",
    "429_retry_after": "too many requests, come again after 2 s",
    "hang": "no answer for two minutes",
    "malformed": "status 200 with half a document",
    "401": "the token is refused",
    "403": "the token is good, and not for this",
}
"""Before any code of a vendor is reached; aimed by the path of a call."""

SWITCHES: dict[str, dict[str, str]] = {
    "gmail": {
        "history_gone": "the history since the stored id is forgotten: 404",
        "page_without_history": "a page of the history without records, and a token for more",
        "unordered": "records of the history in no order",
        "duplicate_page": "a page that comes twice, or a record that stands on two",
        "token_refused": "a page token is refused",
        "start_ahead_taken": "a history id behind which nothing has come is taken",
        "topic_refused": "no pushes to this topic",
        "part_429": "one message of a batch: too many at once",
        "part_500": "one message of a batch: an error of the server",
        "part_404": "one message of a batch is nowhere",
        "part_malformed": "one answer of a batch is cut off",
    },
    "salesforce": {
        "session_expired": "the session is over: 401",
        "session_html": "the same as a page of HTML",
        "request_limit": "the day's calls are used up",
        "forbidden": "no access",
        "api_disabled": "the org has no API",
        "query_timeout": "the query takes longer than the server allows",
        "too_large": "too many distinct whos and whats in one query",
        "locator_gone": "no cursor of that name, in the words of the query",
        "locator_lost": "the cursor of the next page is lost",
        "duplicate_page": "a page that names itself as the next",
        "edge_406": "406 without a body, from before the org",
        "edge_420": "420 without a body, from before the org",
        "empty_400": "400 without a body",
        "locked": "a row is locked",
        "token_html": "the token server answers HTML",
        "token_refused": "the token server refuses",
        "token_unknown_error": "the token server asks to be asked again",
        "bulk_refused": "no more bulk jobs today",
        "bulk_failed": "a bulk job fails",
        "bulk_aborted": "a bulk job is aborted",
        "bulk_short": "a part of a bulk result lacks a row that its header counts",
        "bulk_miscounted": "a part lacks a row, and its header too",
        "bulk_cut": "a part ends within a row",
        "bulk_no_text": "a part that is no text",
        "bulk_locator_lost": "the place of the next part is lost",
        "bulk_again": "a part that names itself as the next",
        "bulk_empty": "the same, and without rows",
    },
    "hubspot": {
        "partial": "one object of a batch failed: 207",
        "unordered": "search results in no order",
        "duplicate_page": "search results that stand there twice",
        "daily": "the day's calls are used up",
        "strict_properties": "a property that is asked for and is none is an error",
        "circle": "the last page of a list leads back to itself",
        "undefined": "no property is defined",
    },
    "dialpad": {
        "token_expired": "a page token is refused",
        "filter_ignored": "started_after counts for nothing",
        "unordered": "a page in no order",
        "duplicate_page": "a page that comes twice",
        "poison": "a record among the others that is none",
        "refused": "410 for a path",
    },
}
"""Vendor to the switches of its own."""


def checked(vendor: str, name: str) -> None:
    """ConfigurationError where a vendor has no switch of that name, with those that it has."""
    if vendor not in SWITCHES:
        raise ConfigurationError(
            f"there is no vendor {vendor!r}: choose one of {', '.join(SWITCHES)}"
        )
    known = (*EVERYWHERE, *SWITCHES[vendor])
    if name not in known:
        raise ConfigurationError(f"{vendor} has no fault {name!r}: there are {', '.join(known)}")
