"""Names as evidence: which given names and family names can belong to one person.

A wrong merge costs more than a missed one, so these rules say "conflict" only of names that are
clearly two people's, and everything that joins by household or office evidence asks them first.
"""

import re
import unicodedata
from functools import lru_cache

import jellyfish

GIVEN_LIKE = 0.82
"""Jaro-Winkler from which two given names count as spellings of one."""
FAMILY_LIKE = 0.85

_NICKNAMES = """
alexander alex alec sasha xander|alexandra alex sandra sasha lexi|abigail abby gail|
albert al bert|alfred al fred alfie|allan alan allen al|amanda mandy|andrew andy drew|
angela angie|ann anna anne annie ana|anthony tony|antonio tony toni|arthur art|barbara barb babs|
benjamin ben benny|bernard bernie|bradley brad|calvin cal|cameron cam|
catherine katherine kathryn catharine kate katie kathy cathy kat kitty|charles charlie chuck chas|
charlotte lottie charlie|christina christine chris tina christy|
christopher chris kit krzysztof krzysiek|cynthia cindy|daniel dan danny|david dave davey|
deborah debra deb debbie|dennis denis denny|dominic dom|donald don donny|dorothy dot dottie|
douglas doug|edward ed eddie ted ned eduardo lalo|eleanor ellie nell nora|
elizabeth elisabeth liz beth lizzie lizzy betty bess eliza betsy libby lisa|emily em emmy|
ernest ernie|eugene gene evgeny zhenya|evelyn eve evie|florence flo|frances fran frankie|
francis frank francisco paco pancho|frederick fred freddie friedrich fritz|gabriel gabe|
gabriella gabby|george georgie|gerald gerry jerry|geoffrey jeffrey geoff jeff|gilbert gil|
gregory greg|harold harry hal|harriet hattie|henry harry hank heinrich heinz enrique quique|
herbert herb|isabella isabel bella izzy|jacob jake|james jim jimmy jamie|janet jan|
jennifer jen jenny|jeremy jerry|jessica jess|john johnny jack jon johannes johann hans|
jonathan jon|joseph joe joey jose josef pepe giuseppe beppe|josephine jo josie|joshua josh|
judith judy|julia julie|kenneth ken kenny|kimberly kim|kristen kristin kris|
lawrence laurence larry|leonard len leo|leslie les|louis lou lewis luis|louise lou|
madeline maddie|margaret meg maggie peggy marge greta|martha marta marty|martin marty|
matthew matt|maximilian max|melissa mel missy|michael mike mikey mick mikhail misha|
michelle shelly|mitchell mitch|nancy nan|nathaniel nate nathan|
nicholas nicolas nick nico nikolai nikolas nikos kolya|nicole nicky|oliver ollie|olivia liv|
pamela pam|patricia pat patty tricia trish|patrick pat paddy|peter pete|philip phillip phil|
priscilla cilla|rachel rach|randall randy|raymond ray|rebecca becky becca|
richard rick dick rich ricky|robert bob rob bobby robbie bert roberto beto|roberta bobbie|
roger rodge|ronald ron ronnie|rosemary rose|russell russ|samantha sam sammy|samuel sam sammy|
sandra sandy|sarah sara sally|sebastian seb|sharon shari|stanley stan|stephanie steph|
steven stephen steve|susan sue susie suzy suzanne|terence terry|theresa teresa terry|
theodore ted theo|thomas tom tommy tomas tomasz tomek|timothy tim timmy|valerie val|victor vic|
victoria vicky tori|vincent vince|virginia ginny|walter walt|wesley wes|
william bill will billy willy liam|zachary zach|dmitri dmitry dmitriy dima|vladimir vova volodya|
ignacio nacho|manuel manolo manny|rafael raphael rafa|giovanni gianni|wojciech wojtek|
malgorzata gosia|sergei sergey seryozha|tatiana tania tanya|mohammed mohamed muhammad mohammad|
ekaterina katya katja|katarzyna kasia|brian bryan|carl karl|eric erik|erica erika|sofia sophia|
julian julien|neil neal|claudia klaudia
"""
_DISTINCT = """
adam adrian adriana adrienne alice amy andrea arjun ashley brandon bruce carla carlos carol
caroline chloe christian claire clara craig danielle denise diana diane donna elena ellen emma erin
ethan eva fatima gabrielle gary georgia grace hannah heather helen hugo irene ivan jane janice
jason jean joan joanna jordan jorge juan juliana justin justine karen keith kelly kevin laura
lauren leila lena linda lucas lucia lucy luke maria marie marina mario mark martina mary mia monica
nadia natalie nina noah norma oscar paul paula pedro priya rosa ruth ryan sean simon sonia sophie
tara tracy vera wayne wendy yusuf zoe
"""

_GROUPS: dict[str, set[int]] = {}
for _number, _group in enumerate(_NICKNAMES.replace("\n", " ").split("|")):
    for _name in _group.split():
        _GROUPS.setdefault(_name, set()).add(_number)
_MAIN = [group.split()[0] for group in _NICKNAMES.replace("\n", " ").split("|")]
_NO_GROUP: set[int] = set()
_KNOWN = _GROUPS.keys() | set(_DISTINCT.split())

_NOT_LETTERS = re.compile(r"[^\w]+|[\d_]+")
_SUFFIX = re.compile(r"(?:^|[\s,])(sr|jr|senior|junior|ii|iii|iv)\.?\s*\Z", re.IGNORECASE)
_LAST = frozenset("RrIiVv.\u0130\u0131")
"""How a generation can end, dotless and dotted forms of an i too; or with white space."""
_GENERATION = {"sr": 1, "senior": 1, "jr": 2, "junior": 2, "ii": 2, "iii": 3, "iv": 4}


@lru_cache(maxsize=100_000)
def fold(text: str) -> str:
    """Lower case, no accents, no punctuation: names are compared in this form."""
    # Twice: a mathematical A has no lower case before it is an A.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(_NOT_LETTERS.sub(" ", bare).split())


def generation(name: str) -> int:
    """1 of `John Smith Sr.`, 2 of Jr. and II, 3, 4; 0 where the name does not say."""
    last = name[-1:]
    if last not in _LAST and not last.isspace():
        return 0
    found = _SUFFIX.search(name)
    return _GENERATION[found.group(1).lower()] if found else 0


@lru_cache(maxsize=200_000)
def given_conflict(a: str, b: str) -> bool:
    """True where two folded given names cannot be one person's; unknown ones never conflict."""
    if not a or not b or a == b:
        return False
    first, second = a.split(" ", 1)[0], b.split(" ", 1)[0]
    if first == second:
        return False
    if len(first) == 1 or len(second) == 1:
        return first[0] != second[0]
    if first in b.split(" ") or second in a.split(" "):
        return False
    if _GROUPS.get(first, _NO_GROUP) & _GROUPS.get(second, _NO_GROUP):
        return False
    if first in _KNOWN and second in _KNOWN:
        return True
    if (
        len(first) >= 3
        and len(second) >= 3
        and (first.startswith(second) or second.startswith(first))
    ):
        return False
    low, high = sorted((first, second))
    return bool(jellyfish.jaro_winkler_similarity(low, high) < GIVEN_LIKE)


@lru_cache(maxsize=200_000)
def family_conflict(a: str, b: str) -> bool:
    """True where two folded family names differ clearly; unknown ones never conflict."""
    if not a or not b or a == b:
        return False
    if set(a.split()) & set(b.split()):
        return False
    if len(a) == 1 or len(b) == 1:
        return a[0] != b[0]
    low, high = sorted((a, b))
    return bool(jellyfish.jaro_winkler_similarity(low, high) < FAMILY_LIKE)


@lru_cache(maxsize=200_000)
def both_known(a: str, b: str) -> bool:
    """True where two folded given names both are common ones, and no forms of one name."""
    first, second = a.split(" ", 1)[0], b.split(" ", 1)[0]
    return first in _KNOWN and second in _KNOWN and first != second and not nicknames(first, second)


def nicknames(a: str, b: str) -> bool:
    """True where two folded given names are forms of one: Bill, William."""
    return bool(_GROUPS.get(a, _NO_GROUP) & _GROUPS.get(b, _NO_GROUP))


@lru_cache(maxsize=100_000)
def main_form(given: str) -> str:
    """The first given name, a nickname as the name that it stands for where it has one alone."""
    first = given.split(" ", 1)[0]
    groups = _GROUPS.get(first)
    return _MAIN[min(groups)] if groups else first


def swapped(given: str, family: str, other_given: str, other_family: str) -> bool:
    """True where one record has given and family name in each other's place."""
    return bool(given and family) and given == other_family and family == other_given


def people_conflict(
    given: str, family: str, other_given: str, other_family: str, *, family_counts: bool
) -> bool:
    """True where two names are two people's. `family_counts` is False where a changed family
    name (marriage) is likelier than a second person: at a personal mailbox."""
    if swapped(given, family, other_given, other_family):
        return False
    if given_conflict(given, other_given):
        return True
    return family_counts and family_conflict(family, other_family)
