"""Where notices go: the notifier's own output, a chat by webhook, mails by SMTP."""

import logging
import re
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import NamedTuple, Protocol

import requests
from rich.markup import escape

from connectors.calls.http import session
from connectors.secrets import Secrets
from operations.console import console
from operations.notifications.ledger import What
from operations.notifications.settings import (
    Mail,
    NotificationSettings,
    Slack,
    checked_webhook,
)
from schemas.clock import from_us
from schemas.errors import RetriableError
from schemas.notice import Notice

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Telling(NamedTuple):
    """A notice as a person reads it."""

    title: str
    text: str


class Channel(Protocol):
    """A way to people."""

    name: str

    def tell(self, telling: Telling) -> None:
        """Returns when it is taken; RetriableError, which names no address, where it is not."""
        ...


def worded(notice: Notice, what: What, repeats: int) -> Telling:
    """The words of a notice."""
    mark = {
        "new": notice.severity,
        "still": f"{notice.severity}, still",
        "recovered": "recovered",
        "was": f"{notice.severity}, over by now",
    }[what]
    lines = [f"seen {from_us(notice.happened_at):%Y-%m-%d %H:%M} UTC"]
    if repeats:
        lines.append(f"seen {repeats:,} more times since it was told")
    if what != "recovered":
        lines.append(f"what to do: {notice.action}")
        lines += [f"more: {notice.runbook}"] if notice.runbook else []
    return Telling(_CONTROL.sub(" ", f"[{mark}] {notice.subject}"), "\n".join(lines))


class LogChannel:
    """Lines of the notifier's own output."""

    name = "log"

    def tell(self, telling: Telling) -> None:
        """As Channel."""
        line = "; ".join([telling.title, *telling.text.splitlines()])
        console.print(escape(line), highlight=False, soft_wrap=True)


class SlackChannel:
    """A webhook that takes {"text": …}. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""

    name = "slack"

    def __init__(self, settings: Slack, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._session = session(TIMEOUT_S, TIMEOUT_S)

    def tell(self, telling: Telling) -> None:
        """As Channel."""
        address = checked_webhook(self._secrets.get(self._settings.webhook).reveal().strip())
        text = f"*{_plain(telling.title)}*\n{_plain(telling.text)}"
        try:
            answer = self._session.post(address, json={"text": text}, allow_redirects=False)
        except requests.RequestException as error:
            raise RetriableError(f"the webhook does not answer: {type(error).__name__}") from None
        if answer.status_code in (401, 403, 404, 410):
            # Its address is what it is secured by, and may have been changed.
            self._secrets.renew(self._settings.webhook)
        if not answer.ok or answer.is_redirect:
            raise RetriableError(f"the webhook answers with status {answer.status_code}")


def _plain(text: str) -> str:
    """Text that is no link and no mention.
    https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class MailChannel:
    """A mail a notice."""

    name = "mail"

    def __init__(self, settings: Mail, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets

    def tell(self, telling: Telling) -> None:
        """As Channel."""
        try:
            with self._connected() as server:
                refused = server.send_message(self._written(telling))
        except (OSError, smtplib.SMTPException) as error:
            # The words of these errors quote addresses.
            raise RetriableError(f"the mail server: {type(error).__name__}") from None
        if refused:
            # The others have it, and would have it twice.
            log.warning(
                "the mail server takes no mail for %d of %d recipients: see [notifications.mail]",
                len(refused),
                len(self._settings.recipients),
            )

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        where = (settings.host, settings.port)
        trusted = ssl.create_default_context()
        if settings.tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=TIMEOUT_S, context=trusted)
        else:
            server = smtplib.SMTP(*where, timeout=TIMEOUT_S)
        try:
            if settings.tls == "starttls":
                server.starttls(context=trusted)
            if settings.user:
                password = self._secrets.get(settings.password).reveal()
                server.login(settings.user, password)
        except BaseException:
            server.close()
            raise
        return server

    def _written(self, telling: Telling) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = f"salesintel: {telling.title}"
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.recipients)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain="salesintel.invalid")
        # No absence notes, please. https://www.rfc-editor.org/rfc/rfc3834
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{telling.title}\n\n{telling.text}\n")
        return mail


def channels_of(settings: NotificationSettings, secrets: Secrets) -> list[Channel]:
    """The channels that are named, each once, in their order."""
    slack, mail = settings.slack, settings.mail
    making: dict[str, Callable[[], Channel]] = {"log": LogChannel}
    if slack is not None:
        making["slack"] = lambda: SlackChannel(slack, secrets)
    if mail is not None:
        making["mail"] = lambda: MailChannel(mail, secrets)
    return [making[name]() for name in dict.fromkeys(settings.channels)]
