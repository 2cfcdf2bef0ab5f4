"""The seeded company: its world, its mails, calls and CRM rows, and the truth behind them."""

from sandbox.company.export import Manifest, export
from sandbox.company.generate import generate
from sandbox.company.world import DEMO, SMALL, Company, Scale

__all__ = ["DEMO", "SMALL", "Company", "Manifest", "Scale", "export", "generate"]
