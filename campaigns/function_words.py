"""Function words: the small words that every text of a language holds, whatever it says.

Short lists by hand. A pair of words with one of them says nothing about a template, and none begins or ends a
keyphrase. Lists made from frequent words of the day do harm: a large campaign makes its own words frequent.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from campaigns.tokens import word_codes

FUNCTION_WORDS = {
    "en": (
        "a an the this that these those i me my we us our you your he him his she her it its they them "
        "their who whom which what and or but if then than so because as of at by for with about against "
        "between into through during before after above below to from up down in out on off over under "
        "again here there when where why how all any both each few more most other some such no nor not "
        "only own same too very can will just should would could may might must shall do does did doing "
        "done be am is are was were been being have has had having also s t re ve ll d m"
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer eines und oder aber wenn dann als wie so weil "
        "in im an am auf aus bei mit nach von vom zu zum zur über unter vor für durch gegen ohne um ist "
        "sind war waren sein seine hat haben hatte wird werden wurde ich du er sie es wir ihr mich dich "
        "sich uns euch mein dein nicht kein keine auch nur noch schon sehr dass ob was wer wo"
    ),
    "es": (
        "el la los las un una unos unas y o u pero si que de del al a en por para con sin sobre entre "
        "hasta desde es son era eran ser está están estar ha han había he yo tú él ella ellos ellas "
        "nosotros me te se nos le les lo mi tu su sus no ni más muy también como cuando donde quien cual "
        "este esta estos estas ese esa"
    ),
    "fr": (
        "le la les un une des du de et ou mais si que qui quoi dont où à au aux en dans par pour avec "
        "sans sur sous entre est sont était étaient être a ont avait avoir je tu il elle on nous vous ils "
        "elles me te se ce cet cette ces mon ton son ma ta sa mes tes ses leur leurs ne pas ni plus très "
        "aussi comme quand l d j n s c m t qu"
    ),
    "pt": (
        "o a os as um uma uns umas e ou mas se que de do da dos das em no na nos nas por para com sem "
        "sobre entre até é são era eram ser está estão foi ao aos eu tu ele ela nós vós eles elas me te "
        "lhe seu sua seus suas meu minha não nem mais muito também como quando onde quem qual este esta "
        "isto esse essa"
    ),
    "it": (
        "il lo la i gli le un uno una e o ma se che di del della dei delle da dal in nel nella con su sul "
        "per tra fra è sono era erano essere ha hanno aveva io tu lui lei noi voi loro mi ti si ci vi suo "
        "sua non né più molto anche come quando dove chi quale questo questa"
    ),
    "nl": (
        "de het een en of maar als dan dat die dit deze in op aan van voor met zonder over onder tussen "
        "naar uit bij te is zijn was waren heeft hebben had wordt worden ik jij hij zij wij jullie mij "
        "jou hem haar ons niet geen ook nog zeer hoe wat wie waar"
    ),
    "ru": (
        "и или но а если то что как в во на к ко с со у от до из за по под над при о об для без через "
        "между не ни да же ли бы я ты он она оно мы вы они меня тебя его её нас вас их мне тебе ему ей "
        "нам вам им мой твой свой это этот эта эти тот та те был была было были есть быть где когда кто "
        "также очень уже еще"
    ),
    "tr": (
        "ve veya ama bir bu şu o ile için gibi kadar de da ki mi ne ben sen biz siz onlar çok daha en "
        "değil var yok"
    ),
    "pl": (
        "i lub ale a jeśli to że w we na do z ze od po pod nad przy o dla bez przez między nie jest są "
        "był była było być ja ty on ona my wy oni się co jak kto gdzie kiedy ten ta te"
    ),
    "id": (
        "yang dan atau di ke dari untuk dengan pada adalah ini itu tidak akan saya anda dia kami mereka "
        "juga sebagai"
    ),
    "sv": "och eller men att en ett det den som är på av för med inte jag du han hon vi ni de om så kan har",
    "fi": "ja tai mutta että on ovat ei se ne hän minä sinä me te he joka mikä kuin jos niin myös oli ole",
    "ar": "و أو في من على إلى عن مع هذا هذه ذلك التي الذي ما لا أن إن هو هي كان",
    "zh": (
        "的 了 是 在 和 与 或 也 都 就 而 及 着 把 被 让 给 对 从 向 到 于 我 你 他 她 它 们 "
        "这 那 之 其 一 不 个 有 为 以 上 中 下 吗 呢 吧 啊"
    ),
    "ja": "の は が を に へ と で も や か ら な だ て た し す る れ い う",
    "ko": "은 는 이 가 을 를 의 에 와 과 도 로 다 고 하",
}


@cache
def function_word_codes() -> NDArray[np.uint64]:
    """Sorted token codes, uint64, of all lists together."""
    return word_codes([word for words in FUNCTION_WORDS.values() for word in words.split()])
