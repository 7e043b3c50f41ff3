// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// What is Qwen-VL's own: images of unlike sizes, positions that images move, and what `config.json` may say.
@Suite struct QwenVLTests {
  /// Images of a fixture's row as prompts have them.
  private func placed(_ fixture: VisionFixture, row: Int) throws -> [PlacedImage] {
    try fixture.images().filter { $0.row == row }.map { shown in
      let grid = try #require(shown.image.grid)
      return PlacedImage(
        PreparedImage(
          channels: 3, height: shown.image.shape[1], width: shown.image.shape[2],
          grid: .init(rows: grid.rows, columns: grid.columns, hasWhole: false), values: shown.image.values),
        position: shown.start, count: shown.count)
    }
  }

  private func model(_ fixture: VisionFixture) throws -> QwenVL { try #require(try fixture.model() as? QwenVL) }

  @Test(arguments: VisionFixture.qwen) func featuresEqualTransformers(fixture: VisionFixture) throws {
    let model = try model(fixture), images = try #require(try fixture.input().images)
    let features = noGrad { model.features(of: images) }
    #expect(difference(features, try fixture.expected("features")) < 1e-5)
    // Each image alone: none looks at another.
    var start = 0
    for shown in try fixture.images() {
      let alone = noGrad { model.features(of: ImageInput([shown.image])!) }
      #expect(difference(alone, features.narrow(0, start, shown.count)) < 1e-5)
      start += shown.count
    }
  }

  /// Prompts of unlike lengths in one batch, images and padding in both, as transformers' `generate` answers them.
  @Test(arguments: VisionFixture.qwen) func paddedPromptsAreAnsweredAsByTransformers(fixture: VisionFixture) throws {
    let ids = try fixture.expected("ids"), wanted = try fixture.expected("padded")
    let images = try [0, 1].map { try placed(fixture, row: $0) }
    let prompts = try fixture.numbers("prompts").enumerated().map { row, count in
      ids.select(0, row).array(of: Int64.self).prefix(count).map { Int32($0) }
    }
    let options = GenerationOptions(maxNewTokens: wanted.size(1))
    let answers = try TokenGenerator(model(fixture)).generate(prompts, options, images: { images[$0] })
    for (row, answer) in answers.enumerated() {
      #expect(answer.ids.map(Int64.init) == wanted.select(0, row).array(of: Int64.self), "row \(row)")
    }
    // The same prompts, a question before them that both share.
    let shared = [Int32](repeating: 4, count: 70)
    func moved(_ row: Int) -> [PlacedImage] {
      images[row].map { PlacedImage($0.image, position: $0.position + shared.count, count: $0.count) }
    }
    let together = try TokenGenerator(model(fixture)).generate(prompts.map { shared + $0 }, options, images: moved)
    for row in 0..<2 {
      let alone = try TokenGenerator(model(fixture)).generate(
        [shared + prompts[row]], options, images: { _ in moved(row) })
      #expect(alone.map(\.ids) == [together[row].ids], "row \(row)")
    }
  }

  /// An image that two runs show, as in a contrastive pass, is encoded once.
  @Test(arguments: VisionFixture.qwen) func oneImageInTwoPlaces(fixture: VisionFixture) throws {
    let model = try model(fixture), shown = try fixture.images()[1]
    let run = [Int64](repeating: Int64(model.imageToken), count: shown.count), row = [3, 4] + run + [5] + run + [6]
    let tokens = Tensor(row, shape: [1, row.count]), starts = [2, 3 + shown.count]
    func hidden(_ images: [[Int]]) throws -> Tensor {
      let images = images.map { starts in
        var image = shown.image
        image.starts = starts
        return image
      }
      return noGrad { model.hidden(ModelInput(ids: tokens, images: ImageInput(images)), cache: nil, rows: nil) }
    }
    #expect(difference(try hidden([starts]), try hidden(starts.map { [$0] })) < 1e-5)
  }

  /// Adapters in tower and decoder: those that were saved compute what they did, and merged ones too.
  @Test(arguments: VisionFixture.qwen) func adaptersAreSavedAndMerged(fixture: VisionFixture) throws {
    let model = try model(fixture), input = try fixture.input()
    func states(_ model: QwenVL) -> Tensor { noGrad { model.hidden(input, cache: nil, rows: nil) } }
    let before = states(model)
    try model.addLoRA(
      LoRASettings(rank: 2, alpha: 4, targets: ["q_proj", "v_proj", "qkv"]), seed: 3)
    for parameter in model.trainableParameters() where parameter.key.hasSuffix("lora_B.weight") {
      noGrad { parameter.box.tensor = .full(parameter.tensor.shape, 0.1) }
    }
    let adapted = states(model)
    #expect(difference(adapted, before) > 1e-2)
    let temporary = try TemporaryFolder()
    try model.saveAdapters(to: temporary.path + "/adapter")
    let again = try self.model(fixture)
    try again.loadAdapters(folder: temporary.path + "/adapter")
    #expect(difference(states(again), adapted) < 1e-5)
    model.mergeLoRA()
    #expect(difference(states(model), adapted) < 1e-4)
    if let folder = ProcessInfo.processInfo.environment["DIST2_SAVE_TO"] {
      let target = "\(folder)/adapters/\(fixture.name)"
      try again.saveAdapters(to: target, replacing: true)
      try FileManager.default.createDirectory(atPath: target + "/expected", withIntermediateDirectories: true)
      try SafetensorsWriter.write(
        [SafetensorsSource(name: "logits", tensor: noGrad { model.head(adapted) }, dtype: nil)],
        toFolder: target + "/expected", maxShardBytes: 1 << 30)
    }
  }

  /// The fixture has the names of the published checkpoints; those of transformers 5 in memory are the same model.
  @Test func namesOfTransformersAreRead() throws {
    let fixture = VisionFixture.qwen[0], model = try model(fixture)
    #expect(try CheckpointWeights(folder: fixture.path).names.contains("visual.patch_embed.proj.weight"))
    var renamed: [String: Tensor] = [:]
    for parameter in model.parameters() { renamed[parameter.key] = parameter.tensor }
    #expect(renamed["model.visual.patch_embed.proj.weight"] != nil)
    let config = try JSONReader(file: fixture.path + "/config.json"), other = try QwenVL(config: config)
    try other.load(from: other.adapting(WeightDictionary(renamed)))
    for (a, b) in zip(model.parameters(), other.parameters()) { #expect(a.tensor.isEqual(to: b.tensor), "\(a.key)") }
    renamed["model.norm.weight"] = renamed["model.language_model.norm.weight"]
    // Under both names at once.
    #expect(throws: InputError.self) { try other.adapting(WeightDictionary(renamed)) }
  }

  private func refusal(_ fixture: VisionFixture, _ path: [String], _ value: JSON) throws -> String {
    func changed(_ json: JSON, _ path: ArraySlice<String>) -> JSON {
      guard let key = path.first, case .object(var object) = json else { return value }
      object[key] = changed(object[key] ?? .null, path.dropFirst())
      return .object(object)
    }
    let config = try JSONReader(file: fixture.path + "/config.json").value
    do {
      _ = try QwenVL(config: JSONReader(changed(config, path[...]), path: "config.json"))
      return "nothing"
    } catch { return "\(error)" }
  }

  @Test func refusesWhatIsNotSupported() throws {
    let second = VisionFixture.qwen[0], flat = VisionFixture.qwen[1], third = VisionFixture.qwen[2]
    let dynamic: JSON = ["rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4, "mrope_section": [2, 3, 3]]
    let mrope: JSON = ["rope_type": "mrope", "rope_theta": 1e4, "mrope_section": [4, 4, 4]]
    for (fixture, path, value, words) in [
      (second, ["text_config", "model_type"], "qwen2", "qwen2_5_vl_text"),
      (second, ["text_config", "rope_parameters"], dynamic, "rope_type"),
      (second, ["text_config", "rope_parameters", "mrope_section"], [2, 3, 4], "sum to 8"),
      (second, ["text_config", "rope_parameters", "mrope_section"], [4, 4], "three numbers"),
      (second, ["text_config", "rope_parameters", "mrope_interleaved"], true, "no such key"),
      (second, ["text_config", "head_dim"], 8, "none"),
      (second, ["text_config", "attention_dropout"], 0.1, "expected 0"),
      (second, ["vision_config", "model_type"], "qwen3_vl", "qwen2_5_vl"),
      (second, ["vision_config", "rope_parameters", "rope_type"], "yarn", "axial"),
      (second, ["vision_config", "rope_parameters", "factor"], 2.0, "no such key"),
      (second, ["vision_config", "window_size"], 7, "at least 8"),
      (second, ["vision_config", "out_hidden_size"], 16, "hidden_size"),
      (second, ["vision_config", "hidden_size"], 12, "multiple of 4 times the 2 heads"),
      (second, ["vision_config", "in_channels"], 1, "expected 3"),
      (second, ["vision_config", "fullatt_block_indexes"], [-1], "from 0 on"),
      (second, ["image_token_id"], 40, "below vocab_size, 40"),
      (second, ["video_token_id"], 40, "below vocab_size, 40"),
      (second, ["quantization_config"], ["bits": 4], "unquantised"),
      (flat, ["rope_scaling", "type"], "longrope", "type"),
      (flat, ["vision_config", "spatial_merge_size"], 0, "a whole number of 1"),
      (third, ["text_config", "rope_parameters"], mrope, "rope_type"),
      (third, ["text_config", "rope_parameters", "mrope_interleaved"], false, "expected true"),
      (third, ["text_config", "use_sliding_window"], true, "expected false"),
      (third, ["vision_config", "deepstack_visual_indexes"], [1, 0], "ascending"),
      (third, ["vision_config", "deepstack_visual_indexes"], [0, 3], "below depth, 3"),
      (third, ["vision_config", "deepstack_visual_indexes"], [0, 1, 2], "fewer than the decoder's 3 layers"),
      (third, ["vision_config", "num_position_embeddings"], 0, "a whole number of 1"),
    ] as [(VisionFixture, [String], JSON, String)] {
      let refused = try refusal(fixture, path, value)
      #expect(refused.contains(words) && refused.contains("config.json"), "\(path): \(refused)")
      let last = path.last == "rope_parameters" ? "rope_type" : path.last ?? ""
      #expect(refused.contains(last), "\(refused)")
    }
    for fixture in VisionFixture.qwen { #expect(try refusal(fixture, [], fixture.config()) == "nothing") }
    #expect(try refusal(third, ["text_config"], .null).contains("text_config"))
    // Types that mean the usual rotation.
    let old: JSON = ["type": "mrope", "mrope_section": [2, 3, 3]]
    #expect(try refusal(second, ["text_config", "rope_parameters"], old) == "nothing")
  }

  /// A checkpoint without one of its tensors names it.
  @Test func missingWeightsAreNamed() throws {
    let fixture = VisionFixture.qwen[2], model = try model(fixture)
    let kept = model.parameters().filter { $0.key != "model.visual.deepstack_merger_list.1.norm.weight" }
    let source = WeightDictionary(Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.tensor) }))
    do {
      try model.load(from: model.adapting(source))
      Issue.record("nothing was thrown")
    } catch { #expect("\(error)".contains("deepstack_merger_list.1.norm.weight"), "\(error)") }
  }
}

extension VisionFixture {
  /// Its `config.json`.
  fileprivate func config() throws -> JSON { try JSONReader(file: path + "/config.json").value }
}
