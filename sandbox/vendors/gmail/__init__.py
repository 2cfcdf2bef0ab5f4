"""Gmail, the Admin SDK's directory and Google's token server, with the company's mailboxes."""

from sandbox.vendors.gmail.app import GmailSandbox
from sandbox.vendors.gmail.quota import COSTS_2025, COSTS_2026, Quota
from sandbox.vendors.gmail.state import GmailState, seeded

__all__ = ["COSTS_2025", "COSTS_2026", "GmailSandbox", "GmailState", "Quota", "seeded"]
