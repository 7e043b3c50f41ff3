// SPDX-License-Identifier: Apache-2.0
import Files
import Recipes
import Testing
import TokenData
import TokenModels
import Torch

extension VisionFamily {
  /// LLaVA 1.5, made as `new-vlm` makes it.
  static let llava = VisionFamily(
    name: "llava", marks: ["<image>"],
    parts: [
      "train.freeze=[\"vision_tower.*\"]",
      "train.lora={ rank: 4, alpha: 16, targets: [q_proj, v_proj, linear_2, fc2] }",
    ]
  ) { run in
    try NewVisionModel.tiny.write(language: run + "/model", to: run + "/llava")
  }

  /// Phi-3-Vision: a folder as the published one, with no `vision_config` but for the sizes, marks known to the
  /// tokenizer, a processor.
  static let phi3 = VisionFamily(
    name: "phi", marks: ["", "<image>\\n", "<|image_1|>\\n"], packing: 96, sizes: 3,
    files: ["preprocessor_config.json", "modeling_phi3_v.py"],
    parts: [
      "train.freeze=[\"model.vision_embed_tokens.img_processor.*\"]",
      "train.lora={ rank: 4, alpha: 16, targets: [qkv_proj, gate_up_proj] }",
      "train.lora={ rank: 4, targets: all-linear }",
    ]
  ) { run in
    let base = run + "/model", mark = try Tokenizer(folder: base).count
    let config: JSON = [
      "architectures": ["Phi3VForCausalLM"], "model_type": "phi3_v", "vocab_size": .int(mark + 1), "hidden_size": 32,
      "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
      "max_position_embeddings": 256, "sliding_window": 262_144, "tie_word_embeddings": false,
      "image_token_index": .int(mark),
      "embd_layer": [
        "embedding_cls": "image", "hd_transform_order": "sub_glb", "projection_cls": "mlp", "use_hd_transform": true,
        "with_learnable_separator": true,
      ],
      "img_processor": [
        "name": "clip_vision_model", "model_name": "tiny", "image_dim_out": 16, "num_img_tokens": 4,
      ],
      "vision_config": [
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 8,
        "patch_size": 2,
      ],
    ]
    try saveFresh(Phi3Vision(config: JSONReader(config, path: "config.json")), to: run + "/phi", tokenizer: base) {
      try add([.added("<|image|>", id: mark, special: true)], to: $0)
      let processor: JSON = [
        "image_processor_type": "Phi3VImageProcessor", "processor_class": "Phi3VProcessor", "num_crops": 4,
        "num_img_tokens": 4,
      ]
      try AtomicFile.write(processor, to: $0 + "/preprocessor_config.json")
      try AtomicFile.write("# runs nowhere\n".utf8, to: $0 + "/modeling_phi3_v.py")
    }
  }

  /// PaliGemma 2 and its thousand coordinates: the processor's tokenizer of the fixture with the rest of them.
  static let paliGemma = VisionFamily(
    name: "paligemma", prompt: "detect cat",
    answers: ["<loc0100><loc0200><loc0300><loc0400>", "<loc0700><loc0600><loc0900><loc1000>"],
    metrics: "paligemmaBoxes", evaluate: "metrics: [parseRate, mae, iou], numbers: 4, ", steps: 60, maxNewTokens: 6,
    error: 5,
    parts: ["train.freeze=[\"vision_tower.*\"]", "train.lora={ rank: 4, targets: all-linear }"]
  ) { run in
    let fixture = visionFixture("paligemma/processor")
    let image = Int(try #require(Tokenizer(folder: fixture).id(of: "<image>")))
    let config: JSON = [
      "architectures": ["PaliGemmaForConditionalGeneration"], "model_type": "paligemma",
      "image_token_index": .int(image), "projection_dim": 16,
      "text_config": [
        "model_type": "gemma2", "vocab_size": 1344, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 128,
        "query_pre_attn_scalar": 8, "sliding_window": 6,
      ],
      "vision_config": [
        "model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 10, "patch_size": 5, "vision_use_head": false,
      ],
    ]
    let model = try PaliGemma(config: JSONReader(config, path: "config.json"))
    try saveFresh(model, to: run + "/paligemma", tokenizer: fixture) {
      let places = (16..<1024).map { index in
        let digits = String(repeating: "0", count: 4 - "\(index)".count) + "\(index)"
        return JSON.added("<loc\(digits)>", id: image + 1 + index, special: false)
      }
      try add(places, to: $0)
    }
  }

  /// SmolVLM, asked through its template. Images are as many views as their shapes ask for.
  static let smolVLM = VisionFamily(
    name: "smolvlm", prompt: "Where?", template: ", template: model", packing: 192, sizes: 3,
    parts: [
      "train.freeze=[\"model.vision_model.*\"]", "train.lora={ rank: 4, alpha: 16, targets: [q_proj, proj, fc1] }",
    ]
  ) { run in
    let fixture = visionFixture("smolvlm/processor"), tokenizer = try Tokenizer(folder: fixture)
    let config: JSON = [
      "architectures": ["SmolVLMForConditionalGeneration"], "model_type": "smolvlm",
      "image_token_id": .int(Int(try #require(tokenizer.id(of: "<image>")))), "scale_factor": 2,
      "text_config": [
        "model_type": "llama", "vocab_size": .int(tokenizer.count), "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
      ],
      "vision_config": [
        "model_type": "smolvlm_vision", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 16, "patch_size": 4,
      ],
    ]
    try saveFresh(SmolVLM(config: JSONReader(config, path: "config.json")), to: run + "/smolvlm", tokenizer: fixture)
  }
}

extension VisionFamily {
  /// Gemma 3, asked through its template; tokens of an image see each other, a window is shorter than an image.
  static let gemma3 = VisionFamily(
    name: "gemma3", prompt: "cat ", template: ", template: model", steps: 60, packing: 128,
    parts: ["train.freeze=[\"vision_tower.*\"]", "train.lora={ rank: 4, alpha: 16, targets: all-linear }"]
  ) { run in
    let fixture = visionFixture("gemma3/processor"), tokenizer = try Tokenizer(folder: fixture)
    func id(_ mark: String) throws -> JSON { .int(Int(try #require(tokenizer.id(of: mark)))) }
    let config: JSON = [
      "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
      "image_token_index": try id("<image_soft_token>"), "boi_token_index": try id("<start_of_image>"),
      "eoi_token_index": try id("<end_of_image>"), "mm_tokens_per_image": 9,
      "text_config": [
        "model_type": "gemma3_text", "vocab_size": .int(tokenizer.count), "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
        "max_position_embeddings": 256, "query_pre_attn_scalar": 16, "sliding_window": 7, "sliding_window_pattern": 2,
      ],
      "vision_config": [
        "model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 12, "patch_size": 4, "vision_use_head": false,
      ],
    ]
    let model = try Gemma3Vision(config: JSONReader(config, path: "config.json"))
    try saveFresh(model, to: run + "/gemma3", tokenizer: fixture)
  }

  /// LLaVA-OneVision, asked through its template. An image alone is cut into parts, of several each is one view.
  static let llavaOnevision = VisionFamily(
    name: "onevision", prompt: "Where?", template: ", template: model", packing: 192, sizes: 3,
    files: ["preprocessor_config.json", "processor_config.json"],
    parts: [
      "train.freeze=[\"vision_tower.*\"]",
      "train.lora={ rank: 4, alpha: 16, targets: [q_proj, linear_1, fc1, gate_proj] }",
    ]
  ) { run in
    let fixture = visionFixture("llavaonevision/processor"), tokenizer = try Tokenizer(folder: fixture)
    let sides = (1...3).flatMap { rows in (1...3).map { JSON.array([.int(16 * rows), .int(16 * $0)]) } }
    func id(_ mark: String) throws -> JSON { .int(Int(try #require(tokenizer.id(of: mark)))) }
    let config: JSON = [
      "architectures": ["LlavaOnevisionForConditionalGeneration"], "model_type": "llava_onevision",
      "image_token_index": try id("<image>"), "video_token_index": try id("<video>"),
      "image_grid_pinpoints": .array(sides),
      "text_config": [
        "model_type": "qwen2", "vocab_size": .int(tokenizer.count), "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
      ],
      "vision_config": [
        "model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 16, "patch_size": 4, "vision_use_head": false,
      ],
    ]
    let model = try LlavaOnevision(config: JSONReader(config, path: "config.json"))
    try saveFresh(model, to: run + "/onevision", tokenizer: fixture)
  }
}

/// Writes a model with fresh weights.
func saveFresh(
  _ model: any PretrainedModel, to folder: String, tokenizer: String, finish: (String) throws -> Void = { _ in }
) throws {
  model.initialise(generator: Generator(seed: 5), dtype: .float32, device: .cpu)
  try model.save(to: folder, tokenizer: tokenizer, finish: finish)
}

extension NewVisionModel {
  static let tiny = NewVisionModel(
    vision: VisionConfiguration(
      hiddenSize: 16, intermediateSize: 32, layers: 2, heads: 2, imageSize: 16, patchSize: 8), seed: 3)
}
