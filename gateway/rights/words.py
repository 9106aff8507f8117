"""The plain words of a statement. Pure.

INVARIANTS
- Every act, answer, ground and basis that can be on record has words; a code never reaches paper.
- No sentence names anybody, and none says whether something else was left out.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agencies.model import AgencyKind
from consent_registry.model import Act
from gateway.recall.model import Answer, Ground

ACT_WORDS: Final[Mapping[Act, str]] = MappingProxyType(
    {
        Act.ENTER_IN_ERROR: "Something about sharing information about {whom} was written down by mistake. We took it back.",
        Act.GIVE: "A yes to sharing information about {whom} was written down.",
        Act.HOLD: "Sharing information about {whom} was put on hold.",
        Act.INVALIDATE: "A yes to sharing information about {whom} was found not to count. Sharing because of it stopped.",
        Act.REFUSE: "A no to sharing information about {whom} was written down.",
        Act.WITHDRAW: "Sharing information about {whom} was stopped.",
    }
)
NOTED: Final = "Something about sharing information about {whom} was said. We wrote it down. It did not change what we share."
GOT: Final = "It got information about {whom}."
REFERRED: Final = "It got a referral about {whom}, to keep somebody safe. There was a yes to it."
ANSWER_WORDS: Final[Mapping[Answer, str]] = MappingProxyType(
    {
        Answer.DELETED: "It told us that it deleted what it had.",
        Answer.NOT_RECEIVED: "It told us that it never received it.",
        Answer.RETAINED: "It told us that it has to keep what it had.",
        Answer.RETURNED: "It told us that it gave back what it had.",
        Answer.STOPPED: "It told us that it stopped using what it had.",
    }
)
GROUND_WORDS: Final[Mapping[Ground, str]] = MappingProxyType(
    {
        Ground.LEGAL_CLAIM: "The reason is a claim before a court.",
        Ground.OWN_RECORD: "The reason is that it is part of its own record of its work.",
        Ground.SAFEGUARDING: "The reason is to protect a child or an adult.",
        Ground.STATUTORY_DUTY: "The reason is that a law tells it to.",
    }
)
ASKED: Final = "We had told it to stop using what it had."
SOME_INFORMATION: Final = "some information"
AGREED: Final = "There was a yes to it."
OWN_DECISION: Final = "It is for whoever may decide to say yes or no."
ARTICLE_6: Final[Mapping[str, str]] = MappingProxyType(
    {
        "6(1)(a)": "consent",
        "6(1)(b)": "a contract",
        "6(1)(c)": "a duty in law",
        "6(1)(d)": "to save somebody's life",
        "6(1)(e)": "a task in the public interest",
        "6(1)(ea)": "a recognised legitimate interest",
        "6(1)(f)": "a legitimate interest",
    }
)
ARTICLE_9: Final[Mapping[str, str]] = MappingProxyType(
    {
        "9(2)(a)": "explicit consent",
        "9(2)(b)": "social protection law",
        "9(2)(c)": "to save somebody's life",
        "9(2)(f)": "a claim before a court",
        "9(2)(g)": "a substantial public interest",
        "9(2)(h)": "health or social care",
        "9(2)(i)": "public health",
    }
)
MAY_USE: Final = (
    "It may use this until {day} at the latest, and only for what is said here. You can say stop at any time."
)
MAY_USE_NO_MORE: Final = (
    "It had to delete this by {day}, or sooner. You can ask us to check. You can say stop at any time."
)
CAN_STOP: Final = "You can say stop at any time. It is enough to say it. We still help you."
CAN_AGREE: Final = "You can say yes at any time. We still help you if you do not."
CALLED_BACK: Final = "We told these services to stop using what they have: {services}."
CAN_ASK: Final = "You can ask us about it."
CAN_COMPLAIN: Final = "You can ask us to check this, and you can complain if you think it is wrong."

PLACELESS: Final[Mapping[AgencyKind, str]] = MappingProxyType(
    {
        AgencyKind.CHILDRENS_CENTRES: "a children's centre",
        AgencyKind.EDUCATION: "a school or education service",
        AgencyKind.REFUGE: "a refuge",
    }
)
"""What the services that are places are called for a family whose place is protected."""
A_PROTECTING_SERVICE: Final = "a service that keeps people safe"
"""What a referral's destination is called there: one of them names where a child is."""


def basis_words(article6: str, article9: str) -> str:
    """Return why the law allowed something; empty where nothing is known of it."""
    said = [
        f"{words[code]} (UK GDPR article {code})" if code in words else f"UK GDPR article {code}"
        for words, code in ((ARTICLE_6, article6), (ARTICLE_9, article9))
        if code
    ]
    return f"In law: {' and '.join(said)}." if said else ""
