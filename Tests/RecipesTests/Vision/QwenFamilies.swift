// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Recipes
import Testing
import TokenData
import TokenModels
import Torch

extension VisionFamily {
  /// Qwen2.5-VL, asked through its template. Images are as many tokens as their shapes ask for.
  static let qwen25 = qwen(
    "qwen25vl", "qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration",
    text: ["model_type": "qwen2_5_vl_text", "rope_parameters": ["rope_theta": 1e4, "mrope_section": [1, 2, 1]]],
    vision: ["window_size": 16, "fullatt_block_indexes": [1]])

  /// Qwen3-VL, likewise.
  static let qwen3 = qwen(
    "qwen3vl", "qwen3_vl", "Qwen3VLForConditionalGeneration",
    text: [
      "model_type": "qwen3_vl_text", "head_dim": 8,
      "rope_parameters": ["rope_theta": 1e4, "mrope_section": [2, 1, 1]],
    ],
    vision: ["num_position_embeddings": 16, "deepstack_visual_indexes": [0]])

  private static func qwen(
    _ name: String, _ type: String, _ architecture: String, text: JSON, vision: JSON
  ) -> VisionFamily {
    VisionFamily(
      name: name, prompt: "Where?", template: ", template: model", packing: 256, sizes: 3,
      parts: [
        "train.freeze=[\"model.visual.*\"]", "train.lora={ rank: 4, alpha: 16, targets: [q_proj, v_proj, qkv] }",
        "train.lora={ rank: 4, targets: all-linear }",
      ]
    ) { run in
      let fixture = visionFixture("qwenvl/processor"), tokenizer = try Tokenizer(folder: fixture)
      func id(_ mark: String) throws -> JSON { .int(Int(try #require(tokenizer.id(of: mark)))) }
      let config: JSON = [
        "architectures": [.string(architecture)], "model_type": .string(type),
        "image_token_id": try id("<|image_pad|>"), "video_token_id": try id("<|video_pad|>"),
        "vision_start_token_id": try id("<|vision_start|>"),
        "vision_end_token_id": try id("<|vision_end|>"),
        "text_config": text.merging([
          "vocab_size": .int(tokenizer.count), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
        ]),
        "vision_config": vision.merging([
          "depth": 2, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "patch_size": 4,
          "out_hidden_size": 32,
        ]),
      ]
      try saveFresh(QwenVL(config: JSONReader(config, path: "config.json")), to: "\(run)/\(name)", tokenizer: fixture)
    }
  }
}

extension JSON {
  /// An object with another one's members.
  fileprivate func merging(_ other: JSON) -> JSON {
    guard case .object(var object) = self, case .object(let more) = other else { return self }
    for (key, value) in more.members { object[key] = value }
    return .object(object)
  }
}

/// What run tests of Qwen-VL ask besides those of all families.
@Suite struct QwenVLRunTests {
  /// As the template writes an image that is a part of a message.
  @Test(arguments: [VisionFamily.qwen25, .qwen3]) func templateWritesTheMarks(family: VisionFamily) throws {
    let run = try VisionRun(family).run, artifacts = try run.artifacts()
    let example = try artifacts.dataset(run.folder + "/train.jsonl").example(0)
    let text = artifacts.tokenizer.decode(example.ids, skipSpecialTokens: false)
    #expect(text.contains("<|im_start|>user\n<|vision_start|><|image_pad|>"), "\(text)")
    #expect(text.hasSuffix("<|vision_end|>Where?<|im_end|>\n<|im_start|>assistant\n1<|im_end|>\n"), "\(text)")
    #expect(text.components(separatedBy: "<|vision_start|>").count == 2)
  }

  /// A video, and an image that no number of patches shows.
  @Test func whatIsNoImageIsRefused() throws {
    let seeing = try VisionRun(.qwen3)
    func refusal(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "nothing"
      } catch { return "\(error)" }
    }
    let video = refusal { _ = try seeing.generate(seeing.model, [#"{"prompt": "<|video_pad|>", "images": []}"#]) }
    #expect(video.contains("found <|video_pad|>"), "\(video)")
    let thin = [UInt8](repeating: 7, count: 3 * 201)
    try PixelImage(width: 201, height: 1, channels: 3, bytes: thin).writePNG(to: seeing.images + "/thin.png")
    let line = refusal { _ = try seeing.generate(seeing.model, [#"{"prompt": "?", "images": ["thin.png"]}"#]) }
    #expect(line.contains("thin.png") && line.contains("200 times"), "\(line)")
  }
}
