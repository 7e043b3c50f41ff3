// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Qwen2.5-VL (Bai et al. 2025, arXiv 2502.13923) and Qwen3-VL (Bai et al. 2025, arXiv 2511.21631): a vision transformer
/// for images of any size, squares of its patches as tokens, a Qwen decoder that knows time, row and column of each.
///
/// Images alone, no videos. Names are those that transformers 5 gives the parts, which adapters have too:
/// `model.language_model.*`, `model.visual.*`, `lm_head.weight`. Checkpoints of Qwen2.5-VL are written under those of the
/// published ones, `model.*` and `visual.*`; both layouts are read.
public final class QwenVL: Module, VisionCausalLM {
  /// Entries of `config.json`.
  public let configuration: QwenVLConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("model.visual") private var tower: QwenVisionTower
  /// The decoder with its head.
  @Child("") public private(set) var language: CausalLM
  /// Whether checkpoints have other names than the model.
  private let hasOwnLayout: Bool

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["qwen2_5_vl", "qwen3_vl"]

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public init(config: JSONReader) throws(InputError) {
    let isThird = try config.ifPresent("model_type")?.string() == "qwen3_vl"
    configuration = try isThird ? QwenVLConfiguration(qwen3: config) : QwenVLConfiguration(qwen25: config)
    configurationJSON = config.value
    hasOwnLayout = !isThird
    super.init()
    let vision = configuration.vision, width = configuration.language.hiddenSize
    tower = isThird ? Qwen3VisionTower(vision, width: width) : Qwen25VisionTower(vision, width: width)
    language = CausalLM(
      configuration.language, json: config.value["text_config"] ?? config.value, decoder: "model.language_model")
  }

  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// How many places an image takes: one for each square of patches.
  public var imageTokenCount: ImageTokenCount {
    let vision = configuration.vision
    return .patches(side: vision.patchSize, merge: vision.merge, frames: vision.frames)
  }
  /// Height and width of a patch.
  public var imageSize: (height: Int, width: Int) { (configuration.vision.patchSize, configuration.vision.patchSize) }
  /// Id that would stand for a video's places.
  public var videoToken: Int? { configuration.videoToken }
  /// An image stands between its marks.
  public var promptLayout: PromptLayout {
    .framed(start: configuration.marks.start, end: configuration.marks.end)
  }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let words = language.embed(input.ids), placed = placing(input, cache: cache)
    guard let images = input.images else { return language.hidden(words, placed, cache: cache, rows: rows) }
    let seen = tower(images.pixels, layout(of: images))
    let deep = LayerAdditions(rows: images.rows, features: seen.deep.map { images.placed($0) })
    return language.hidden(
      images.placing(seen.features, in: words), placed, cache: cache, rows: rows,
      adding: deep.features.isEmpty ? nil : deep)
  }

  /// Embeddings of images among the embeddings: `[F, H]`, the tokens of one image after those of another.
  public func features(of images: ImageInput) -> Tensor { tower(images.pixels, layout(of: images)).features }

  /// Where the images' patches lie.
  private func layout(of images: ImageInput) -> PatchLayout {
    PatchLayout(
      grids: images.grids.map { grid in
        guard let grid else { preconditionFailure("an image without patches") }
        return PatchLayout.Grid(rows: grid.rows, columns: grid.columns)
      }, merge: configuration.vision.merge)
  }

  /// The input with the positions of its tokens, which the cache is told how far they are from their number.
  private func placing(_ input: ModelInput, cache: KeyValueCache?) -> ModelInput {
    let batch = input.ids.size(0), length = input.ids.size(1), device = input.ids.device
    if Torch.hasFailed { return input }
    let shifts = cache?.positionShifts ?? [Int](repeating: 0, count: batch)
    var input = input
    func places() -> Tensor {
      input.positions(of: length, device: device) ?? .arange(from: cache?.length ?? 0, length, device)
    }
    guard let images = input.images else {
      if shifts.contains(where: { $0 != 0 }) {
        input.positions = places() + Tensor(shifts.map(Int64.init), shape: [batch, 1], device: device)
      }
      return input
    }
    let merge = configuration.vision.merge
    let grids = images.grids.map { (($0?.rows ?? 0) / merge, ($0?.columns ?? 0) / merge) }
    let positions = ImagePositions(
      images.runs, grids: grids, batch: batch, length: length, documents: input.documents, shifts: shifts)
    input.axisPositions = places() + Tensor(positions.offsets, shape: [3, batch, length], device: device)
    cache?.positionShifts = positions.shifts
    return input
  }

  /// The source under the names of this model, whichever layout it has.
  ///
  /// - Throws: `InputError` if the checkpoint has a tensor under two of these names.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    var seen = Set<String>()
    for name in source.names.map(ownName) where !seen.insert(name).inserted {
      throw InputError(
        path: source.path, place: "tensor \(name)", expected: "one name for it", found: "those of two layouts")
    }
    return try configuration.language.adapting(
      RenamedWeights(source, ownName), table: Self.decoder + "embed_tokens.weight", head: "lm_head.weight")
  }

  /// The name that published checkpoints have.
  public func storedName(_ name: String) -> String {
    guard hasOwnLayout else { return name }
    if name.hasPrefix(Self.decoder) { return "model." + name.dropFirst(Self.decoder.count) }
    return name.hasPrefix(Self.tower) ? String(name.dropFirst("model.".count)) : name
  }

  /// The name of this model for one of a checkpoint.
  private func ownName(_ name: String) -> String {
    guard hasOwnLayout, !name.hasPrefix(Self.decoder), !name.hasPrefix(Self.tower) else { return name }
    if name.hasPrefix("visual.") { return "model." + name }
    return name.hasPrefix("model.") ? Self.decoder + name.dropFirst("model.".count) : name
  }

  private static let decoder = "model.language_model.", tower = "model.visual."
}
