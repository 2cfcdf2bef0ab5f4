"""E-mail addresses: one in a field, many in a header, and what kind of mailbox one is."""

from transforms.identifiers.address import Email, parse
from transforms.identifiers.address_list import AddressList, parse_list, read_list
from transforms.identifiers.mailboxes import is_bulk_sender, is_freemail, is_role

__all__ = [
    "AddressList",
    "Email",
    "is_bulk_sender",
    "is_freemail",
    "is_role",
    "parse",
    "parse_list",
    "read_list",
]
