// SPDX-License-Identifier: Apache-2.0
import Files
import Testing
import TokenModels

/// What `config.json` of Gemma 3 and LLaVA-OneVision may not say.
@Suite struct VisionRefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let fixture: Int, path: [String], value: JSON, words: String

    init(_ fixture: Int, _ path: [String], _ value: JSON, _ words: String) {
      (self.fixture, self.path, self.value, self.words) = (fixture, path, value, words)
    }

    var testDescription: String { "\(fixture) \(path.joined(separator: "."))" }

    /// Fixtures 4 and 6 are those of the two families.
    static let all = [
      Case(4, ["text_config", "model_type"], "gemma2", "gemma3_text"),
      Case(4, ["text_config", "use_bidirectional_attention"], true, "use_bidirectional_attention"),
      Case(4, ["vision_config", "model_type"], "clip_vision_model", "siglip_vision_model"),
      Case(4, ["vision_config", "vision_use_head"], true, "false"),
      Case(4, ["image_token_index"], 40, "below text_config.vocab_size, 40"),
      Case(4, ["boi_token_index"], -1, "below text_config.vocab_size"),
      Case(4, ["eoi_token_index"], "x", "expected"),
      Case(4, ["mm_tokens_per_image"], 5, "the square of a divisor of the 4 patches"),
      Case(4, ["mm_tokens_per_image"], 9, "the square of a divisor of the 4 patches"),
      Case(6, ["text_config", "model_type"], "llama", "qwen2"),
      Case(6, ["vision_feature_select_strategy"], "default", "full"),
      Case(6, ["vision_feature_layer"], [-1, -2], "one layer"),
      Case(6, ["vision_feature_layer"], 9, "one of -4 ... 3"),
      Case(6, ["vision_aspect_ratio"], "pad", "anyres_max_N"),
      Case(6, ["vision_aspect_ratio"], "anyres_max_0", "anyres_max_N"),
      Case(6, ["image_grid_pinpoints"], [], "1 ... 1024 sizes"),
      Case(6, ["image_grid_pinpoints"], .null, "multiples of the tower's 16"),
      Case(6, ["video_token_index"], 1000, "below text_config.vocab_size, 40"),
    ]
  }

  @Test(arguments: Case.all) func everyOptionIsNamed(_ asked: Case) throws {
    let fixture = VisionFixture.all[asked.fixture], config = try JSONReader(file: fixture.path + "/config.json")
    func changed(_ json: JSON, _ path: ArraySlice<String>) -> JSON {
      guard let key = path.first, case .object(var object) = json else { return asked.value }
      object[key] = changed(object[key] ?? .null, path.dropFirst())
      return .object(object)
    }
    func read(_ json: JSON) throws {
      let reader = JSONReader(json, path: "config.json")
      if asked.fixture == 4 { _ = try Gemma3Vision(config: reader) } else { _ = try LlavaOnevision(config: reader) }
    }
    try read(config.value)
    do {
      try read(changed(config.value, asked.path[...]))
      Issue.record("nothing was thrown")
    } catch {
      #expect("\(error)".contains("key " + asked.path.joined(separator: ".")), "\(error)")
      #expect("\(error)".contains(asked.words), "\(error)")
    }
  }

  /// A size that is no multiple of the tower's is named by its place.
  @Test func sizesAreMultiples() throws {
    let config = try JSONReader(file: VisionFixture.all[6].path + "/config.json")
    guard case .object(var object) = config.value else { return }
    for size in [[16, 20], [16], [16 * 9, 16 * 9]] {
      object["image_grid_pinpoints"] = .array([[16, 16], .array(size.map { .int($0) })])
      let reader = JSONReader(.object(object), path: "config.json")
      #expect { _ = try LlavaOnevision(config: reader) } throws: { "\($0)".contains("image_grid_pinpoints[1]") }
    }
  }
}
