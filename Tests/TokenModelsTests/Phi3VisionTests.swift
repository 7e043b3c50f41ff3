// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Values and gradients against PyTorch; see `Tests/Fixtures/phi3vision/make.py`.
@Suite struct Phi3VisionTests {
  private static let folder = URL(filePath: Fixture.folder).deletingLastPathComponent()
    .appending(path: "phi3vision/model").path
  private let file: SafetensorsFile

  init() throws { file = try SafetensorsFile(Self.folder + "/expected.safetensors") }

  private func expected(_ name: String) throws -> Tensor { try Tensor(#require(file[name], "\(name)"), copying: true) }

  private func model() throws -> Phi3Vision { try #require(try loadModel(folder: Self.folder) as? Phi3Vision) }

  /// The fixture's images, which differ in how many parts they have, without their places.
  private func images() throws -> [ImageInput.Image] {
    let pixels = try expected("pixels"), grids = try expected("grids").array(of: Int64.self).map(Int.init)
    var view = 0
    return stride(from: 0, to: grids.count, by: 2).map { index in
      let grid = (rows: grids[index], columns: grids[index + 1]), views = 1 + grid.rows * grid.columns
      defer { view += views }
      return ImageInput.Image(
        values: pixels.narrow(0, view, views).array(of: Float.self), shape: [3, 8, 8], grid: grid, starts: [],
        count: (grid.rows * grid.columns + 1) * 4 + 1 + (grid.rows + 1) * 2)
    }
  }

  /// The images at the runs of the image token.
  private func input(_ model: Phi3Vision) throws -> (ids: Tensor, images: [ImageInput.Image]) {
    let ids = try expected("ids"), flat = ids.array(of: Int64.self)
    var images = try images(), next = 0
    for index in images.indices {
      let start = try #require(flat[next...].firstIndex(of: Int64(model.imageToken)))
      images[index].starts = [start]
      next = start + images[index].count
    }
    return (ids, images)
  }

  private func hidden(_ model: Phi3Vision, _ ids: Tensor, _ images: [ImageInput.Image]) -> Tensor {
    model.hidden(ModelInput(ids: ids, images: ImageInput(images)), cache: nil, rows: nil)
  }

  @Test func logitsEqualPyTorch() throws {
    let model = try model(), (ids, images) = try input(model)
    #expect(model.imageToken == 37)
    #expect(model.imageTokenCount == .grid(side: 2))
    #expect(model.imageSize == (8, 8))
    let features = noGrad { model.features(of: ImageInput(images)!) }
    #expect(difference(features, try expected("features")) < 1e-5)
    let logits = noGrad { model.head(hidden(model, ids, images)) }
    #expect(difference(logits, try expected("logits")) < 1e-5)
    // Without the images it is another sequence.
    #expect(difference(noGrad { model.logits(ids) }, try expected("logits")) > 0.1)
  }

  @Test func gradientsEqualPyTorch() throws {
    let model = try model(), (ids, images) = try input(model)
    model.unfreeze()
    let logits = model.head(hidden(model, ids, images))
    let length = ids.size(1), labels = ids.narrow(1, 1, length - 1)
    let targets = labels.maskedFill(labels.equals(Double(model.imageToken)), -100).flatten(0, 1)
    let loss = logits.narrow(1, 0, length - 1).flatten(0, 1).crossEntropy(targets)
    #expect(difference(loss, try expected("loss")) < 1e-5)
    loss.backward()
    var compared = Set<String>()
    for parameter in model.parameters() where file["grad." + parameter.key] != nil {
      let gradient = try #require(parameter.tensor.grad, "\(parameter.key) has no gradient")
      #expect(difference(gradient, try expected("grad." + parameter.key)) < 1e-5, "\(parameter.key)")
      compared.insert(parameter.key)
    }
    #expect(compared.count == 27)
    #expect(compared.isSuperset(of: ["glb_GN", "sub_GN"].map { "model.vision_embed_tokens." + $0 }))
  }

  /// An image that two runs of tokens show is encoded once; the order of images is that of their places.
  @Test func imagesAreKnownByTheirPlaces() throws {
    let model = try model()
    var (ids, images) = try input(model)
    let wanted = noGrad { hidden(model, ids, images) }
    #expect(difference(noGrad { hidden(model, ids, [images[2], images[0], images[1]]) }, wanted) < 1e-5)
    let run = [Int64](repeating: 37, count: images[2].count)
    ids = Tensor([1] + run + [2] + run + [3] as [Int64], shape: [1, 2 * run.count + 3])
    images[2].starts = [1]
    var again = images[2]
    again.starts = [run.count + 2]
    let twice = noGrad { hidden(model, ids, [images[2], again]) }
    images[2].starts = [1, run.count + 2]
    #expect(difference(noGrad { hidden(model, ids, [images[2]]) }, twice) < 1e-6)
  }

  /// Read in two parts through the cache, with the images of each part. Without scaling: its frequencies would be those
  /// of a short sequence in the first part.
  @Test func cacheTakesImages() throws {
    let config = try edited(JSONReader(file: Self.folder + "/config.json"), [("rope_scaling", .null)])
    let model = try Phi3Vision(config: config)
    try model.load(from: CheckpointWeights(folder: Self.folder))
    let (ids, images) = try input(model), row = ids.narrow(0, 0, 1), cut = images[0].count + 4
    let wanted = noGrad { hidden(model, row, Array(images.prefix(2))) }
    let cache = model.makeCache(batch: 1, capacity: ids.size(1))
    var second = images[1]
    second.starts = [second.starts[0] - cut]
    let parts = [(0..<cut, images[0]), (cut..<ids.size(1), second)].map { range, image in
      noGrad {
        model.hidden(
          ModelInput(ids: row.narrow(1, range.lowerBound, range.count), images: ImageInput([image])), cache: cache,
          rows: nil)
      }
    }
    #expect(difference(Tensor.cat(parts, 1), wanted) < 1e-5)
  }

  /// Names are those of the published checkpoint, and what it holds besides is left out.
  @Test func writesAndReadsPublishedNames() throws {
    let model = try model(), (ids, images) = try input(model)
    let temporary = try TemporaryFolder(), path = temporary.path + "/saved"
    try model.save(to: path)
    let original = try CheckpointWeights(folder: Self.folder), saved = try CheckpointWeights(folder: path)
    #expect(Set(saved.names) == Set(original.names))
    #expect(saved.names.contains("model.vision_embed_tokens.img_processor.vision_model.post_layernorm.weight"))
    let wanted = noGrad { hidden(model, ids, images) }
    #expect(difference(noGrad { hidden(try! Phi3Vision(folder: path), ids, images) }, wanted) == 0)
    var more = [String: Tensor]()
    for name in original.names { more[name] = try original.tensor(name) }
    more["model.vision_embed_tokens.wte.weight"] = more["model.embed_tokens.weight"]
    more["model.vision_embed_tokens.img_processor.vision_model.embeddings.position_ids"] = .zeros([1, 17])
    let again = try Phi3Vision(config: JSONReader(file: path + "/config.json"))
    try again.load(from: again.adapting(WeightDictionary(more)))
    #expect(difference(noGrad { hidden(again, ids, images) }, wanted) == 0)
  }

  /// The sizes of microsoft/Phi-3.5-vision-instruct, whose files hold 4,146,621,440 parameters.
  @Test func publishedSizes() throws {
    let sizes: [(String, JSON)] = [
      ("vision_config", .null), ("image_token_index", .null), ("vocab_size", 32_064), ("hidden_size", 3072),
      ("intermediate_size", 8192), ("num_hidden_layers", 32), ("num_attention_heads", 32), ("num_key_value_heads", 32),
      ("max_position_embeddings", 131_072), ("rope_scaling", .null),
    ]
    let model = try Phi3Vision(
      config: edited(
        JSONReader(file: Self.folder + "/config.json"), sizes,
        sections: [("img_processor", "image_dim_out", 1024), ("img_processor", "num_img_tokens", 144)]))
    let configuration = model.configuration
    #expect(configuration.imageToken == 32_044)
    #expect(configuration.featureLayers == 23)
    #expect(model.imageTokenCount == .grid(side: 12))
    #expect(model.imageSize == (336, 336))
    #expect(model.parameters().reduce(0) { $0 + $1.tensor.count } == 4_146_621_440)
  }

  @Test func startsFresh() throws {
    let config = try JSONReader(file: Self.folder + "/config.json")
    let model = try Phi3Vision(config: config), (ids, images) = try input(model)
    model.initialise(generator: Generator(seed: 1), dtype: .float32, device: .cpu)
    #expect(noGrad { hidden(model, ids, images) }.abs().max().item().isFinite)
    let separators = model.parameters().filter { $0.key.hasSuffix("_GN") }
    #expect(separators.count == 2)
    #expect(separators.allSatisfy { $0.tensor.abs().max().item() == 0 })
  }

  /// The configuration with other members; `sections` are those of objects in it.
  private func edited(_ config: JSONReader, _ edits: [(String, JSON)], sections: [(String, String, JSON)] = [])
    -> JSONReader
  {
    guard case .object(var object) = config.value else { return config }
    for (key, value) in edits { object[key] = value }
    for (section, key, value) in sections {
      guard case .object(var inner)? = object[section] else { continue }
      inner[key] = value
      object[section] = .object(inner)
    }
    return JSONReader(.object(object), path: "config.json")
  }

  @Test func refusesWhatIsNotSupported() throws {
    let config = try JSONReader(file: Self.folder + "/config.json")
    func refusal(_ part: String, _ key: String, _ value: JSON) -> String {
      do {
        _ = try Phi3Vision(config: edited(config, [], sections: [(part, key, value)]))
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(refusal("embd_layer", "hd_transform_order", "glb_sub").contains("sub_glb"))
    #expect(refusal("embd_layer", "use_hd_transform", false).contains("embd_layer.use_hd_transform"))
    #expect(refusal("embd_layer", "projection_cls", "linear").contains("mlp"))
    #expect(refusal("img_processor", "name", "siglip").contains("clip_vision_model"))
    #expect(refusal("img_processor", "type_feature", "cls_patch").contains("patch"))
    #expect(refusal("img_processor", "num_img_tokens", 144).contains("expected 4"))
    #expect(refusal("img_processor", "image_dim_out", 1024).contains("12, as the tower has"))
    #expect(refusal("img_processor", "layer_idx", 9).contains("-3 ... 2"))
    let outside = edited(config, [("image_token_index", 40)])
    #expect { _ = try Phi3Vision(config: outside) } throws: { "\($0)".contains("vocab_size, 40") }
  }
}
