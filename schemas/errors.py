"""Errors named by what the caller must do about them.

Every error that the project raises on purpose belongs to one of three policies. The guard around
each step (transforms/guard.py) and the command line (operations/) act on the policy alone.
"""


class SalesIntelError(Exception):
    """Base of all errors raised on purpose; the message is safe to log (ids only, no content)."""


class FatalError(SalesIntelError):
    """Stop: going on would lose or corrupt something. A person has to act."""


class RetriableError(SalesIntelError):
    """Back off and try the same input again: nothing is wrong with the input itself."""


class SkippableError(SalesIntelError):
    """This one input cannot be processed: lead it to the dead letters and go on."""


class InvalidEnvelope(SkippableError):
    """A message's attributes do not describe a change (schemas/envelope.py)."""


class InvalidPayload(SkippableError):
    """A change's payload is not what its source and object type promise."""


class InvalidRow(SkippableError):
    """A row that its table would refuse: a required column empty, a value of the wrong type."""


class ConfigurationError(FatalError):
    """A setting is missing or contradicts another; the message says which and how to mend it."""
