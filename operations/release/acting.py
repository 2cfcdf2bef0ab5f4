"""As whom Google is asked for a release: as an account that may do that and nothing else.

A person needs no right but to act as it (terraform/identity.tf, variable `releasers`), for an hour.
What is only looked at is looked at as Terraform does: as the deployer.
https://cloud.google.com/iam/docs/service-account-impersonation
"""

import os
from typing import Any

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.impersonated_credentials import Credentials as Impersonated
from google.auth.transport.requests import Request

from schemas.errors import ConfigurationError

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
DEPLOYER_VARIABLE = "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"
"""Terraform's own: whom it acts as. Unset, as in a workflow that is signed in as the deployer: as
who is signed in."""


def releaser_of(project: str) -> str:
    """The account that keeps positions, drains and seeks (terraform/accounts.yaml)."""
    return f"releaser@{project}.iam.gserviceaccount.com"


def acting(project: str, *, looks: bool, iam: str | None = None) -> Credentials:
    """Credentials for a release; `looks`: nothing is changed. `iam`: where tokens are asked for, as
    in https://host/v1/…, where that is not Google's.

    ConfigurationError where nobody is signed in, or who is may not act as that account.
    """
    account = os.environ.get(DEPLOYER_VARIABLE, "") if looks else releaser_of(project)
    try:
        signed_in, _ = google.auth.default(scopes=[SCOPE])
        if not account:
            return signed_in
        given: Any = Impersonated(  # type: ignore[no-untyped-call]
            signed_in, account, [SCOPE], iam_endpoint_override=iam
        )
        given.refresh(Request())
    except GoogleAuthError as error:
        variable = (
            "variable `deployers` of terraform/bootstrap"
            if looks
            else "variable `releasers` of terraform/"
        )
        whom = f"act as {account}" if account else "ask Google"
        raise ConfigurationError(
            f"you cannot {whom} ({type(error).__name__}): sign in by `gcloud auth "
            f"application-default login`, and let {variable} name you"
        ) from error
    credentials: Credentials = given
    return credentials
