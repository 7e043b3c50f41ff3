# SPDX-License-Identifier: Apache-2.0
"""Templates of Jinja as transformers renders them.

    python Tests/Fixtures/jinja/make.py                    (transformers 5.24.0, jinja2 3.1.6)
    python Tests/Fixtures/jinja/make.py FOLDER ... > FILE  the same for the templates (*.jinja) of other folders, to be
                                                           tested by DIST2_JINJA_CASES=FILE

expressions.txt has a template a line, for which expressions.json has what is written with `values` in it, null where
transformers raises an exception. templates/ has templates in the manner of known families, in words of our own;
templates.json what they write for the conversations below: {"conversations": [...], "templates": [{"name", "jinja",
"cases": [{"conversation", "prompt", "extra", "text", "generation"}]}]}; "text" is null where an exception is raised.
Times are those of `NOW` in UTC.
"""

import datetime
import json
import os
import pathlib
import sys

os.environ["TZ"] = "UTC"

import jinja2  # noqa: E402
from tokenizers import Tokenizer, models  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402
from transformers.utils import chat_template_utils  # noqa: E402

HERE = pathlib.Path(__file__).parent
NOW = 1_753_531_200 + 0.25


class Fixed(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


chat_template_utils.datetime = Fixed

VALUES = {
    "x": 5,
    "y": "",
    "word": "hello",
    "accents": "aéb\U0001f600c",
    "numbers": [10, 20, 30, 40],
    "person": {"name": "Ann", "age": 30},
    "people": [
        {"name": "Ann", "age": 30, "tag": "a"},
        {"name": "Bob", "age": 25, "home": {"city": "Ulm"}},
        {"name": "cid", "age": 30, "tag": ""},
        {"name": "Dan", "age": 41},
    ],
    "nested": {"a": [1, {"b": "c", "é": None}], "b": {"c": {}, "d": [True, 1.5]}},
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city <now> & \"later\"",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "A city, e.g. Zürich"},
                "days": {"type": "integer", "enum": [1, 2], "default": 1},
                "where": {"type": "array", "items": {"type": "object", "properties": {"lat": {"type": "number"}}}},
            },
            "required": ["city"],
        },
    },
}
CALL = {
    "role": "assistant",
    "content": "Let me look.",
    "tool_calls": [
        {"id": "call00001", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Ulm", "days": 2}}}
    ],
}
EMPTY_CALL = {**CALL, "content": ""}
NULL_CALL = {**CALL, "content": None}
STRING_CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "call00002", "type": "function", "function": {"name": "f", "arguments": '{"a": "é"}'}}],
}
RESULT = {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "12 °C, \"rain\""}


def said(*turns):
    return [{"role": role, "content": content} for role, content in turns]


def parts(*texts):
    return [{"type": "text", "text": text} for text in texts]


CONVERSATIONS = [
    {"messages": said(("user", "What is 2 + 2?"))},
    {"messages": said(("user", "What is 2 + 2?"), ("assistant", "4"))},
    {"messages": said(("system", "Answer briefly."), ("user", "Hi"), ("assistant", "Hello."), ("user", "Wie geht's? 😀"), ("assistant", "Gut."))},
    {"messages": said(("user", "  spaces \n around\t"), ("assistant", "\u00a0\u001c 3.14\n\n"), ("user", ""))},
    {"messages": said(("system", ""), ("user", "e\u0301 é <|im_end|> {{ x }}"))},
    {"messages": said(("user", "a"), ("user", "b"), ("system", "c"), ("assistant", "d"), ("assistant", "e"))},
    {"messages": said(("user", "Think."), ("assistant", "<think>\nhm\n</think>\n\nYes."), ("user", "Again."), ("assistant", "<think>\n\n</think>\n\nNo."))},
    {"messages": [{"role": "user", "content": "Think."}, {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm, \n 42?"}]},
    {"messages": [{"role": "user", "content": "Weather?"}, CALL, RESULT, {"role": "assistant", "content": "Rain."}], "tools": [WEATHER]},
    {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Weather?"}, EMPTY_CALL, RESULT, RESULT], "tools": [WEATHER, WEATHER]},
    {"messages": [{"role": "user", "content": "Weather?"}, NULL_CALL, RESULT, {"role": "user", "content": "Thanks"}], "tools": [WEATHER]},
    {"messages": [{"role": "user", "content": "f?"}, STRING_CALL, {"role": "tool", "content": "1"}]},
    {"messages": [{"role": "user", "content": parts("one ", "two")}, {"role": "assistant", "content": parts(" three ")}]},
    {"messages": [{"role": "system", "content": parts("Sys.")}, {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}, {"role": "assistant", "content": "A cat."}]},
    {"messages": said(("user", "Cite."),), "documents": [{"title": "A", "text": "alpha"}, {"title": "B", "text": "beta\n"}]},
]
EXTRAS = [{}, {"enable_thinking": False, "date_string": "01 Feb 2025"}, {"enable_thinking": True, "reasoning_effort": "high"}]


def rendered(jinja, conversation, prompt, extra):
    """The text and what stands in generation blocks; nothing where an exception is raised."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE()), chat_template=jinja, bos_token="<s>", eos_token="</s>"
    )
    options = {key: conversation.get(key) for key in ("tools", "documents")}
    try:
        text = tokenizer.apply_chat_template(
            conversation["messages"], tokenize=False, add_generation_prompt=prompt, **options, **extra
        )
        if "endgeneration" not in jinja:
            return text, []
        messages = [{key: value for key, value in message.items() if value is not None} for message in conversation["messages"]]
        texts, spans = chat_template_utils.render_jinja_template(
            [messages], chat_template=jinja, add_generation_prompt=prompt, return_assistant_tokens_mask=True,
            **options, **extra, bos_token="<s>", eos_token="</s>",
        )
        assert texts == [text]
        return text, [list(span) for span in spans[0]]
    except AssertionError:
        raise
    except Exception:
        return None, []


def cases(files):
    templates = []
    for path in files:
        jinja = path.read_text()
        entry = {"name": path.stem, "jinja": jinja, "cases": []}
        for index, conversation in enumerate(CONVERSATIONS):
            for number, extra in enumerate(EXTRAS):
                if number and not any(name in jinja for name in extra):
                    continue
                for prompt in (False, True):
                    text, spans = rendered(jinja, conversation, prompt, extra)
                    entry["cases"].append(
                        {"conversation": index, "prompt": prompt, "extra": extra, "text": text, "generation": spans}
                    )
        templates.append(entry)
    return {"now": NOW, "conversations": CONVERSATIONS, "templates": templates}


def separate(jinja):
    """Each output of a template alone, where it has nothing else but spaces and bars."""
    environment = chat_template_utils._compile_jinja_template("").environment
    found, now = [], None
    try:
        for _, kind, value in environment.lex(jinja):
            if kind == "variable_begin":
                now = value
            elif now is not None:
                now += value
                if kind == "variable_end":
                    found.append(now.strip())
                    now = None
            elif kind != "data" or value.strip(" |"):
                return [jinja]
    except jinja2.TemplateError:
        return [jinja]
    return found if found and now is None else [jinja]


def expressions():
    templates, separates = [], True
    for line in (HERE / "expressions.txt").read_text().split("\n"):
        if line.startswith("##"):
            separates = line != "## white space"
        if not line or line.startswith(("#", "\\")):
            continue
        jinja = line.replace("⏎", "\n")
        templates += separate(jinja) if separates else [jinja]
    entries = []
    for jinja in templates:
        try:
            text = chat_template_utils._compile_jinja_template(jinja).render(
                messages=[], tools=None, documents=None, add_generation_prompt=False, **VALUES
            )
            text.encode()  # Half a surrogate pair is no text.
        except Exception:
            text = None
        if not text or " at 0x" not in text:  # An address is nothing to compare.
            entries.append([jinja, text])
    return {"values": VALUES, "cases": entries}


def main():
    if sys.argv[1:]:
        files = sorted(path for folder in sys.argv[1:] for path in pathlib.Path(folder).glob("*.jinja"))
        json.dump(cases(files), sys.stdout)
        return
    (HERE / "expressions.json").write_text(json.dumps(expressions(), indent=0) + "\n")
    found = cases(sorted((HERE / "templates").glob("*.jinja")))
    (HERE / "templates.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")


main()
