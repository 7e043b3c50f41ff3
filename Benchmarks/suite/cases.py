# SPDX-License-Identifier: Apache-2.0
"""Every side-by-side measurement. To add one: an entry here, an operation in Sources/dist2-bench and in peers/."""

from . import best, shared
from .case import Case, Row
from .processes import KEEP


LCE = "torch linear_cross_entropy, chunk 128, cross entropy alone"
GATHERED = "torch linear + cross entropy + gathered distance loss"
EAGER = "transformers LlamaForCausalLM, author-style loss, fused AdamW"
TRAINER = "transformers Trainer, author-style compute_loss"


def linear_loss(_):
    workers = {
        "ours": ("ours", "linear-loss", {}),
        "chunked": ("peer", "linear-loss", {"method": "chunked"}),
        "gathered": ("peer", "linear-loss", {"method": "gathered"}),
    }
    rows = [
        Row("linear_ce_dist_time_vs_torch_linear_cross_entropy", "chunked", 1.0, peer=LCE),
        Row("linear_ce_dist_memory_vs_torch_linear_cross_entropy", "chunked", 1.0, "peak", peer=LCE),
        Row("linear_ce_dist_memory_above_inputs_vs_torch_linear_cross_entropy", "chunked", None, "growth", peer=LCE),
        Row("linear_ce_dist_time_vs_torch_gathered", "gathered", 0.8, peer=GATHERED),
        Row("linear_ce_dist_memory_vs_torch_gathered", "gathered", None, "peak", peer=GATHERED),
    ]
    return Case("linear-loss", workers, rows, 9)


def logits_loss(_):
    workers = {
        "ours": ("ours", "logits-loss", {}),
        "ce": ("peer", "logits-loss", {"method": "ce"}),
        "gathered": ("peer", "logits-loss", {"method": "gathered"}),
    }
    rows = [
        Row("logits_ce_dist_time_vs_torch_ce", "ce", 0.6, peer="torch cross entropy alone"),
        Row("logits_ce_dist_time_vs_torch_gathered", "gathered", None, peer="torch cross entropy + gathered distance"),
    ]
    return Case("logits-loss", workers, rows, 11)


def steps(model, batch, length, rounds, goals):
    shape = {"model": model, "batch": batch, "length": length}
    name = f"step_{batch}x{length}"
    workers = {
        "ours": ("ours", "step", shape),
        "eager": ("peer", "step", {"method": "eager", **shape}),
        "trainer": ("peer", "step", {"method": "trainer", **shape}),
        "bits8": ("ours", "step", {"optimizer": "adamw8bit", **shape}),
    }
    rows = [
        Row(f"{name}_time_vs_torch_eager", "eager", goals["eager"], peer=EAGER),
        Row(f"{name}_time_vs_hf_trainer", "trainer", goals["trainer"], peer=TRAINER),
        Row(f"{name}_memory_vs_hf_trainer", "trainer", 0.8, "peak", peer=TRAINER),
        Row(f"{name}_memory_8bit_vs_hf_trainer", "trainer", 0.6, "peak", ours="bits8", peer=TRAINER + ", ours 8-bit"),
        Row(f"{name}_page_faults_vs_torch_eager", "eager", None, "faults", peer=EAGER + ", minor faults a step"),
    ]
    if batch == 1:  # TRL's step is the Trainer's and more: once is enough
        workers["trl"] = ("peer", "step", {"method": "trl", **shape})
        rows.append(Row(f"{name}_time_vs_trl", "trl", None, peer="TRL SFTTrainer, author-style compute_loss"))
    return Case(name, workers, rows, rounds, warm=2)


def steps_alike(model, batch, length, rounds):
    """Where the difference comes from: the same allocator settings on both sides; best.py has the rest."""
    shape = {"model": model, "batch": batch, "length": length}
    name = f"step_{batch}x{length}"
    workers = {
        "ours": ("ours", "step", {"clip": "none", **shape}, KEEP),
        "eager": ("peer", "step", {"method": "eager", **shape}, KEEP),
    }
    rows = [Row(f"{name}_time_vs_torch_eager_same_allocator", "eager", None, peer=EAGER + ", memory kept by malloc")]
    return Case(f"{name}_alike", workers, rows, rounds, warm=2)


def startup(model):
    workers = {"ours": ("ours", "start", {"model": model}), "theirs": ("peer", "start", {"model": model})}
    rows = [Row("startup_time_vs_transformers", "theirs", 0.1, peer="import, from_pretrained, AutoTokenizer")]
    return Case("startup", workers, rows, 4, fresh="ready")


def first_step(model):
    shape = {"model": model, "batch": 1, "length": 96}
    workers = {"ours": ("ours", "step", shape), "theirs": ("peer", "step", {"method": "trainer", **shape})}
    rows = [Row("first_step_time_vs_hf_trainer", "theirs", 0.4, peer=TRAINER + ", process start to first step")]
    return Case("first_step", workers, rows, 4, fresh="step")


def generate(model):
    workers = {"ours": ("ours", "generate", {"model": model}), "theirs": ("peer", "generate", {"model": model})}
    rows = [
        Row("generate_time_vs_transformers", "theirs", 0.667, peer="generate, greedy, 64 prompts of 16-40, 32 new"),
        Row("generate_memory_vs_transformers", "theirs", None, "peak", peer="the same"),
    ]
    return Case("generate", workers, rows, 4)


def score(model):
    workers = {
        "ours": ("ours", "score", {"model": model}),
        "forward": ("peer", "score", {"method": "forward", "model": model}),
        "kept": ("peer", "score", {"method": "kept", "model": model}),
    }
    rows = [
        Row("score_time_vs_transformers", "forward", 0.769, peer="forward, 64 sequences of 32-56, batches of 16"),
        Row("score_time_vs_transformers_kept_logits", "kept", None, peer="the same with logits_to_keep"),
        Row("score_memory_vs_transformers", "forward", None, "peak", peer="forward"),
    ]
    return Case("score", workers, rows, 5)


def preferences(model):
    """A step of DPO, log-probabilities of the reference model computed before the first one on both sides. Two cases: four
    such workers at a time are more than small machines hold."""
    shape = {"model": model, "pairs": 8, "prompt": 64, "answer": 64}
    workers = {
        "ours": ("ours", "preferences", shape),
        "trl": ("peer", "preferences", shape),
        "parts": ("ours", "preferences", {**shape, "micro": 2}),
    }
    alike = {"ours": ("ours", "preferences", shape), "trl": ("peer", "preferences", shape, KEEP)}
    peer = "TRL DPOTrainer, 8 pairs of 128 tokens, precomputed reference"
    rows = [
        Row("dpo_step_time_vs_trl", "trl", 0.7, peer=peer),
        Row("dpo_step_memory_vs_trl", "trl", 0.6, "peak", peer=peer),
        Row("dpo_step_time_in_parts_vs_trl", "trl", None, ours="parts", peer=peer + "; ours two pairs at a time"),
        Row("dpo_step_memory_in_parts_vs_trl", "trl", 0.6, "peak", ours="parts", peer=peer + "; ours two pairs at a time"),
    ]
    same = [Row("dpo_step_time_vs_trl_same_allocator", "trl", None, peer=peer + ", memory kept by malloc")]
    return [Case("preferences", workers, rows, 3, warm=2), Case("preferences_alike", alike, same, 3, warm=2)]


def tokenizer(name, settings, rounds=11):
    one = {"OMP_NUM_THREADS": "1"}
    workers = {"ours": ("ours", "tokenizer", settings, one), "theirs": ("peer", "tokenizer", settings, one)}
    row = Row(f"tokenizer_{name}_time_vs_tokenizers", "theirs", None, peer="tokenizers, one core")
    return Case(f"tokenizer_{name}", workers, [row], rounds)


def images(models):
    """Image tokens: `models` are folders by name."""
    encode = {"task": "encode", "model": models["vq"], "batch": 2}
    step = {"task": "step", "model": models["gpt16"], "batch": 2}
    sample = {"task": "sample", "model": models["gpt8"], "batch": 8}
    workers = {
        "ours": ("ours", "images", {**step, "preset": "dist"}),
        "sft": ("ours", "images", {**step, "preset": "sft"}),
        "theirs": ("peer", "images", step),
        "best": ("peer", "images", step, KEEP),
        "compiled": best.compiled("images", step),
    }
    drawing = {
        "ours": ("ours", "images", sample),
        "theirs": ("peer", "images", sample),
        "best": ("peer", "images", sample, KEEP),
    }
    eager = "PyTorch eager, LlamaGen-B, 2 pictures of 256 codes, cross entropy, fused AdamW"
    return [
        Case("image_encode", {"ours": ("ours", "images", encode), "theirs": ("peer", "images", encode)}, [
            Row("image_encode_time_vs_torch_eager", "theirs", 1.0, peer="PyTorch eager, VQ-16, 2 pictures of 256 x 256"),
            Row("image_encode_memory_vs_torch_eager", "theirs", None, "peak", peer="the same")], 4),
        Case("image_step", workers, [
            Row("image_step_time_vs_torch_eager", "theirs", 1.0, ours="sft", peer=eager),
            Row("image_step_time_vs_torch_best", "best", None, ours="sft", peer=eager + ", memory kept by malloc"),
            Row("image_step_time_vs_torch_compile", "compiled", None, ours="sft", peer=eager + ", the same by torch.compile"),
            Row("image_dist_step_time_vs_torch_eager_ce", "theirs", None, peer=eager + " alone; ours with the distance"),
            Row("image_dist_step_time_vs_sft_step", "sft", 1.1, peer="our own step without the distance, 16,384 codes"),
            Row("image_step_memory_vs_torch_eager", "theirs", None, "peak", peer=eager)], 5, warm=2),
        Case("image_sample", drawing, [
            Row("image_sample_time_vs_torch_eager", "theirs", 0.667, peer="PyTorch eager with key-value cache, LlamaGen-B, "
                "8 pictures of 64 codes, guidance"),
            Row("image_sample_time_vs_torch_best", "best", 0.45, peer="the same, memory kept by malloc"),
            Row("image_sample_memory_vs_torch_eager", "theirs", None, "peak", peer="the same")], 4),
    ]


def seeing(model):
    """A model that sees, in `model`."""
    features, step = {"task": "features", "model": model, "batch": 4}, {"task": "step", "model": model, "batch": 4, "length": 48}
    eager = "transformers LlavaForConditionalGeneration, 4 pictures of 100 tokens"
    return [
        Case("vision_features", {"ours": ("ours", "seeing", features), "theirs": ("peer", "seeing", features)}, [
            Row("vision_features_time_vs_transformers", "theirs", 1.0, peer=eager + ", tower and projector, eight times")], 9),
        Case("vision_step", {"ours": ("ours", "seeing", step), "theirs": ("peer", "seeing", step)}, [
            Row("vision_step_time_vs_transformers", "theirs", 1.0, peer=eager + ", 48 words, logits_to_keep, fused AdamW; "
                "ours reads and prepares the files as well"),
            Row("vision_step_memory_vs_transformers", "theirs", None, "peak", peer=eager)], 9, warm=2),
    ]


def all_cases(model, texts, models):
    """Every case. `texts` are files of documents, `models` folders of image models and of a small decoder, by name."""
    file = f"{model}/tokenizer.json"
    return [
        linear_loss(model),
        logits_loss(model),
        steps(model, 8, 128, 5, {"eager": 0.70, "trainer": 0.65}),
        steps(model, 1, 96, 9, {"eager": 0.60, "trainer": 0.65}),
        steps_alike(model, 8, 128, 3),
        steps_alike(model, 1, 96, 9),
        *best.steps(model),
        *best.small(models["small"]),
        startup(model),
        first_step(model),
        generate(model),
        best.generate("generate", model),
        score(model),
        best.score("score", model),
        *preferences(model),
        *shared.cases(model),
        *(tokenizer(name, {"task": "encode", "tokenizer": file, "texts": path}) for name, path in texts.items()),
        tokenizer("load", {"task": "load", "tokenizer": file}),
        *images(models),
        *seeing(models["vlm"]),
    ]
