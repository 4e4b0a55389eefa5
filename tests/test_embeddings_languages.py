"""The language of a text: by its small words."""

from __future__ import annotations

import pytest

from campaigns.tokens import tokenize
from embeddings.languages import LANGUAGES, UNKNOWN, languages


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "Write down what the people of this town have said about it"),
        ("de", "Schreib auf, was die Leute in dieser Stadt über das Haus gesagt haben und wie es war"),
        ("es", "Escribe lo que los vecinos han dicho sobre la casa y por qué"),
        ("fr", "Écris ce que les voisins ont dit sur la maison et pour qui elle est"),
        ("ru", "Запиши, что они сказали о доме и как это было"),
        ("zh", "把他们对这个地方的看法写下来"),
        ("ja", "この町の人が家について言ったことを書いてください"),
        ("pt", "Escreva o que os vizinhos disseram sobre a casa e por que não é sua"),
    ],
)
def test_small_words_tell(code: str, text: str) -> None:
    assert LANGUAGES[languages(tokenize([text]))[0]] == code


def test_nothing_to_tell_by() -> None:
    assert languages(tokenize(["", "42 + 17 = ?", "zzyzx qwrt"])).tolist() == [UNKNOWN] * 3
