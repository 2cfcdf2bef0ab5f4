"""A mail server that knows one recipient of two: he has the notice, and that the other has none is
said, without an address."""

import logging

import pytest
from notice_channels import mailbox

from connectors.secrets import SecretStore
from operations.notifications.channels import MailChannel, Telling
from operations.notifications.settings import Mail


def test_whom_the_mail_server_does_not_know_is_told_of_as_a_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with mailbox() as mails:
        mails.unknown = "gone@own.example"
        settings = Mail(
            host="127.0.0.1",
            port=mails.port,
            tls="none",
            sender="ops@own.example",
            recipients=("here@own.example", mails.unknown),
        )
        with caplog.at_level(logging.WARNING):
            MailChannel(settings, SecretStore(cloud=False)).tell(Telling("a fails", "look"))
        assert mails.subjects == ["salesintel: a fails"]
    assert "takes no mail for 1 of 2 recipients" in caplog.text
    assert "own.example" not in caplog.text
