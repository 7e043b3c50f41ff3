// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Values and gradients against transformers; see `Tests/Fixtures/vision/make.py`.
@Suite struct LlavaTests {
  static let folder = URL(filePath: Fixture.folder).deletingLastPathComponent().appending(path: "vision").path
  static let names = ["llava", "llava-tied"]
  private static let imageToken: Int64 = 40

  private func expected(_ name: String, _ tensor: String) throws -> Tensor {
    let file = try SafetensorsFile("\(Self.folder)/\(name)/expected.safetensors")
    return try Tensor(#require(file[tensor], "\(tensor)"), copying: true)
  }

  private func model(_ name: String) throws -> Llava {
    try #require(try loadModel(folder: "\(Self.folder)/\(name)") as? Llava)
  }

  /// The fixture's images at the runs of its image token.
  private func input(_ name: String, _ model: Llava) throws -> (ids: Tensor, images: ImageInput) {
    let ids = try expected(name, "ids"), pixels = try expected(name, "pixels")
    let flat = ids.array(of: Int64.self), count = model.tokensPerImage
    var starts = [Int](), next = 0
    while let start = flat[next...].firstIndex(of: Self.imageToken) {
      starts.append(start)
      next = start + count
    }
    #expect(starts.count == 3)
    let images = starts.enumerated().map { index, start in
      ImageInput.Image(
        values: pixels.select(0, index).array(of: Float.self), shape: [3, 12, 12], starts: [start], count: count)
    }
    return (ids, try #require(ImageInput(images)))
  }

  @Test(arguments: names) func logitsEqualTransformers(name: String) throws {
    let model = try model(name), (ids, images) = try input(name, model)
    let features = noGrad { model.features(of: images.pixels) }
    #expect(difference(features.flatten(0, 1), try expected(name, "features")) < 1e-5)
    let hidden = noGrad { model.hidden(ModelInput(ids: ids, images: images), cache: nil, rows: nil) }
    #expect(difference(noGrad { model.head(hidden) }, try expected(name, "logits")) < 1e-5)
    // Without the images it is another sequence.
    let blind = noGrad { model.logits(ids) }
    #expect(difference(blind, try expected(name, "logits")) > 0.1)
  }

  @Test(arguments: names) func gradientsEqualTransformers(name: String) throws {
    let model = try model(name), (ids, images) = try input(name, model)
    model.unfreeze()
    let logits = model.head(model.hidden(ModelInput(ids: ids, images: images), cache: nil, rows: nil))
    let length = ids.size(1), labels = ids.narrow(1, 1, length - 1)
    let targets = labels.maskedFill(labels.equals(Double(Self.imageToken)), -100).flatten(0, 1)
    let loss = logits.narrow(1, 0, length - 1).flatten(0, 1).crossEntropy(targets)
    #expect(difference(loss, try expected(name, "loss")) < 1e-5)
    loss.backward()
    let file = try SafetensorsFile("\(Self.folder)/\(name)/expected.safetensors")
    var compared = 0
    for parameter in model.parameters() where file["grad." + parameter.key] != nil {
      let gradient = try #require(parameter.tensor.grad, "\(parameter.key) has no gradient")
      #expect(difference(gradient, try expected(name, "grad." + parameter.key)) < 1e-5, "\(parameter.key)")
      compared += 1
    }
    #expect(compared >= 30)
  }

  /// The layout of transformers 5, that of the published checkpoints, and the mixed one that the fixture has.
  @Test(arguments: names) func everyLayoutIsRead(name: String) throws {
    let source = try CheckpointWeights(folder: "\(Self.folder)/\(name)"), fixture = try model(name)
    let ids = try expected(name, "ids"), wanted = noGrad { fixture.logits(ids) }
    let config = try JSONReader(file: "\(Self.folder)/\(name)/config.json")
    let layouts: [(String) -> String] = [
      { key in
        if key == "language_model.lm_head.weight" { return "lm_head.weight" }
        if key.hasPrefix("language_model.model.") { return "model.language_model." + key.dropFirst(21) }
        return "model." + key
      },
      { $0.replacing("vision_tower.", with: "vision_tower.vision_model.") },
      { $0.replacing("vision_tower.", with: "model.vision_tower.vision_model.") },
    ]
    for layout in layouts {
      let model = try Llava(config: config)
      try model.load(from: model.adapting(RenamedWeights(source, layout)))
      #expect(difference(noGrad { model.logits(ids) }, wanted) == 0)
    }
    // What is written has the published names, and reads back.
    let temporary = try TemporaryFolder(), path = temporary.path + "/saved"
    try fixture.save(to: path)
    let saved = try CheckpointWeights(folder: path)
    #expect(saved.names.contains("vision_tower.vision_model.pre_layrnorm.weight"))
    #expect(saved.names.contains("language_model.model.norm.weight"))
    let again = try Llava(folder: path)
    #expect(difference(noGrad { again.logits(ids) }, wanted) == 0)
    let both = WeightDictionary(
      ["lm_head.weight": .zeros([48, 32]), "language_model.lm_head.weight": .zeros([48, 32])], path: "two.safetensors")
    #expect { _ = try fixture.adapting(both) } throws: { "\($0)".contains("two layouts") }
  }

  /// Read in two parts through the cache, with the images of each part.
  @Test func cacheTakesImages() throws {
    let name = "llava", model = try model(name), (ids, images) = try input(name, model)
    let row = ids.narrow(0, 0, 1), cut = 13
    let all = noGrad { model.hidden(ModelInput(ids: ids, images: images), cache: nil, rows: nil) }.narrow(0, 0, 1)
    let pixels = try expected(name, "pixels")
    func part(_ index: Int, at start: Int) -> ImageInput? {
      ImageInput([
        ImageInput.Image(
          values: pixels.select(0, index).array(of: Float.self), shape: [3, 12, 12], starts: [start], count: 9)
      ])
    }
    let cache = model.makeCache(batch: 1, capacity: ids.size(1))
    let first = noGrad {
      model.hidden(ModelInput(ids: row.narrow(1, 0, cut), images: part(0, at: 2)), cache: cache, rows: nil)
    }
    let rest = noGrad {
      model.hidden(
        ModelInput(ids: row.narrow(1, cut, ids.size(1) - cut), images: part(1, at: 0)), cache: cache, rows: nil)
    }
    #expect(difference(Tensor.cat([first, rest], 1), all) < 1e-5)
  }

  /// An image that two runs of tokens show is encoded once.
  @Test func oneImageInTwoPlaces() throws {
    let name = "llava", model = try model(name), pixels = try expected(name, "pixels")
    let values = pixels.select(0, 0).array(of: Float.self)
    let run = [Int64](repeating: Self.imageToken, count: 9)
    let ids = Tensor([1] + run + [2] + run + [3] as [Int64], shape: [1, 21])
    func image(_ starts: [Int]) -> ImageInput.Image {
      ImageInput.Image(values: values, shape: [3, 12, 12], starts: starts, count: 9)
    }
    func hidden(_ images: [ImageInput.Image]) -> Tensor {
      noGrad { model.hidden(ModelInput(ids: ids, images: ImageInput(images)), cache: nil, rows: nil) }
    }
    // Products over one image and over two round differently.
    #expect(difference(hidden([image([1, 11])]), hidden([image([1]), image([11])])) < 1e-5)
  }

  @Test func refusesWhatIsNotSupported() throws {
    let config = try JSONReader(file: "\(Self.folder)/llava/config.json")
    func refusal(_ edits: [(String, JSON)]) -> String {
      guard case .object(var object) = config.value else { return "" }
      for (key, value) in edits { object[key] = value }
      do {
        _ = try Llava(config: JSONReader(.object(object), path: "config.json"))
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(refusal([("vision_feature_layer", [-2, -5])]).contains("several side by side"))
    #expect(refusal([("vision_feature_layer", 9)]).contains("-4 ... 3"))
    #expect(refusal([("image_seq_length", 576)]).contains("9, the patches"))
    // Other families whose tensors are called the same.
    for family in ["granite", "gemma", "smollm3", "helium", "ernie4_5", "internlm3"] {
      let refused = refusal([("text_config", ["model_type": .string(family)])])
      #expect(refused.contains("key text_config.model_type"), "\(family): \(refused)")
      #expect(refused.contains(family), "\(family): \(refused)")
    }
    #expect(refusal([("text_config", ["is_causal": false])]).contains("key text_config.is_causal"))
    #expect(refusal([("projector_hidden_act", "relu")]).contains("quick_gelu"))
    #expect(refusal([("vision_config", ["model_type": "siglip_vision_model"])]).contains("clip_vision_model"))
    #expect(refusal([("vision_config", ["patch_size": 400])]).contains("at most image_size"))
  }
}
