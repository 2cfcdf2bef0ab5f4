"""Internet domains: canonical form, and the part of one that an organisation registers."""

import re
from functools import lru_cache
from urllib.parse import unquote

import idna

from transforms.identifiers.clean import as_typed

MOST_CHARACTERS = 253
"""RFC 1035, 2.3.4: 255 octets on the wire, 253 as text."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
ASCII_NAME = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{0,58}}[a-z0-9])")
"""At least two labels, none edged by a hyphen, the last not a number: no IP address is one."""

# Country domains below which names are registered at the third level. Those of the countries that
# we meet, by each registry's published policy; the fallback is the second level.
_SECOND_LEVELS = """
ae co net org ac gov sch|ar com net org gob edu int mil tur|at co or ac gv| au com net org edu
gov asn id|bd com net org edu gov ac|bo com net org edu gob| br com net org gov edu adv art blog
eco eng ind inf med odo pro psi srv tv adm jus leg mp| cn com net org gov edu ac mil|co com net
org edu gov nom mil|cr co or ac ed fi go sa| cy com net org ac gov ltd|do com net org edu gob
web|ec com net org edu gob fin med| eg com net org edu gov|es com nom org gob edu|fr asso com
gouv nom prd tm| gh com org edu gov|gr com net org edu gov|gt com net org edu gob ind|hk com net
org edu gov idv| hn com net org edu gob|hu co org info|id co or ac go web sch net my biz desa|
il co org net ac gov muni k12|in co net org gen firm ind ac edu res gov nic mil| it gov edu|jm
com net org edu gov|jp co or ne ac ad ed go gr lg| ke co or ne go ac sc me mobi info|kr co or ne
re pe go ac mil hs ms es sc kg|kw com net org edu gov| lb com net org edu gov|lk com net org edu
gov ac|ma co net org ac gov press| mt com net org edu|mx com net org edu gob|my com net org edu
gov mil name|ng com net org edu gov sch| ni com net org edu gob|np com net org edu gov|nz co net
org ac govt geek gen kiwi maori iwi school| om co com net org edu gov|pa com net org edu gob
ac|pe com net org edu gob nom| ph com net org edu gov ngo|pk com net org edu gov fam biz|pl com
net org edu gov info biz waw| pr com net org edu gov biz|pt com org edu gov nome|py com net org
edu gov coop|qa com net org edu gov| ro com org info nom|ru com net org pp msk spb|sa com net
org edu gov med sch|sg com net org edu gov per| sv com org edu gob red|th co or in ac go net
mi|tn com net org| tr com net org edu gov bel pol k12 av dr gen web biz info name tel bbs|tt co
com net org edu gov| tw com net org edu gov idv game club|tz co or ne go ac sc me|ua com net org
edu gov in kiev kyiv lviv| ug co or ne go ac sc com org|uk co org me ltd plc net sch ac gov nhs
police mod| us k12 state|uy com net org edu gub mil|uz co com net org|ve com net org co edu gob
web| vn com net org edu gov ac biz info name pro health|za co org net ac gov web law nom school|
zm co com org ac|zw co org ac gov
"""
_SUFFIXES = frozenset(
    f"{second}.{country}"
    for country, *seconds in (row.split() for row in _SECOND_LEVELS.split("|"))
    for second in seconds
)

_SCHEME = re.compile(r"\A(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_AFTER_HOST = re.compile(r"[/?#\\\s]")
_PORT = re.compile(r":\d*\Z")


@lru_cache(maxsize=50_000)
def canonical(text: str) -> str:
    """The domain in lower-case A-labels without a root dot; empty where it is no domain name.

    Internationalised names go by IDNA 2008 after UTS 46 mapping (RFC 5891). An IP address, a
    single label, a label edged by a hyphen and an empty label are refused.
    """
    name = as_typed(text).strip().lower().removesuffix(".")
    if not 4 <= len(name) <= MOST_CHARACTERS:
        return ""
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except UnicodeError:  # idna's own errors are of this class
            return ""
    if len(name) > MOST_CHARACTERS or not ASCII_NAME.fullmatch(name):
        return ""
    return name


@lru_cache(maxsize=50_000)
def registrable(name: str) -> str:
    """The part of a canonical domain that somebody registers: `mail.acme.co.uk` -> `acme.co.uk`.

    A public suffix alone comes back as it is.
    """
    labels = name.rsplit(".", 3)
    if len(labels) <= 2:
        return name
    last_two = f"{labels[-2]}.{labels[-1]}"
    return f"{labels[-3]}.{last_two}" if last_two in _SUFFIXES else last_two


def of_url(text: str) -> str:
    """The registrable domain of a website as people type it; empty where there is none.

    `https://www.Acme.co.uk/about?x=1`, `acme.com:8080` and `WWW.ACME.COM` are all read.
    """
    address = _SCHEME.sub("", as_typed(text).strip(), count=1)
    host = _AFTER_HOST.split(address, maxsplit=1)[0].rpartition("@")[2]
    name = canonical(_PORT.sub("", unquote(host)))
    return registrable(name) if name else ""


def is_within(name: str, domains: tuple[str, ...]) -> bool:
    """True of one of these domains and of every name below one."""
    return any(name == one or name.endswith("." + one) for one in domains)
