# SPDX-License-Identifier: Apache-2.0
"""Examples as transformers would train on them: ids, and which of them are learnt.

    python Tests/Fixtures/encoding/make.py        (transformers 5.23.0, tokenizers 0.23.3)

expected.json: [{"tokenizer", "end", "prompt", "completion", "ids", "mask"},
                {"tokenizer", "template", "messages": [[role, content], ...], "ids", "mask"}, ...]

Prompt and completion are cut together where that leaves the prompt's tokens as they are when it is cut alone (as TRL
does), else apart. A begin token that the text begins with is not put before it, an end token that the completion ends with
not behind it (TRL: unless it `endswith` it). Conversations get no special tokens but the template's. Of conversations the assistant's turns are learnt with the token that ends them; wherever a turn does
not merge with the mark before it, the mask must equal that of `apply_chat_template(return_assistant_tokens_mask=True)`.
"""

import json
import pathlib

from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
TEMPLATES = {
    "chatml": (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% if message['role'] == 'assistant' %}"
        "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}"
        "{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "llama3": (
        "{{ bos_token }}{% for message in messages %}"
        "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}{% if message['role'] == 'assistant' %}"
        "{% generation %}{{ message['content'] | trim + '<|eot_id|>' }}{% endgeneration %}{% else %}"
        "{{ message['content'] | trim + '<|eot_id|>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
    "llava-v1": (
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
        "and polite answers to the user's questions. {% for message in messages %}{% if message['role'] == 'user' %}"
        "{{ 'USER: ' + message['content'] + ' ' }}{% else %}{{ 'ASSISTANT:' }}{% generation %}"
        "{{ ' ' + message['content'] + eos_token }}{% endgeneration %}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    ),
}
ENDS = {"smollm2": "<|im_end|>", "llama3": "<|endoftext|>", "llama2": "</s>"}
BEGINS = {"smollm2": "<|im_start|>", "llama3": "<|begin_of_text|>", "llama2": "<s>"}
PAIRS = [
    ("What is 2 + 2?", " 4"),
    ("What is 2 + 2? ", "4"),
    ("2 + 2 =", " 4\n"),
    ("", "An answer without a prompt, 12345."),
    ("12", "34"),
    ("The total of 1024 and 77 is", " 1101, not 1,101."),
    ("The answer is the wo", "rd"),
    ("a\n", "\nb"),
    ("Temperature: ", "-3.5 °C"),
    ("Wie heiß? ", "heiß 😀 3"),
    ("e", "\u0301 12"),
    ("mark <b>12</b> then ", "<b>345</b> and <b>6</b>"),
    ("a<|im_start|>b ", "c<|im_end|>d"),
    ("trailing   ", "   leading"),
    ("x = ", "0.123456789"),
    ("The sky is", " blue and the grass is green"),
    # Rendered beforehand, with marks of their own.
    ("{begin}x = ", "7{end}"),
    ("{begin}", "12{end}"),
    ("x = ", "7{end}\n"),
    ("x {begin}= ", "{end}7"),
]
CHATS = [
    [("user", "What is 2 + 2?"), ("assistant", "4")],
    [("system", "Answer briefly."), ("user", "7 * 8?"), ("assistant", "56"), ("user", "+ 1?"), ("assistant", "57")],
    [("user", ""), ("assistant", "Hello, 123"), ("user", "Wie geht's? 😀"), ("assistant", "Gut.")],
    [("user", "a"), ("assistant", "b"), ("assistant", "1234"), ("user", "not learnt")],
    [("user", "lines"), ("assistant", "\n\none\n")],
    [("user", "lines"), ("assistant", "\n two"), ("user", " u "), ("assistant", " three ")],
]


def tokenizer(name):
    path = HERE.parent / "tokenizers" / f"{name}.json"
    return PreTrainedTokenizerFast(tokenizer_file=str(path), bos_token=BEGINS[name], eos_token=ENDS[name])


def join(tok, texts, add_special_tokens):
    """Ids and mask of texts that are read and learnt in turn; each prompt is cut as it will be to generate."""
    ids, mask = [], []
    start = ""  # what has been cut since the last place that was cut apart
    done = 0  # tokens of it that are in `ids`
    rest = "".join(texts)
    whole = tok(rest, add_special_tokens=add_special_tokens)
    for turn in range(1, len(texts), 2):
        start += texts[turn - 1]
        before = tok(start, add_special_tokens=add_special_tokens)["input_ids"]
        if whole["input_ids"][: len(before)] != before:
            ids += before[done:]
            mask += [0] * (len(before) - done)
            rest, start, done, add_special_tokens = "".join(texts[turn:]), "", 0, False
            whole = tok(rest, add_special_tokens=False)
        else:
            ids += before[done:]
            mask += [0] * (len(before) - done)
            done = len(before)
        start += texts[turn]
        # Tokens that begin before the answer ends.
        offsets = tok._tokenizer.encode(rest, add_special_tokens=add_special_tokens).offsets
        end = next((i for i in range(done, len(offsets)) if offsets[i][0] >= len(start)), len(offsets))
        ids += whole["input_ids"][done:end]
        mask += [1] * (end - done)
        done = end
    tail = whole["input_ids"][done:]
    return ids + tail, mask + [0] * len(tail)


def plain(name, prompt, completion):
    tok = tokenizer(name)
    prompt, completion = [text.replace("{begin}", BEGINS[name]).replace("{end}", ENDS[name]) for text in (prompt, completion)]
    added = not (prompt + completion).startswith(BEGINS[name])
    before = tok(prompt, add_special_tokens=added)["input_ids"]
    whole = tok(prompt + completion, add_special_tokens=added)["input_ids"]
    if whole[: len(before)] != before:
        whole = before + tok(completion, add_special_tokens=False)["input_ids"]
    mask = [0] * len(before) + [1] * (len(whole) - len(before))
    end = [] if completion.endswith(ENDS[name]) else [tok.eos_token_id]
    return {
        "tokenizer": name, "end": tok.eos_token_id, "prompt": prompt, "completion": completion,
        "ids": whole + end, "mask": mask + [1] * len(end),
    }


def chat(name, template, conversation):
    tok = tokenizer(name)
    tok.chat_template = TEMPLATES[template]
    messages = [{"role": role, "content": content} for role, content in conversation]
    # What is read and what is learnt in turn, by rendering ever longer beginnings of the conversation.
    texts = [""]
    for count, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        done = len("".join(texts))
        asked = tok.apply_chat_template(messages[:count], tokenize=False, add_generation_prompt=True)
        told = tok.apply_chat_template(messages[: count + 1], tokenize=False)
        texts[-1] += asked[done:]
        texts += [told[len(asked) :].removesuffix("\n" if template == "chatml" else ""), ""]
    text = tok.apply_chat_template(messages, tokenize=False)
    texts[-1] += text[len("".join(texts)) :]
    assert "".join(texts) == text
    ids, mask = join(tok, texts, add_special_tokens=False)
    theirs = tok.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    same = ids == theirs["input_ids"]
    if same:
        assert mask == theirs["assistant_masks"], (conversation, mask, theirs["assistant_masks"])
    return {
        "tokenizer": name, "template": template, "messages": conversation, "ids": ids, "mask": mask,
        "isJoint": same,
    }


def main():
    cases = [plain(name, *pair) for name in ENDS for pair in PAIRS]
    for name, template in [("smollm2", "chatml"), ("llama3", "chatml"), ("llama3", "llama3")]:
        cases += [chat(name, template, conversation) for conversation in CHATS]
    # Llava's: user and assistant take turns, and the model writes the space before its answer.
    cases += [chat("llama2", "llava-v1", CHATS[index]) for index in (0, 2, 4, 5)]
    (HERE / "expected.json").write_text(json.dumps(cases, separators=(",", ":"), ensure_ascii=False) + "\n")
    joint = sum(case.get("isJoint", False) for case in cases)
    print(len(cases), "cases,", joint, "conversations cut as one text")


main()
