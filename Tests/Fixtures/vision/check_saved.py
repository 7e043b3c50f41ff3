# SPDX-License-Identifier: Apache-2.0
"""What transformers makes of a LLaVA folder that dist2 wrote, and of lines of data.

    dist2 new-vlm -o small-vlm
    dist2 score small-vlm --data lines.jsonl
    python Tests/Fixtures/vision/check_saved.py small-vlm lines.jsonl

Both print for each line the log-probability of the completion's tokens and of the end token after them: the figures must
agree to three places. Lines have prompt, completion and images; the prompt holds its <image> marks.
"""
import json
import sys
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoTokenizer, LlavaForConditionalGeneration
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

folder, lines = Path(sys.argv[1]), Path(sys.argv[2])
model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(folder)
processor = CLIPImageProcessorPil.from_pretrained(folder)
count = model.config.image_seq_length
for number, line in enumerate(lines.read_text().splitlines(), 1):
    record = json.loads(line)
    images = [Image.open(lines.parent / path) for path in record["images"]]
    pixels = torch.cat([processor(images=image, return_tensors="pt")["pixel_values"] for image in images])
    prompt = tokenizer(record["prompt"].replace("<image>", "<image>" * count))["input_ids"]
    answer = tokenizer(record["completion"], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    ids = torch.tensor([prompt + answer])
    with torch.no_grad():
        logs = model(input_ids=ids, pixel_values=pixels).logits[0].double().log_softmax(-1)
    total = sum(logs[len(prompt) + index - 1, token].item() for index, token in enumerate(answer))
    print(json.dumps(dict(id=f"{lines} line {number}", logProbability=round(total, 4), tokens=len(answer))))
