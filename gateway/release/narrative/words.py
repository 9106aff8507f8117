"""Tables of English words that a family's narrative is read with. Data only.

INVARIANT: every word is folded: lower case, letters and digits only.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_WORD: Final = re.compile(r"\S+")

GRAMMAR: Final = frozenset(
    _WORD.findall("""
    a about after all also am an and any are as at away back be been before being but by came can could
    did do does doing done down each else etc every for from get gets go goes got had has have having he
    her here hers him his how i if in into is it its just last let like me might mine more most much must
    my near next no nor not now of off on once one only or other our out over own per put same say says
    see seen set shall she should so some still such than that the their them then there these they this
    those though to today too under until up us very was way we well went were what when where which while
    who whom whose why with within won yes yet you your
    """)
)
"""Words that hold sentences together. Cutting every one of them would itself say what the name is."""

EVERYDAY: Final = frozenset(
    _WORD.findall("""
    able amber angel apple apples april art august autumn baby bad ball bank bar bath bay beach bean bear
    bed best bill bin black blessing bliss block blue board book box boy brave bread bright brother brown
    burden burns bush butter camp card care carer case cash castle chance change charity chase cherry
    child children church clay clean clear close cloud coast coffee cold comfort cook corn cotton court
    cow cross crow crystal da daily dance dark daughter day days de deal dear del den der desire destiny
    dot dream drew drive driver drum du early earnest east easy edge el english even evening ever fair
    faith fall family farm farmer father favour fear few field fields fine fire first fish five flat flood
    flower flowers food foot force forest forge foster fountain four frank free friday friend friends full
    game garden gay gift girl given glass glory gold golden good grace grand grant grass grave great green
    grey ground group grove guy hall ham hand hands happy hard harmony hat head health heart heat heaven
    held help herb high hill hills history home honey hood hook hope hopes horn hospital hot hour hours
    house ice job joy judge july june keen key keys kind king kitchen la lake land large late law laws le
    lead leaf learn left lemon less life light lion little live lives lock lodge long loss love lovely low
    luck lucky made major male man manner manor many march mark marks mat may mead meadow mean means meet
    men mercy merit merry met mile miles milk mill mind mint miracle miss mist mobile monday month moody
    moon morning mother mount mountain mum music need needs never new news nice night nine noon north note
    now nurse oak ocean old olive order page pain paint parents park part parts pass past patience peace
    penny people person pink place plain plan plant play point pole pool poor post pound power precious
    price pride primary prince princess prior promise proud prudence pupil quick quiet rain read reader
    ready real red rest rice rich ride rider right ring rise river road rock room rose round row royal
    rule run rush rusty sad safe said saint salt sand sat saturday savage school sea sensible service
    seven sharp shop short silver sing sister six sky sleep small smart smile snow social soft soldier son
    song south spark spring square staff stage star start state station stay steel step stone storm story
    street strong style sue summer sun sunday sunny support sure sweet table taken talk tall team ten term
    thing three thursday tiger time told tower town travel treat tree true trust tuesday turn twenty two
    unit unity van victory visit von wait walk wall walls want wants ward warm water wave wednesday week
    weeks welcome west white whole wild will winter wisdom wise wish woman women wonder wood wool word
    words work worker worth yard year years yellow young younger
    """)
)
"""Words that are also names, or that two halves of a name may happen to be: "new" and "man"."""

VERBAL: Final = frozenset(
    _WORD.findall("""
    and asked attended attends cannot could did does enjoys feels felt had has is likes lives loves made
    needs reported reports said says spoke stayed stays thinks told took wants was went who
    """)
)
"""What follows a name that begins a sentence and is spelt like a word of grammar: "An is nine", not "An hour"."""

ORDINARY_NEXT: Final = frozenset(
    _WORD.findall("""
    a about anyone anything be carer carers child children each either enough everyone everything he how i
    if it many most my no nothing our people period periods person persons she some someone something such
    term that the their them there these they this those us we what when where which you your
    """)
)
"""What follows an everyday word that begins a sentence as itself: "Will the school", "Young people"."""

MONTHS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "january": 1,
        "jan": 1,
        "february": 2,
        "feb": 2,
        "march": 3,
        "mar": 3,
        "april": 4,
        "apr": 4,
        "may": 5,
        "june": 6,
        "jun": 6,
        "july": 7,
        "jul": 7,
        "august": 8,
        "aug": 8,
        "september": 9,
        "sept": 9,
        "sep": 9,
        "october": 10,
        "oct": 10,
        "november": 11,
        "nov": 11,
        "december": 12,
        "dec": 12,
    }
)
"""The number of each month, by its name and the usual short forms."""

COMPOUNDS: Final = frozenset(
    {
        (white, of)
        for white in ("black", "white")
        for of in ("african", "british", "caribbean", "european", "irish", "other")
    }
    | {
        ("best", "interest"),
        ("best", "interests"),
        ("best", "practice"),
        ("young", "carer"),
        ("young", "carers"),
    }
    | {("young", "people"), ("young", "person"), ("young", "persons")}
)
"""Two words that are a term, and may both have a capital."""

BEFORE_A_MONTH: Final = frozenset(
    {
        "during",
        "each",
        "early",
        "every",
        "in",
        "last",
        "late",
        "mid",
        "next",
        "since",
        "this",
        "till",
        "until",
    }
)
"""What stands before the name of a month, and hardly before that of a person."""

_ORDINALS: Final = (
    _WORD.findall("""
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
    """)
    + [
        f"twenty{ones}"
        for ones in ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
    ]
    + ["thirtieth", "thirtyfirst"]
)
ORDINALS: Final[Mapping[str, int]] = MappingProxyType(
    {word: day for day, word in enumerate(_ORDINALS, start=1)}
)
"""The day of the month that each ordinal is, two words written as one."""

TITLES: Final = frozenset(
    {"dr", "lady", "lord", "miss", "mr", "mrs", "ms", "mx", "prof", "professor", "rev", "sir"}
)
"""What stands before a name and is no part of it."""

SCHOOL_WORDS: Final = frozenset(
    _WORD.findall("""
    academy and based c centre children childrens church clinic club college community cofe day e early england family first foundation free
    grammar group high home hospital hostel hub infant infants junior juniors medical nursery of playgroup practice pre
    preschool primary project rc refuge roman catholic ce school secondary service services shelter sixth form special
    surgery the trust unit upper voluntary aided controlled years
    """)
)
"""The generic end of the name of a school or setting, which may be left out."""

ACRONYMS: Final = frozenset(
    _WORD.findall("""
    adhd asd bme camhs cba cic cin cme cpp csc cse dbs dsl dva dwp ebsa ecg ehcp ehe ehm esa fgm fsm gcse hmo iep lac lado
    marac mash nhs nrpf pca pep php pru rag sats sen senco slt tac taf uasc usa
    """)
)
"""Capitals that every text about a family uses: never the short form of a place."""

STREET_TYPES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "avenue": ("avenue", "ave", "av"),
        "buildings": ("buildings", "bldgs"),
        "close": ("close", "cl"),
        "common": ("common",),
        "cottage": ("cottage",),
        "cottages": ("cottages",),
        "court": ("court", "ct", "crt"),
        "crescent": ("crescent", "cres", "cresc"),
        "drive": ("drive", "dr", "drv"),
        "estate": ("estate", "est"),
        "gardens": ("gardens", "gdns", "gdn", "gds"),
        "grove": ("grove", "gr", "grv"),
        "heights": ("heights", "hts"),
        "hill": ("hill",),
        "house": ("house", "hse"),
        "lane": ("lane", "ln"),
        "lodge": ("lodge",),
        "mansions": ("mansions", "mans"),
        "mews": ("mews",),
        "parade": ("parade", "pde"),
        "park": ("park", "pk"),
        "place": ("place", "pl"),
        "point": ("point", "pt"),
        "rise": ("rise",),
        "road": ("road", "rd"),
        "row": ("row",),
        "square": ("square", "sq"),
        "street": ("street", "st", "str"),
        "terrace": ("terrace", "ter", "terr"),
        "tower": ("tower", "twr"),
        "vale": ("vale",),
        "view": ("view",),
        "villas": ("villas",),
        "walk": ("walk", "wlk"),
        "way": ("way", "wy"),
        "yard": ("yard", "yd"),
    }
)
"""The kinds of streets and buildings, each with its short forms."""

FLAT_WORDS: Final = ("flat", "apartment", "apt", "unit", "room", "studio", "flt")
"""What stands before the number of a dwelling within a house."""

COMMON_STREETS: Final = (
    EVERYDAY
    | GRAMMAR
    | frozenset(
        _WORD.findall("""
    albert avenue back bridge brook chapel cross elm ferry george grange holly jubilee kings lime london maple market mount
    orchard queen queens regent saint st stanley station trinity vicarage victoria wellington willow windsor york
    """)
    )
)
"""Names that every town has a street of: such a street says nothing without its number."""

UBIQUITOUS: Final = frozenset({"england", "london", "uk", "unitedkingdom", "greatbritain"})
"""Localities that say nothing about where a family of the council lives."""
