"""The ISO 3166 code of a country as CRMs write it: the region of a record's national numbers."""

from functools import lru_cache

from phonenumbers import SUPPORTED_REGIONS

_NAMES = """
US: usa, u.s., u.s.a., united states, united states of america, america
CA: canada
GB: uk, u.k., united kingdom, great britain, england, scotland, wales, northern ireland
IE: ireland, éire; FR: france; DE: germany, deutschland; AT: austria, österreich
CH: switzerland, schweiz, suisse; IT: italy, italia; ES: spain, españa; PT: portugal
NL: netherlands, the netherlands, nederland, holland; BE: belgium, belgië, belgique
LU: luxembourg; DK: denmark, danmark; SE: sweden, sverige; NO: norway, norge
FI: finland, suomi; IS: iceland; PL: poland, polska; CZ: czechia, czech republic; SK: slovakia
HU: hungary; RO: romania; BG: bulgaria; GR: greece; HR: croatia; SI: slovenia; RS: serbia
EE: estonia; LV: latvia; LT: lithuania; UA: ukraine; TR: turkey, türkiye; IL: israel
SA: saudi arabia; AE: uae, u.a.e., united arab emirates; EG: egypt; ZA: south africa
NG: nigeria; KE: kenya; MA: morocco; IN: india; PK: pakistan; BD: bangladesh; LK: sri lanka
CN: china; HK: hong kong; TW: taiwan; JP: japan; KR: korea, south korea; SG: singapore
MY: malaysia; TH: thailand; VN: vietnam; ID: indonesia; PH: philippines
AU: australia; NZ: new zealand; MX: mexico, méxico; BR: brazil, brasil; AR: argentina
CL: chile; CO: colombia; PE: peru, perú; UY: uruguay
"""
_CODES = {
    name.strip(): code.strip()
    for code, _, names in (
        country.partition(":") for country in _NAMES.strip().replace("\n", ";").split(";")
    )
    for name in names.split(",")
}


@lru_cache(maxsize=4_096)
def region_of(country: str | None, default: str) -> str:
    """The region of a country's name or code; `default` where it is none that we know."""
    if not country:
        return default
    code = country.strip().upper()
    if code in SUPPORTED_REGIONS:
        return code
    return _CODES.get(country.strip().casefold(), default)
