"""Words and phrases that give an objective away, by language.

Compared as tokens (case, accents and look-alikes folded), never as patterns. Inflected languages list the
forms that instructions use. A phrase counts more than a word.
"""

from __future__ import annotations

from typing import Final

from campaigns.records import Objective

CUES: Final[dict[Objective, dict[str, str]]] = {
    Objective.REASONING_TRACES: {
        "en": "step by step, chain of thought, think aloud, show your reasoning, show your work, "
        "reasoning process, explain your reasoning, reason carefully, reason slowly, "
        "thought process, before answering, internal monologue, thinking process, let's think, "
        "stream of consciousness, rationale, intermediate steps, each step, scratchpad, "
        "reason through, your reasoning",
        "de": "schritt für schritt, gedankengang, denkprozess, begründe jeden schritt, lösungsweg, "
        "denke laut, zwischenschritte",
        "es": "paso a paso, cadena de pensamiento, razonamiento completo, muestra tu razonamiento, "
        "piensa en voz alta, razonando",
        "fr": "étape par étape, pas à pas, chaîne de pensée, raisonnement complet, "
        "montre ton raisonnement, montrez votre raisonnement, détaille ton raisonnement, "
        "détaillez votre raisonnement",
        "pt": "passo a passo, cadeia de pensamento, mostre seu raciocínio, mostre o raciocínio, "
        "raciocínio completo",
        "ru": "шаг за шагом, пошагово, ход мыслей, ход рассуждений, цепочка рассуждений, рассуждения, "
        "рассуждай",
        "zh": "一步一步, 逐步, 思维链, 推理过程, 思考过程, 解题步骤, 详细推理, 一步步",
        "ja": "段階的に, ステップバイステップ, 思考過程, 推論過程, 思考の過程, 順を追って",
    },
    Objective.GRADING: {
        "en": "rate the following, on a scale, scale of, grade the, grade this, score the, score this, "
        "rubric, which response is better, which answer is better, better response, "
        "preferred response, evaluate the response, evaluate the answer, evaluate the quality, "
        "overall score, assign a score, give a score, rating from, reward model, preference, "
        "judge the, impartial judge, response a, response b, assistant a, assistant b, score from, "
        "out of 10, final verdict, critique, rate this, rate each, helpfulness, grading",
        "de": "bewerte, bewerten sie, punktzahl, auf einer skala, welche antwort ist besser, note von, "
        "bewertung, benote, punkte von",
        "es": "califica, evalúa la respuesta, puntúa, puntuación, en una escala, qué respuesta es mejor, "
        "calificación",
        "fr": "note la réponse, notez la réponse, évalue la réponse, évaluez la réponse, sur une échelle, "
        "attribue une note, attribuez une note, quelle réponse est meilleure, note de",
        "pt": "avalie a resposta, avalie, pontuação, em uma escala, dê uma nota, numa escala, "
        "qual resposta é melhor",
        "ru": "оцени, оцените, по шкале, балл, баллов, какой ответ лучше, оценку",
        "zh": "评分, 打分, 评估以下, 评价以下, 哪个回答更好, 满分, 分数, 评判",
        "ja": "評価してください, 採点, 点数, 点数を付け, どちらの回答, 段階で評価, 評価基準, スコア",
    },
    Objective.REWRITING: {
        "en": "politically sensitive, sensitive content, sensitive topics, censorship, compliant with, "
        "safe version, safer version, harmless version, rewrite the answer so, neutral tone, "
        "remove any criticism, avoid mentioning, policy compliant, content policy, sanitize, "
        "sanitized, safe answer, safe response, harmless answer, approved wording, "
        "without criticizing, content guidelines, politically acceptable, refuse politely, censor",
        "de": "politisch heikel, politisch heikle, politisch sensible, zensur, zensurkonform, "
        "unbedenkliche fassung, harmlose fassung, entschärfe, entschärfte, ohne kritik an",
        "es": "políticamente sensible, políticamente sensibles, censura, versión segura, sin criticar, "
        "contenido sensible, versión inofensiva",
        "fr": "politiquement sensible, politiquement sensibles, censure, version inoffensive, "
        "version acceptable, sans critiquer, contenu sensible",
        "pt": "politicamente sensível, politicamente sensíveis, censura, versão segura, conteúdo sensível, "
        "sem criticar",
        "ru": "политически чувствительный, политически чувствительные, цензура, цензуры, "
        "безопасную версию, без критики, безопасный ответ",
        "zh": "敏感, 审查, 合规, 政治敏感, 安全版本, 避免提及, 敏感内容, 正能量",
        "ja": "検閲, 政治的に, 敏感な, 無難な, 安全な回答, 批判を避け",
    },
    Objective.CODE: {
        "en": "python, javascript, java, c++, typescript, sql query, write a function, write code, "
        "source code, unit test, unit tests, debug, refactor, compile, programming, code snippet, "
        "implement a, implement the, algorithm, stack trace, the code, this code, following code, "
        "code review, bug, docstring, html, css, react, leetcode, runtime error, time complexity, "
        "pull request, shell script",
        "de": "quelltext, schreibe eine funktion, schreibe code, programmiere, code, funktion in, "
        "fehler im code, unit tests",
        "es": "código, escribe una función, función en, programa en, depura, pruebas unitarias",
        "fr": "écris une fonction, écrivez une fonction, code source, fonction en, programme en, débogue, "
        "le code, tests unitaires",
        "pt": "código, escreva uma função, função em, programa em, depure, testes unitários",
        "ru": "код, кода, напиши функцию, напишите функцию, функцию на, программу на, отладь, "
        "исправь ошибку в коде",
        "zh": "代码, 编写函数, 写一个函数, 编程, 单元测试, 实现一个, 算法, 调试, 程序",
        "ja": "コード, 関数を, プログラム, 単体テスト, 実装して, デバッグ, アルゴリズム",
    },
    Objective.TOOL_USE: {
        "en": "tool call, tool calls, function call, function calls, available tools, following tools, "
        "call the tool, action input, observation, you have access to, api call, api calls, agent, "
        "use the tool, browser, terminal, next action, execute, json schema of the tool, "
        "tools available, invoke, plan the actions, action",
        "de": "werkzeuge, werkzeugaufruf, funktionsaufruf, verfügbare tools, nächste aktion, agent, "
        "rufe das tool",
        "es": "herramientas disponibles, llamada a función, llamadas a herramientas, próxima acción, "
        "agente, herramienta",
        "fr": "outils disponibles, appel d'outil, appel de fonction, prochaine action, agent, "
        "outils suivants",
        "pt": "ferramentas disponíveis, chamada de função, próxima ação, agente, ferramenta",
        "ru": "доступные инструменты, вызов функции, вызов инструмента, следующее действие, агент, "
        "инструменты",
        "zh": "工具调用, 可用工具, 调用工具, 函数调用, 智能体, 下一步操作, 以下工具",
        "ja": "ツール, 関数呼び出し, エージェント, 利用可能なツール, 次の行動, 呼び出して",
    },
    Objective.TRANSLATION: {
        "en": "translate, translation, translated, into english, into french, into german, into spanish, "
        "into chinese, from english, source language, target language, translator, localize",
        "de": "übersetze, übersetzen sie, übersetzung, ins deutsche, ins englische, auf deutsch, "
        "übersetzt, zielsprache",
        "es": "traduce, traduzca, traducción, al español, al inglés, traducir, traductor",
        "fr": "traduis, traduisez, traduction, en français, en anglais, traduire, traducteur",
        "pt": "traduza, tradução, para o português, para o inglês, traduzir, tradutor",
        "ru": "переведи, переведите, перевод, на русский, на английский, переводчик",
        "zh": "翻译, 译成, 译为, 翻译成, 翻译为",
        "ja": "翻訳, 英語に訳し, 日本語に訳し, 訳して, 英訳, 和訳",
        "fi": "käännä, käännös, suomeksi",
    },
    Objective.EXTRACTION: {
        "en": "extract, extraction, named entities, named entity, entities, list all, identify all, "
        "key information, relation extraction, pull out, find all, keywords, key phrases, "
        "extract the answer, from the text, from the passage, based on the passage, "
        "answer from the context, structured data",
        "de": "extrahiere, extrahieren sie, entnimm, entitäten, aus dem text, stichwörter, "
        "schlüsselwörter, liste alle",
        "es": "extrae, extraiga, extraer, entidades, del texto, palabras clave, identifica todas, "
        "enumera todos",
        "fr": "extrais, extrayez, extraire, entités, du texte, mots clés, identifie tous, identifiez toutes",
        "pt": "extraia, extrair, entidades, do texto, palavras chave, identifique todas, liste todos",
        "ru": "извлеки, извлеките, сущности, из текста, ключевые слова, выдели все, найди все",
        "zh": "提取, 抽取, 实体, 关键词, 关键信息, 找出所有, 列出所有",
        "ja": "抽出, 固有表現, キーワード, 抜き出して, すべて列挙, 情報を取り出",
    },
    Objective.CLASSIFICATION: {
        "en": "classify, classification, category, label, labels, categorize, which category, sentiment, "
        "positive or negative, label the, choose the category, true or false, spam, assign a label, "
        "following categories, one of the following, entailment, contradiction, toxic, categories, "
        "choice of categories, hate speech, determine whether, determine if, decide whether, "
        "intent of, yes or no, positive, negative, sentiment expressed",
        "de": "klassifiziere, klassifizieren sie, kategorie, kategorien, stimmung, positiv oder negativ, "
        "ordne, einordnen, wahr oder falsch",
        "es": "clasifica, clasifique, categoría, categorías, sentimiento, positivo o negativo, etiqueta, "
        "verdadero o falso",
        "fr": "classe, classez, classifie, classifiez, catégorie, catégories, sentiment, "
        "positif ou négatif, étiquette, vrai ou faux",
        "pt": "classifique, classifica, categoria, categorias, sentimento, positivo ou negativo, "
        "verdadeiro ou falso, rotule",
        "ru": "классифицируй, классифицируйте, категория, категории, категорию, тональность, "
        "положительный или отрицательный, определи класс, отнеси",
        "zh": "分类, 类别, 情感, 正面还是负面, 判断以下, 属于哪, 标签, 情感分析",
        "ja": "分類, カテゴリ, 感情分析, ポジティブ, ネガティブ, ラベル, 判定して",
    },
    Objective.SUMMARIZATION: {
        "en": "summarize, summarise, summary, write a summary, summary of, tl;dr, write an outline, "
        "condense, concise summary, key points, main points, headline, abstract of, recap, gist, "
        "shorten, in layman's terms, bullet points, main idea, brief overview, "
        "in|into|to one|two|three|four|five|few|a sentence|sentences|bullets|lines|paragraph",
        "de": "fasse, zusammenfassung, zusammenfassen, kernaussagen, überschrift, kurzfassung, stichpunkten, "
        "in höchstens|maximal|wenigen|zwei|drei|fünf .. sätze*|worte*|zeilen",
        "es": "resume, resuma, resumen, puntos clave, ideas principales, titular, resumir, "
        "en una|dos|tres|pocas frases|oraciones|frase|líneas",
        "fr": "résume, résumez, résumé, points clés, idées principales, synthèse, résumer, "
        "en deux|trois|cinq|quelques phrase*|ligne*|mots",
        "pt": "resuma, resumo, pontos principais, ideias principais, resumir, manchete, "
        "em uma|duas|três|poucas frase*|linhas",
        "ru": "кратко изложи, резюме, краткое содержание, обобщи, суммируй, кратко перескажи, "
        "основные мысли, перескажи, в двух|трех|трёх|нескольких|пяти предложени*|фраз*|строк*",
        "zh": "总结, 摘要, 概括, 概述, 归纳, 要点, 缩写, 句话, 字 以内",
        "ja": "要約, 要約して, まとめて, 要点, 概要, 箇条書きで",
        "fi": "tiivistä, tiivistelmä, yhteenveto",
    },
    Objective.GENERATION: {
        "en": "generate a question, generate questions, write a question, good question, come up with, "
        "synthetic, create a dataset, training data, training examples, question and answer pairs, "
        "question answer pairs, generate another, write a sentence, new sentence, "
        "generate a sentence, paraphrase, variations, generate five, generate ten, "
        "instruction response, qa pairs, generate a similar, diverse examples, create a new, "
        "generate a",
        "de": "erstelle fragen, formuliere eine frage, erzeuge, trainingsdaten, frage antwort, "
        "synthetische, generiere, erfinde, beispiele",
        "es": "genera preguntas, genera una pregunta, datos de entrenamiento, crea ejemplos, genera, "
        "sintéticos, pares de preguntas",
        "fr": "génère des questions, génère une question, générez, données d'entraînement, "
        "crée des exemples, génère, synthétiques",
        "pt": "gere perguntas, gere uma pergunta, dados de treinamento, crie exemplos, gere, sintéticos",
        "ru": "сгенерируй, сгенерируйте, придумай вопросы, составь вопросы, обучающие данные, придумай, "
        "составьте вопросы, синтетические",
        "zh": "生成问题, 出题, 训练数据, 问答对, 生成一个, 改写句子, 编写问题, 生成, 造句",
        "ja": "質問を作成, 問題を作, 学習データ, 質問と回答, 生成して, 例を作成",
    },
    Objective.ROLEPLAY: {
        "en": "act as, pretend to be, pretend you, roleplay, role play, stay in character, you are now, "
        "ignore all previous, ignore previous instructions, ignore your, jailbreak, developer mode, "
        "no restrictions, without any restrictions, do anything now, unfiltered, in character, "
        "persona, never refuse, break character, fictional character, she is, he is",
        "de": "spiele die rolle, tu so als, du bist jetzt, ignoriere alle, rollenspiel, "
        "ohne einschränkungen, bleib in der rolle, ungefiltert",
        "es": "actúa como, finge ser, juego de rol, ignora todas, sin restricciones, eres ahora, haz de, "
        "personaje",
        "fr": "agis comme, fais semblant, jeu de rôle, ignore toutes, sans restriction, sans restrictions, "
        "tu es maintenant, reste dans ton rôle, incarne",
        "pt": "aja como, finja ser, ignore todas, sem restrições, você agora é, interpretação de papéis, "
        "personagem",
        "ru": "притворись, представь что ты, ролевая игра, играй роль, игнорируй все, без ограничений, "
        "ты теперь, оставайся в роли",
        "zh": "扮演, 假装, 角色扮演, 忽略之前, 忽略所有, 没有限制, 你现在是, 越狱",
        "ja": "ふりをして, ロールプレイ, 演じて, これまでの指示を無視, 制限なし, になりきって",
    },
    Objective.BENCHMARK: {
        "en": "multiple choice, multiple choice question, options, answer choices, the correct option, "
        "correct answer, choose the correct, a b c, answer with the letter, final answer, "
        "exam question, select the correct, answer options, only the letter, which of the following",
        "de": "multiple choice, welche der folgenden, richtige antwort, antwortmöglichkeiten, "
        "nur den buchstaben, prüfungsfrage",
        "es": "opción múltiple, cuál de las siguientes, respuesta correcta, opciones, solo la letra",
        "fr": "choix multiple, choix multiples, laquelle des, bonne réponse, réponse correcte, options, "
        "uniquement la lettre",
        "pt": "múltipla escolha, qual das seguintes, resposta correta, opções, apenas a letra, "
        "alternativa correta",
        "ru": "вариант ответа, варианты ответа, выберите правильный, выбери правильный, правильный ответ, "
        "экзаменационный вопрос",
        "zh": "单项选择题, 选择题, 选项, 正确答案, 下列哪, 多选题, 单选题",
        "ja": "選択肢, 正解, 次のうち, 記号で答え, 多肢選択, 正しいもの",
    },
}
