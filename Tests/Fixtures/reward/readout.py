# SPDX-License-Identifier: Apache-2.0
"""Writes readout.json: what SmolLM2 thinks of three responses, read out by transformers token by token.

    python Tests/Fixtures/reward/readout.py path/to/SmolLM2-135M-Instruct

Numbers are spelled digit by digit, so a score of 0 to 20 is a product of probabilities: 13 is p(1)·p(3 | 1), and 1 is
p(1)·p(line end | 1), since 1 may go on. 3 to 9 and 0 cannot, and end by themselves; neither can 10 to 20.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

INSTRUCTION = """Please act as an impartial judge and evaluate the quality of the response provided by AI assistant to \
the user question displayed below. Your evaluation should consider five factors helpfulness, correctness, coherence, \
complexity, verbosity. Here's brief explanation of each factor:
- Helpfulness: Overall helpfulness of the response to the prompt.
- Correctness: Inclusion of all pertinent facts without errors.
- Coherence: Consistency and clarity of expression.
- Complexity: Intellectual depth required to write response (i.e. whether the response can be written by anyone with \
basic language competency or requires deep domain expertise).
- Verbosity: Amount of detail included in the response, relative to what is asked for in the prompt.
Do not allow the length of the responses to influence your evaluation. Be as objective as possible. Please first \
provide an overall score over model response. You must provide overall score as a number between 0 and 20. Then \
provide a set of 5 score over model response. Only provide the score as a number between 0 and 4.
"""
FACETS = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"]
EXAMPLES = [
    ("What is the capital of France?", "Paris."),
    ("Give me a tip for growing tomatoes.", "Water them at the root, in the morning, and keep the leaves dry."),
    ("Write 13 as a sum of two primes.", "13 = 2 + 11, and both 2 and 11 are prime.\nThere is no other way."),
]


def main() -> None:
    folder = sys.argv[1]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    line_end = tokenizer.encode("\n", add_special_tokens=False)[0]
    digits = [tokenizer.encode(str(digit), add_special_tokens=False)[0] for digit in range(10)]

    @torch.no_grad()
    def next_probabilities(text: str) -> torch.Tensor:
        ids = torch.tensor([tokenizer.encode(text, add_special_tokens=False)])
        return model(ids).logits[0, -1].double().softmax(-1)

    def read(text: str, highest: int) -> dict:
        first = next_probabilities(text)
        probabilities = []
        for score in range(highest + 1):
            written = str(score)
            p = first[digits[int(written[0])]].item()
            if len(written) == 2:
                p *= next_probabilities(text + written[0])[digits[int(written[1])]].item()
            elif any(str(other).startswith(written) and other > score for other in range(highest + 1)):
                p *= next_probabilities(text + written)[line_end].item()
            probabilities.append(p)
        coverage = sum(probabilities)
        probabilities = [p / coverage for p in probabilities]
        mean = sum(score * p for score, p in enumerate(probabilities))
        variance = sum((score - mean) ** 2 * p for score, p in enumerate(probabilities))
        return {
            "expectation": mean,
            "variance": variance,
            "coverage": coverage,
            "probabilities": probabilities,
            "mode": max(range(highest + 1), key=lambda score: probabilities[score]),
        }

    out = []
    for prompt, response in EXAMPLES:
        content = (
            f"{INSTRUCTION}[User Question]\n{prompt}\n[Start of Model Response]\n{response}\n[End of Model Response]"
        )
        chat = [{"role": "user", "content": content}]
        text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) + "Overall Score: "
        scores = [read(text, 20)]
        for facet in FACETS:
            text += f"{scores[-1]['mode']}\n{facet}: "
            scores.append(read(text, 4))
        out.append({"prompt": prompt, "response": response, "text": text, "scores": scores})
    path = pathlib.Path(__file__).parent / "readout.json"
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
