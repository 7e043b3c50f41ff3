# SPDX-License-Identifier: Apache-2.0
"""A tiny Phi-3-Vision folder with a tokenizer, lines of data, and what PyTorch says of them.

    python Tests/Fixtures/phi3vision/check.py tiny
    dist2 score tiny --data tiny/lines.jsonl

Both print for each line the log-probability of the completion's tokens and of the end token after them: the figures must
agree to three places. Pictures, prompts and model go through the steps of the published processor: text between pictures
becomes tokens by itself.
"""
import json
import re
import shutil
import sys
from pathlib import Path

import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast

from make import Tiny
from prepare import picture, prepare

HERE = Path(__file__).parent
IMAGE, CROPS = 907, 4
LINES = [
    ("<|user|>\n<|image_1|>\nWhere is it?<|end|>\n<|assistant|>\n", "[12, 345]", [(20, 33)]),
    ("<|user|>\n<|image_1|>\n<|image_2|>\n  Which one?<|end|>\n<|assistant|>\n", " 7", [(60, 20), (9, 200)]),
    ("3 + 4 = ", "7", []),
    ("<|image_1|>here ", "0.5", [(1, 1)]),
]


def tokenizer(folder):
    values = json.loads((HERE / "../tokenizers/phi3.json").read_text())
    # As Phi-3.5-vision's: a begin token, no end token, and one for pictures.
    values["post_processor"]["single"] = values["post_processor"]["single"][:2]
    values["added_tokens"].append(dict(id=IMAGE, content="<|image|>", single_word=False, lstrip=False, rstrip=False,
                                       normalized=False, special=True))
    (folder / "tokenizer.json").write_text(json.dumps(values))
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(bos_token="<s>", eos_token="<|endoftext|>")))
    return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), bos_token="<s>",
                                   eos_token="<|endoftext|>")


def main():
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(2)
    text = dict(vocab_size=912, max_position_embeddings=1024, original_max_position_embeddings=4)
    model = Tiny(**text).float()
    model.save(folder, image_token_index=IMAGE, eos_token_id=900, **text)
    words = tokenizer(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(dict(
        image_processor_type="Phi3VImageProcessor", num_crops=CROPS, num_img_tokens=4)))
    with open(folder / "lines.jsonl", "w") as lines:
        for number, (prompt, answer, sizes) in enumerate(LINES):
            views, grids, names = [], [], []
            for index, size in enumerate(sizes):
                names.append(f"{number}-{index}.png")
                Image.fromarray(picture(*size)).save(folder / names[-1])
                values, rows, columns = prepare(picture(*size), CROPS, 8)
                views.append(values)
                grids.append((rows, columns))
            lines.write(json.dumps(dict(prompt=prompt, completion=answer, images=names)) + "\n")
            parts, ids = re.split(r"<\|image_\d+\|>", prompt), []
            for index, part in enumerate(parts[:-1]):
                rows, columns = grids[index]
                ids += words(part)["input_ids"] + [IMAGE] * ((rows * columns + 1) * 4 + 1 + (rows + 1) * 2)
            ids += words(parts[-1])["input_ids"]
            whole = words(parts[-1] + answer)["input_ids"]
            start = words(parts[-1])["input_ids"]
            joined = whole[:len(start)] == start
            after = whole[len(start):] if joined else words(answer, add_special_tokens=False)["input_ids"]
            after = after + [words.eos_token_id]
            with torch.no_grad():
                features = (model.features(torch.cat(views), torch.tensor(grids)) if views
                            else torch.zeros(0, model.projection[2].out_features))
                logs = model(torch.tensor([ids + after]), features, IMAGE)[0].double().log_softmax(-1)
            total = sum(logs[len(ids) + place - 1, token].item() for place, token in enumerate(after))
            print(json.dumps(dict(line=number + 1, logProbability=round(total, 4), tokens=len(after), prompt=len(ids))))


main()
