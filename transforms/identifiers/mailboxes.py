"""Mailboxes that are not one person's: role addresses, machines that send, public providers.

Our own short tables of what is common; separators and trailing digits do not count.
"""

import re
from functools import lru_cache

_ROLES = frozenset(
    """
    abuse accounting accounts accountspayable accountsreceivable admin administration administrator
    admissions advertising ap benefits billing board bookings booking business buchhaltung buero
    bursar campus careers commercial compliance comptabilite compta comunicacion contact
    contacto contactus contato contatti customercare customerservice customersuccess customersupport
    datenschutz design developers director dispatch dpo ecommerce editor education einkauf
    empleo engineering enquiries enquiry estimating events everyone facilities facturacion faq
    feedback finance financeiro frontdesk ftp general government hallo hello help helpdesk hola
    hostmaster hr humanresources info infos information inquiries inquiry insurance investor
    investorrelations investors invoice invoices invoicing it itsupport jobs kontakt kundenservice
    leads legal library logistics mail mailbox maintenance management manager marketing media
    membership news noc nurse office officemanager operations ops order orders parts partner
    partners payable payables payments payroll post postmaster pr press privacy
    procurement production prod project projects purchasing purchase quality questions quotes
    quote rechnung reception receptionist recruiting recruitment registrar registration rental
    rentals reservations reservation returns rfp root rsvp sales salesteam secretary security
    sekretariat service serviceclient servicedesk services shipping shop soporte staff store
    studio subscribe subscriptions success support sysadmin team tech techsupport technical tickets
    training travel treasurer trouble undisclosedrecipients unsubscribe usenet uucp vendas vendors
    ventas verkauf vertrieb volunteer voicemail web webadmin webmaster website welcome wholesale
    workshop www zentrale accueil administracion
    """.split()
)
_MACHINES = frozenset(
    """
    alert alerts announce announcements autoresponder automailer automated bounce bounces
    calendarnotification campaign campaigns confirmation confirmations daemon deals digest
    donotreply donotrespond echosign email emails forumnotifications invitations listserv
    mailer mailerdaemon mailing mailinglist mailout majordomo messages messenger monitoring
    neverreply newsletter newsletters nobody nepasrepondre noresponder naoresponda nichtantworten
    noreply noreplies noresponse notification notifications notifier notify notreply offers
    promo promotions promotion receipts reminder reminders reply replyto robot statements
    surveys survey system updates update
    """.split()
)
_NO_REPLY = re.compile(
    r"(?:no|not|dont|donot|never)[._-]*(?:reply|respond|replies|response)|mailer-?daemon|"
    r"(?:bounces?|newsletters?|notifications?|alerts?|msprvs\d*|srs\d?|prvs|owner|listserv)[._=+-].*|"
    r".*[._-](?:no-?reply|notifications?|newsletters?|bounces?|request|owner|unsubscribe)\Z"
)
_OPAQUE = re.compile(r"(?=.*\d)[0-9a-f]{24,}\Z|.*[._=+-](?=.*\d)[0-9a-f-]{24,}\Z")
_TEAM_OF = re.compile(
    r"(?:info|sales|support|billing|contact|office|help|hr|accounts|service)[._-][a-z]{2,3}\Z"
)
_SEPARATORS = str.maketrans("", "", "._-")

_FREEMAIL = frozenset(
    """
    gmail.com googlemail.com yahoo.com ymail.com rocketmail.com aol.com aim.com hotmail.com
    outlook.com live.com msn.com passport.com icloud.com me.com mac.com proton.me protonmail.com
    protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com hey.com zoho.com zohomail.com
    fastmail.com fastmail.fm hushmail.com mail.com email.com usa.com myself.com consultant.com
    gmx.com gmx.net gmx.de gmx.at gmx.ch gmx.us web.de freenet.de t-online.de arcor.de online.de
    1und1.de kabelmail.de vodafonemail.de posteo.de mailbox.org bluewin.ch hispeed.ch sunrise.ch
    orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr bbox.fr numericable.fr aliceadsl.fr
    libero.it virgilio.it alice.it tin.it tiscali.it fastwebnet.it inwind.it telefonica.net
    terra.es ono.com btinternet.com btopenworld.com talktalk.net sky.com virginmedia.com
    ntlworld.com
    blueyonder.co.uk tiscali.co.uk o2.co.uk plusnet.com ziggo.nl kpnmail.nl planet.nl xs4all.nl
    home.nl hetnet.nl upcmail.nl telenet.be skynet.be proximus.be telia.com bredband.net comhem.se
    online.no abv.bg wp.pl o2.pl interia.pl onet.pl onet.eu op.pl poczta.fm seznam.cz centrum.cz
    email.cz azet.sk freemail.hu citromail.hu mail.ru inbox.ru list.ru bk.ru yandex.ru yandex.com
    ya.ru rambler.ru ukr.net i.ua meta.ua walla.co.il walla.com mynet.com qq.com foxmail.com 163.com
    126.com yeah.net sina.com sina.cn sohu.com 139.com 189.cn aliyun.com naver.com daum.net
    hanmail.net nate.com kakao.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp au.com nifty.com
    rediffmail.com sify.com uol.com.br bol.com.br terra.com.br ig.com.br globo.com r7.com
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net ameritech.net pacbell.net swbell.net
    cox.net charter.net spectrum.net earthlink.net mindspring.com frontier.com frontiernet.net
    optonline.net optimum.net juno.com netzero.net netzero.com windstream.net centurylink.net
    centurytel.net embarqmail.com q.com roadrunner.com rr.com twc.com suddenlink.net mediacombb.net
    rogers.com shaw.ca telus.net sympatico.ca bell.net videotron.ca cogeco.ca eastlink.ca
    bigpond.com bigpond.net.au optusnet.com.au iinet.net.au tpg.com.au xtra.co.nz
    mailinator.com guerrillamail.com yopmail.com sharklasers.com 10minutemail.com trashmail.com
    tempmail.com temp-mail.org maildrop.cc getnada.com dispostable.com lycos.com excite.com
    inbox.com duck.com simplelogin.com privaterelay.appleid.com mozmail.com skiff.com cock.li
    """.split()
)
_FREEMAIL_EVERYWHERE = frozenset(("yahoo", "hotmail", "outlook", "live", "gmx", "ymail"))
"""Providers with a name in many countries; only below a country's own domain."""


def _bare(local: str) -> str:
    base = local.lower().partition("+")[0] or local.lower()
    return base.strip('"').translate(_SEPARATORS).rstrip("0123456789")


@lru_cache(maxsize=20_000)
def is_role(local: str) -> bool:
    """True of a mailbox that a function has and not a person: info, sales, no-reply."""
    if _bare(local) in _ROLES:
        return True
    return bool(_TEAM_OF.match(local.lower())) or is_bulk_sender(local)


@lru_cache(maxsize=20_000)
def is_bulk_sender(local: str) -> bool:
    """True of a mailbox that a machine sends from: newsletter, bounces, notifications."""
    low = local.lower()
    base = low.partition("+")[0]
    if _bare(local) in _MACHINES or _NO_REPLY.match(low) or _OPAQUE.match(low):
        return True
    return base != low and (base in _MACHINES or bool(_NO_REPLY.match(base)))


def is_freemail(domain: str) -> bool:
    """True of a public mail provider's domain: it says nothing of whom one works for."""
    name = domain.lower().removesuffix(".")
    if name in _FREEMAIL:
        return True
    first, _, rest = name.partition(".")
    # yahoo.co.uk, outlook.de; not yahoo-inc.com, nor a subdomain of a company.
    country = rest.removeprefix("co.").removeprefix("com.")
    return first in _FREEMAIL_EVERYWHERE and len(country) == 2
