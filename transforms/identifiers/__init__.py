"""Identifiers in canonical form: what two sources must spell alike to mean the same.

`email`, `phone`, `name` and `domain` each turn what a person typed or a mail carried into one
form, or refuse it. They know no source and raise nothing: a value that cannot be read is missing.
"""

from transforms.identifiers import domain, email, name, phone
from transforms.identifiers.email import Email
from transforms.identifiers.name import Name
from transforms.identifiers.phone import Phone

__all__ = ["Email", "Name", "Phone", "domain", "email", "name", "phone"]
