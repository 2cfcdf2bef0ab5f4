"""What is demanded of sales.interactions and of who took part in them."""

from schemas.clock import FIRST_PARTITION_DAY
from transforms.forget import ERASED
from transforms.normalise.rows import NUMBER_KEYS, UNKNOWN_NUMBER
from warehouse.quality.declared.identity import SETTLED
from warehouse.quality.declared.sales import ACCOUNTS, DEALS, EMAIL, GONE, PARSER, PEOPLE, PHONE
from warehouse.quality.rule import (
    Accompanied,
    Filled,
    Format,
    Holds,
    InRange,
    OneOf,
    Past,
    Present,
    Refers,
    Required,
    Rule,
    SteadyNulls,
    SteadyVolume,
)

INTERACTIONS = "sales.interactions"
PARTICIPANTS = "sales.participants"
KINDS = ("email", "call", "sms", "meeting", "note", "task")
DIRECTIONS = ("inbound", "outbound", "internal", "unknown")
ROLES = ("from", "to", "cc", "bcc", "reply_to", "caller", "callee", "attendee", "about")
LONGEST_S = 86_400.0
"""A call or meeting of more than a day is a mistake of whoever noted it."""

NOBODY = f"'{ERASED}', '{UNKNOWN_NUMBER}'"
RESOLVED = (
    f"participant_key NOT IN ({NOBODY}) "
    f"AND NOT (is_internal AND STARTS_WITH(participant_key, '{NUMBER_KEYS}'))"
)
"""Whom the resolver is told of: not of our own lines, which are evidence of nobody."""

RULES: tuple[Rule, ...] = (
    OneOf(table=INTERACTIONS, column="kind", words=KINDS, severity="error"),
    OneOf(table=INTERACTIONS, column="direction", words=DIRECTIONS, severity="error"),
    Filled(table=INTERACTIONS, column="interaction_id", severity="error"),
    Required(
        table=INTERACTIONS,
        column="occurred_at",
        bound=0.02,
        where="part NOT IN ('leg', 'recap', 'transcript', 'recording', 'voicemail')",
        hint="a thing without its time is on no timeline: see defects of these rows",
    ),
    Required(
        table=INTERACTIONS,
        column="message_id_header",
        bound=0.02,
        where="kind = 'email' AND NOT is_draft AND source IN ('gmail', 'files')",
        hint="mails without Message-ID cannot be joined with their copies",
    ),
    Required(
        table=INTERACTIONS,
        column="thread_id",
        bound=0.05,
        where="kind = 'email' AND source IN ('gmail', 'files')",
    ),
    Present(
        table=INTERACTIONS,
        called="direction.present",
        holds="direction != 'unknown'",
        bound=0.05,
        where="kind IN ('email', 'call', 'sms') AND part IN ('message', 'call')",
        hint="own_domains and own_numbers say which side is ours (docs/configuration.md)",
    ),
    Holds(
        table=INTERACTIONS,
        called="event_date.matches_occurred_at",
        holds="event_date = DATE(occurred_at)",
        where="occurred_at IS NOT NULL "
        f"AND DATE_DIFF(DATE(occurred_at), DATE '1970-01-01', DAY) >= {FIRST_PARTITION_DAY} "
        "AND TIMESTAMP_DIFF(occurred_at, written_at, DAY) < 365",
        severity="error",
        hint=PARSER,
    ),
    InRange(table=INTERACTIONS, column="duration_s", least=0.0, most=LONGEST_S, bound=0.001),
    Past(
        table=INTERACTIONS,
        column="version_stamp",
        bound=0.001,
        hint="a stamp in the future hides every later version of its record",
    ),
    Format(table=INTERACTIONS, column="our_number", pattern=PHONE, severity="error", hint=PARSER),
    Refers(table=INTERACTIONS, column="owner_key", to=PEOPLE, bound=0.1, hint=GONE),
    Refers(table=INTERACTIONS, column="person_keys", to=PEOPLE, bound=0.05, hint=GONE),
    Refers(table=INTERACTIONS, column="account_keys", to=ACCOUNTS, bound=0.05, hint=GONE),
    Refers(table=INTERACTIONS, column="deal_keys", to=DEALS, bound=0.05, hint=GONE),
    Accompanied(
        table=INTERACTIONS,
        column="interaction_id",
        to=PARTICIPANTS,
        to_column="interaction_id",
        where="kind IN ('email', 'call', 'sms') AND part IN ('message', 'call') AND NOT is_draft",
        bound=0.02,
        hint="nobody is known who took part: see defects of these rows",
    ),
    SteadyVolume(
        table=INTERACTIONS, bound=0.75, hint="see which source: salesintel query ops.freshness"
    ),
    SteadyNulls(table=INTERACTIONS, column="owner_key", bound=0.2),
    SteadyNulls(table=INTERACTIONS, column="thread_id", bound=0.2, where="kind = 'email'"),
    OneOf(table=PARTICIPANTS, column="role", words=ROLES, severity="error"),
    Present(
        table=PARTICIPANTS,
        called="identifier.present",
        holds="COALESCE(email, phone, '') != ''",
        where=f"role NOT IN ('attendee', 'about') AND participant_key != '{ERASED}'",
        bound=0.05,
        hint="callers who hide their number, or a parser that does not read who took part",
    ),
    Format(table=PARTICIPANTS, column="email", pattern=EMAIL, severity="error", hint=PARSER),
    Format(table=PARTICIPANTS, column="phone", pattern=PHONE, severity="error", hint=PARSER),
    Refers(
        table=PARTICIPANTS,
        column="interaction_id",
        to=INTERACTIONS,
        to_column="interaction_id",
        bound=0.001,
        severity="error",
        hint="participants of nothing: salesintel rebuild",
    ),
    Refers(
        table=PARTICIPANTS,
        column="participant_key",
        to="identity.links",
        bound=0.02,
        where=f"{SETTLED.format('written_at')} AND {RESOLVED}",
        hint="the resolver is behind or has failed: see the pipeline's log",
    ),
    SteadyVolume(table=PARTICIPANTS, bound=0.75),
)
