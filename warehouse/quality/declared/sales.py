"""What is demanded of the people, accounts, deals and enrolments of sales.*."""

from datetime import UTC, datetime

from warehouse.quality.rule import (
    Format,
    InOrder,
    InRange,
    Past,
    Present,
    Refers,
    Required,
    Rule,
)

PEOPLE = "sales.people"
ACCOUNTS = "sales.accounts"
DEALS = "sales.deals"
ENROLLMENTS = "sales.enrollments"

EMAIL = r"^[^@\s]+@[^@\s]+$"
PHONE = r"^\+[1-9][0-9]{4,14}(;ext=[0-9]+)?$"
"""E.164; an extension after it where there is one."""
DOMAIN = r"^[^@\s/:]+\.[^@\s/:]+$"
CURRENCY = r"^[A-Z]{3}$"

FIRST = datetime(1990, 1, 1, tzinfo=UTC)
"""No CRM is older."""
FILL = "fill it in at the source, or see whether its field is mapped (docs/configuration.md)"
PARSER = "a parser lets through what is not canonical: mend it, then salesintel rebuild"
GONE = "a record that others name is not held: backfill its source, or its user may not be read"

RULES: tuple[Rule, ...] = (
    Present(
        table=PEOPLE,
        called="name.present",
        holds="COALESCE(full_name, given_name, family_name, '') != ''",
        bound=0.1,
        hint=FILL,
    ),
    Present(
        table=PEOPLE,
        called="reachable.present",
        holds="ARRAY_LENGTH(emails) > 0 OR ARRAY_LENGTH(phones) > 0",
        bound=0.1,
        hint=FILL,
    ),
    Format(table=PEOPLE, column="emails", pattern=EMAIL, severity="error", hint=PARSER),
    Format(table=PEOPLE, column="phones", pattern=PHONE, severity="error", hint=PARSER),
    Refers(table=PEOPLE, column="account_key", to=ACCOUNTS, bound=0.05, hint=GONE),
    Refers(table=PEOPLE, column="owner_key", to=PEOPLE, bound=0.05, hint=GONE),
    InRange(table=PEOPLE, column="created_at", least=FIRST, bound=0.001),
    Past(table=PEOPLE, column="created_at", bound=0.001),
    Required(table=ACCOUNTS, column="name", bound=0.05, hint=FILL),
    Required(table=ACCOUNTS, column="domains", bound=0.5, hint=FILL),
    Format(table=ACCOUNTS, column="domains", pattern=DOMAIN, severity="error", hint=PARSER),
    Format(table=ACCOUNTS, column="phones", pattern=PHONE, severity="error", hint=PARSER),
    Refers(table=ACCOUNTS, column="parent_key", to=ACCOUNTS, bound=0.05, hint=GONE),
    Refers(table=ACCOUNTS, column="owner_key", to=PEOPLE, bound=0.05, hint=GONE),
    InRange(table=ACCOUNTS, column="employees", least=0, bound=0.01),
    InRange(table=ACCOUNTS, column="annual_revenue", least=0, bound=0.01),
    Past(table=ACCOUNTS, column="created_at", bound=0.001),
    Required(table=DEALS, column="name", bound=0.05, hint=FILL),
    Required(table=DEALS, column="stage", bound=0.05, hint=FILL),
    Required(table=DEALS, column="account_key", bound=0.2, hint=FILL),
    Required(table=DEALS, column="owner_key", bound=0.1, hint=FILL),
    Required(table=DEALS, column="close_date", bound=0.2, where="COALESCE(is_closed, FALSE)"),
    Format(table=DEALS, column="currency", pattern=CURRENCY, severity="error", hint=PARSER),
    InRange(table=DEALS, column="amount", least=0, bound=0.05),
    Refers(table=DEALS, column="account_key", to=ACCOUNTS, bound=0.05, hint=GONE),
    Refers(table=DEALS, column="owner_key", to=PEOPLE, bound=0.05, hint=GONE),
    Refers(table=DEALS, column="person_keys", to=PEOPLE, bound=0.05, hint=GONE),
    Past(table=DEALS, column="created_at", bound=0.001),
    Required(table=ENROLLMENTS, column="sequence_id", bound=0.05, hint=FILL),
    Required(table=ENROLLMENTS, column="enrolled_at", bound=0.1),
    Refers(table=ENROLLMENTS, column="person_key", to=PEOPLE, bound=0.05, hint=GONE),
    InOrder(table=ENROLLMENTS, first="enrolled_at", second="ended_at", bound=0.01),
    Past(table=ENROLLMENTS, column="enrolled_at", bound=0.001),
    Format(table=ENROLLMENTS, column="to_email", pattern=EMAIL, severity="error", hint=PARSER),
)
