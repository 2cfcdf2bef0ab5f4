"""The ISO 3166 code of a country as CRMs write it: the region of a record's national numbers."""

from functools import lru_cache

from phonenumbers import SUPPORTED_REGIONS

_NAMES = """
US usa u.s. u.s.a. united states|US united states of america america|CA canada
GB uk u.k. united kingdom|GB great britain england scotland wales|GB northern ireland
IE ireland éire|FR france|DE germany deutschland|AT austria österreich|CH switzerland schweiz suisse
IT italy italia|ES spain españa|PT portugal|NL netherlands|NL the netherlands|NL holland nederland
BE belgium belgië belgique|LU luxembourg|DK denmark danmark|SE sweden sverige|NO norway norge
FI finland suomi|IS iceland|PL poland polska|CZ czechia|CZ czech republic|SK slovakia|HU hungary
RO romania|BG bulgaria|GR greece|HR croatia|SI slovenia|RS serbia|EE estonia|LV latvia|LT lithuania
UA ukraine|TR turkey türkiye|IL israel|SA saudi arabia|AE uae u.a.e.|AE united arab emirates
EG egypt|ZA south africa|NG nigeria|KE kenya|MA morocco|IN india|PK pakistan|BD bangladesh
LK sri lanka|CN china|HK hong kong|TW taiwan|JP japan|KR south korea|KR korea|SG singapore
MY malaysia|TH thailand|VN vietnam|ID indonesia|PH philippines|AU australia|NZ new zealand
MX mexico méxico|BR brazil brasil|AR argentina|CL chile|CO colombia|PE peru perú|UY uruguay
"""
_MANY_WORDS = frozenset(
    "united states|united states of america|united kingdom|great britain|northern ireland|"
    "the netherlands|czech republic|saudi arabia|united arab emirates|south africa|sri lanka|"
    "hong kong|south korea|new zealand".split("|")
)


def _codes() -> dict[str, str]:
    codes = {}
    for row in _NAMES.replace("\n", "|").split("|"):
        code, _, names = row.strip().partition(" ")
        for whole in _MANY_WORDS:
            if names.endswith(whole) and (names == whole or names[: -len(whole)].endswith(" ")):
                codes[whole] = code
                names = names[: -len(whole)]
        codes.update((name, code) for name in names.split())
    return codes


_CODES = _codes()


@lru_cache(maxsize=4_096)
def region_of(country: str | None, default: str) -> str:
    """The region of a country's name or code; `default` where it is none that we know."""
    if not country:
        return default
    code = country.strip().upper()
    if code in SUPPORTED_REGIONS:
        return code
    return _CODES.get(country.strip().casefold(), default)
