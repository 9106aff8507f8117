"""Closed code lists of the field catalogue, and which of them concern which kind of agency.

INVARIANT: lists are closed: a value outside its list is refused at intake, there is no free "other" text.
INVARIANT: only the lists of F15, F19, F26, F27, F36 and F37, and the service types marked sensitive, name a
    refuge, domestic abuse, an offence, immigration status or a sensitive service. A need, a goal, a tenure or a
    history headline that named one would carry to many what the field of that name withholds.

Pure: standard library only, no clock, no I/O. Each list is in the order in which a form offers it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from agencies.model import AgencyKind

CodeList: TypeAlias = tuple[str, ...]


def _code_list(text: str) -> CodeList:
    """The codes of a text, in order."""
    return tuple(text.split())


NAME_TYPES: CodeList = ("legal", "known_as", "former")
DATE_CERTAINTIES: CodeList = ("exact", "estimated", "expected")
SEXES: CodeList = ("female", "male", "indeterminate", "unknown")

# --- F09: Census 2021 ethnic groups (ONS), 19 codes in 5 groups -------------------------------------------
ETHNIC_GROUPS: CodeList = ("ASIAN", "BLACK", "MIXED", "WHITE", "OTHER")
ETHNIC_GROUP: Mapping[str, str] = MappingProxyType(
    {
        "ASIAN_INDIAN": "ASIAN",
        "ASIAN_PAKISTANI": "ASIAN",
        "ASIAN_BANGLADESHI": "ASIAN",
        "ASIAN_CHINESE": "ASIAN",
        "ASIAN_OTHER": "ASIAN",
        "BLACK_CARIBBEAN": "BLACK",
        "BLACK_AFRICAN": "BLACK",
        "BLACK_OTHER": "BLACK",
        "MIXED_WHITE_BLACK_CARIBBEAN": "MIXED",
        "MIXED_WHITE_BLACK_AFRICAN": "MIXED",
        "MIXED_WHITE_ASIAN": "MIXED",
        "MIXED_OTHER": "MIXED",
        "WHITE_BRITISH": "WHITE",
        "WHITE_IRISH": "WHITE",
        "WHITE_GYPSY_OR_IRISH_TRAVELLER": "WHITE",
        "WHITE_ROMA": "WHITE",
        "WHITE_OTHER": "WHITE",
        "OTHER_ARAB": "OTHER",
        "OTHER_ANY": "OTHER",
    }
)
"""The group of each of the 19 codes; the two answers that are no group are not in it."""
ETHNICITIES: CodeList = (*ETHNIC_GROUP, "NOT_STATED", "REFUSED")

NHS_ETHNIC_GROUP: Mapping[str, str] = MappingProxyType(
    dict.fromkeys("ABC", "WHITE")
    | dict.fromkeys("DEFG", "MIXED")
    | dict.fromkeys("HJKLR", "ASIAN")
    | dict.fromkeys("MNP", "BLACK")
    | {"S": "OTHER"}
)
"""NHS 16+1 letters to the 5 groups; finer is unsafe, the letters have no Roma and no Arab. Z is not stated."""

DFE_ETHNIC_GROUP: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("WBRI", "WIRI", "WIRT", "WROM", "WOTH"), "WHITE")
    | dict.fromkeys(("MWBC", "MWBA", "MWAS", "MOTH"), "MIXED")
    | dict.fromkeys(("AIND", "APKN", "ABAN", "CHNE", "AOTH"), "ASIAN")
    | dict.fromkeys(("BCRB", "BAFR", "BOTH"), "BLACK")
    | {"OOTH": "OTHER"}
)
"""DfE school census codes to the 5 groups; finer is unsafe (WROM is Gypsy or Roma). REFU, NOBT: no group."""

ACCESS_NEEDS: CodeList = _code_list(
    """
    large_print easy_read braille audio bsl_interpreter lip_speaker hearing_loop step_free quiet_space
    text_only
    """
)
CONTACT_KINDS: CodeList = ("phone", "email")
UPN_STATUSES: CodeList = ("permanent", "temporary", "former")
SCHOOL_PHASES: CodeList = ("nursery", "primary", "secondary", "post_16", "ehe", "none")
PHASES_WITH_SCHOOL: frozenset[str] = frozenset({"nursery", "primary", "secondary", "post_16"})

# --- F14 --------------------------------------------------------------------------------------------------
RELATIONSHIPS: CodeList = _code_list(
    """
    MOTHER FATHER PARENT STEP_PARENT ADOPTIVE_PARENT FOSTER_CARER GRANDPARENT KINSHIP_CARER GUARDIAN
    SIBLING HALF_SIBLING STEP_SIBLING TWIN PARTNER_OF_PARENT OTHER_HOUSEHOLD NETWORK
    """
)
RESIDENCES: CodeList = ("full", "part", "none")
PR_BASES: CodeList = _code_list(
    """
    birth_mother married_father birth_registered_father pr_agreement pr_order child_arrangements_order
    guardian special_guardian step_parent_s4A adopter care_order_LA second_parent_HFEA none
    """
)

# --- F15, F19, F26, F27, F36, F37: named in a consent or not released at all --------------------------------
RISK_BASES: CodeList = (
    "court_order",
    "police_information",
    "professional_assessment",
    "disclosure_by_adult",
    "disclosure_by_child",
    "family_report",
)
SENSITIVE_SERVICES: CodeList = (
    "sexual_health",
    "substance_use",
    "adult_mental_health",
    "hiv",
    "domestic_abuse_support",
)
DOMESTIC_ABUSE_MARKERS: CodeList = _code_list(
    """
    dash_standard dash_medium dash_high marac non_molestation_order protection_order idva_involved
    historic
    """
)
OFFENCES: CodeList = _code_list(
    """
    violence_against_person sexual_offence child_cruelty robbery theft criminal_damage drug_offence
    weapon_possession public_order harassment_or_stalking breach_of_order other_offence
    """
)
OFFENCE_STATUSES: CodeList = ("alleged", "charged", "convicted", "nfa")
WORKER_SAFETY: CodeList = (
    "visit_in_pairs",
    "meet_outside_home",
    "dog_at_property",
    "infection_risk",
    "building_access",
    "call_before_visit",
)
IMMIGRATION_STATUSES: CodeList = _code_list(
    """
    citizen settled pre_settled leave_with_recourse leave_nrpf asylum_seeker no_leave
    application_pending unknown
    """
)
NRPF_ADVICE_STATUSES: frozenset[str] = frozenset(
    {"leave_nrpf", "asylum_seeker", "no_leave", "application_pending"}
)
"""Statuses at which a family may have no recourse to public funds, so that advice is needed."""

# --- F16 to F18, F20 ----------------------------------------------------------------------------------------
CHILD_HEALTH_IMPACTS: CodeList = _code_list(
    """
    attendance mobility self_care eating sleep fatigue communication medicine_in_the_day
    emergency_plan_needed many_appointments growth_and_development play_and_exercise
    """
)
CHILD_MENTAL_HEALTH_IMPACTS: CodeList = _code_list(
    """
    attendance concentration friendships family_life managing_feelings confidence sleep eating
    leaving_home staying_safe
    """
)
ADULT_HEALTH_IMPACTS: CodeList = _code_list(
    """
    routines supervision practical_care emotional_warmth getting_to_school keeping_appointments
    leaving_home child_gives_care work_and_money
    """
)
DISABILITY_NEEDS: CodeList = _code_list(
    """
    autism adhd learning_disability developmental_delay speech_and_language hearing vision physical
    long_term_condition fasd other_need
    """
)
DIAGNOSIS_CERTAINTIES: CodeList = ("diagnosed", "suspected", "self_reported")
ADJUSTMENTS: CodeList = _code_list(
    """
    visual_timetable plain_language extra_time quiet_space small_group step_free hearing_support
    vision_support sensory_support home_visit online_meeting signing one_to_one personal_care
    """
)

# --- F21, F22 -------------------------------------------------------------------------------------------------
SEN_AREA: Mapping[str, str] = MappingProxyType(
    {
        "SPLD": "cognition_and_learning",
        "MLD": "cognition_and_learning",
        "SLD": "cognition_and_learning",
        "PMLD": "cognition_and_learning",
        "SEMH": "social_emotional_mental_health",
        "SLCN": "communication_and_interaction",
        "ASD": "communication_and_interaction",
        "HI": "sensory_and_physical",
        "VI": "sensory_and_physical",
        "MSI": "sensory_and_physical",
        "PD": "sensory_and_physical",
        "OTH": "other",
        "NSA": "other",
        "DS": "other",
    }
)
"""Broad area of each SEN type (SEND code of practice); a type outside the four areas is "other"."""
SEN_TYPES: CodeList = tuple(SEN_AREA)
SEN_PROVISIONS: CodeList = ("E", "K", "N")
EHCP_SECTIONS: CodeList = tuple("ABCDEFGHIJK")

# --- F24, F25 -------------------------------------------------------------------------------------------------
FINANCE_CATEGORIES: CodeList = _code_list(
    """
    debt rent_arrears council_tax_arrears energy_debt benefits benefit_sanction free_school_meals
    low_income no_income food_insecurity
    """
)
TENURES: CodeList = _code_list(
    """
    council housing_association private_rented owner_occupied shared_ownership temporary_accommodation
    with_family_or_friends tied no_fixed_abode other_tenure
    """
)
HOUSING_ISSUES: CodeList = _code_list(
    """
    overcrowding disrepair damp_and_mould arrears notice_served homelessness_risk needs_adaptations
    neighbour_dispute unsuitable
    """
)

# --- F28 to F35 -------------------------------------------------------------------------------------------------
HISTORY_HEADLINES: CodeList = _code_list(
    """
    early_help_opened early_help_closed stepped_up stepped_down child_in_need child_protection_plan
    looked_after moved_home moved_school bereavement parents_separated new_baby job_loss
    illness_in_family
    """
)
EARLY_HELP_HEADLINES: frozenset[str] = frozenset({"early_help_opened", "early_help_closed"})

ASSESSMENT_DOMAINS: CodeList = ("child_development", "parenting", "family_environment")
NEEDS: CodeList = _code_list(
    """
    physical_health emotional_wellbeing behaviour speech_and_language learning attendance friendships
    self_care routines boundaries parent_wellbeing parent_confidence family_relationships
    family_separation young_carer bereavement housing money employment isolation leisure
    """
)
STRENGTHS: CodeList = _code_list(
    """
    good_attendance settled_at_school good_health hobbies friendships warm_relationships clear_routines
    wants_help wider_family community stable_home in_work
    """
)
GOALS: CodeList = _code_list(
    """
    education early_years health emotional_wellbeing parenting relationships staying_safe housing
    finance work_and_training community
    """
)
ACTIONS: CodeList = _code_list(
    """
    home_visit parenting_course one_to_one_work group_work assessment school_meeting attendance_plan
    health_appointment benefit_check debt_advice housing_application repairs_request grant_application
    activity_place mentoring information_given team_meeting
    """
)
REVIEW_OUTCOMES: CodeList = _code_list(
    """
    continue change_plan goals_met goals_partly_met family_declined moved_area stepped_up stepped_across
    aged_out duplicate died
    """
)
REVIEW_REASONS: CodeList = _code_list(
    """
    progress_made new_need no_progress family_request service_unavailable no_contact transferred
    """
)
GENERAL_SERVICES: CodeList = _code_list(
    """
    early_help childrens_centre health_visiting school_nursing community_paediatrics gp
    speech_and_language_therapy occupational_therapy camhs school_support sen_support attendance_support
    family_support parenting_support young_carers youth_work housing_advice money_advice food_bank
    volunteer_befriending bereavement_support childrens_social_care
    """
)
SENSITIVE_SERVICE_TYPES: CodeList = (*SENSITIVE_SERVICES, "refuge", "youth_justice", "immigration_advice")
"""Service types that are sensitive whoever records them: such an item must carry ``sensitive: true``."""
SERVICE_TYPES: CodeList = GENERAL_SERVICES + SENSITIVE_SERVICE_TYPES

# --- What concerns whom: an absent kind has no relevant part ------------------------------------------------
RELEVANT_DOMAINS: Mapping[AgencyKind, frozenset[str]] = MappingProxyType(
    {
        AgencyKind.EARLY_HELP: frozenset(ASSESSMENT_DOMAINS),
        AgencyKind.CHILDRENS_CENTRES: frozenset({"child_development", "parenting"}),
        AgencyKind.HEALTH: frozenset({"child_development", "parenting"}),
        AgencyKind.CAMHS: frozenset({"child_development", "parenting"}),
        AgencyKind.FAMILY_SUPPORT: frozenset(ASSESSMENT_DOMAINS),
        AgencyKind.EDUCATION: frozenset({"child_development"}),
        AgencyKind.HOUSING: frozenset({"family_environment"}),
        AgencyKind.REFUGE: frozenset({"parenting", "family_environment"}),
        AgencyKind.VOLUNTARY: frozenset({"family_environment"}),
        AgencyKind.CHARITY: frozenset({"family_environment"}),
        AgencyKind.YOUTH: frozenset({"child_development"}),
        AgencyKind.SOCIAL_CARE: frozenset(ASSESSMENT_DOMAINS),
    }
)
"""Domains of the early help assessment that concern an agency kind."""

RELEVANT_SECTIONS: Mapping[AgencyKind, frozenset[str]] = MappingProxyType(
    {
        AgencyKind.EARLY_HELP: frozenset(EHCP_SECTIONS),
        AgencyKind.EDUCATION: frozenset(EHCP_SECTIONS),
        AgencyKind.HEALTH: frozenset("CG"),
        AgencyKind.CAMHS: frozenset("CG"),
        AgencyKind.FAMILY_SUPPORT: frozenset("DH"),
        AgencyKind.SOCIAL_CARE: frozenset("DH"),
    }
)
"""Sections of an EHC plan that concern an agency kind: C and G are health, D and H social care."""
