"""Words that carry grammar, not matter: never the first or last word of a keyphrase.

Short on purpose. A list taken from frequencies would also hold the words that templates are made of.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from campaigns.tokens import word_codes

_SPACED: Final = {
    "en": "a an the this that these those it its he she they them their his her we our you your i "
    "me my us and or but if then than so as of in on at to from by for with about into over "
    "under between through after before is are was were be been being am do does did has have "
    "had will would can could should may might must not no there here which who whom whose "
    "what when where why how all any each some such only own same too very just also please "
    "let lets using use used",
    "de": "der die das den dem des ein eine einen einem einer eines und oder aber wenn als wie von "
    "zu zum zur im in an am auf mit für bei aus nach über unter vor durch ist sind war waren "
    "sein wird werden wurde hat haben kann nicht kein keine es er sie wir ihr ihre ich mich "
    "mir dich dir sich auch nur so dass ob bitte jede jeden jedes dieser diese dieses",
    "nl": "de het een en of maar als van te op aan met voor bij uit is zijn was niet ook",
    "sv": "och eller men att en ett det den som är på av för med inte",
    "es": "el la los las un una unos unas y o pero si como de del al en con por para sin sobre "
    "entre es son era fue ser está están ha han que no se su sus lo le les me te nos mi tu "
    "este esta estos estas ese esa más muy también cada",
    "fr": "le la les un une des et ou mais si comme de du au aux en avec par pour sans sur entre "
    "dans est sont était être a ont que qui ne pas se son sa ses ce cet cette ces il elle ils "
    "elles on nous vous je tu leur plus très aussi chaque",
    "pt": "o a os as um uma uns umas e ou mas se como de do da dos das ao aos em no na nos nas com "
    "por para sem sobre entre é são era foi ser está que não seu sua seus suas lhe me te este "
    "esta esse essa isto mais muito também cada",
    "it": "il lo gli i uno e o ma se come di del della dei delle al alla nel nella con per senza su "
    "tra fra è sono era che non si suo sua questo questa più molto anche ogni",
    "ru": "и или но а если то как что чтобы в во на с со к ко у о об от до из за по для без при над "
    "под между не ни же ли бы это этот эта эти тот та те он она они оно мы вы я ты его её их "
    "мой твой ваш наш свой который которая которое быть был была были есть так также только "
    "каждый каждая каждое",
    "pl": "i lub ale że w na z do o po za od dla jest są nie się to ten ta",
    "tr": "ve veya ama ile için bir bu şu de da mi ne en çok",
    "fi": "ja tai mutta että on ovat ei se ne hän",
    "id": "dan atau yang di ke dari untuk dengan adalah ini itu",
    "ar": "و أو في من على إلى عن مع هذا هذه ذلك التي الذي ما لا أن إن هو هي كان",
}

_UNSPACED: Final = {
    "zh": "的了是在和与或及而但也都就把被将对为以于之其这那此个一不我你他她它们吗呢吧着过给从到上下中请并等",
    "ja": "はがをにへでとものかよりやねさしすたてなられるいうこそあどま",
    "ko": "은는이가을를의에로와과도만하고서지",
}


@cache
def function_words() -> NDArray[np.uint64]:
    """Sorted token codes."""
    words = [word for line in _SPACED.values() for word in line.split()]
    return word_codes([*words, *_UNSPACED.values()])
