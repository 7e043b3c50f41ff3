// SPDX-License-Identifier: Apache-2.0
import MetricTokens
public import Torch
public import TorchNN

/// How images are drawn from a class-conditional model.
public struct ImageSamplingOptions: Sendable, Hashable, Codable {
  /// s of classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): codes are drawn from the scores
  /// `none + s · (class − none)`, where `none` are those without a class. 1 leaves the class's own scores, and saves
  /// half the work; 2 is what LlamaGen's tables were made with.
  public var guidance: Double
  /// How each code is chosen from the guided scores.
  public var sampling: Sampling
  /// Images made at once. Guidance reads twice as many sequences.
  public var batch: Int

  /// Memberwise.
  public init(guidance: Double = 2, sampling: Sampling = Sampling(), batch: Int = 64) {
    (self.guidance, self.sampling, self.batch) = (guidance, sampling, batch)
  }

  /// Fault of the settings; nil if nothing is.
  public var problem: String? {
    if !(guidance >= 0 && guidance.isFinite) { return "guidance: expected a number ≥ 0, found \(guidance)" }
    if batch < 1 { return "batch: expected at least 1, found \(batch)" }
    return sampling.problem
  }
}

/// Draws the codes of images, class by class, many at a time.
///
/// An image depends on its class, the seed and its stream alone; the others of its batch change only the rounding of
/// matrix products.
public struct ImageSampler {
  /// The model that is drawn from.
  public let model: any ClassConditionalModel

  /// A sampler for this model.
  public init(_ model: any ClassConditionalModel) { self.model = model }

  /// Draws one image for each class.
  ///
  /// - Parameters:
  ///   - classes: the class of each image; nil for none in particular.
  ///   - streams: names the random numbers of each image, so that it can be drawn again in other company; nil uses its
  ///     index.
  ///   - onBatch: called with the indices of each batch's images and their codes `[n, L]` (int64), L being
  ///     `ClassConditionalModel/codesPerImage`, row by row of the grid. What it throws ends everything.
  /// - Throws: `DecodingError` for settings or classes that cannot be used, before anything is computed, and
  ///   `.notFinite` where the model breaks down; `TorchError`, for instance if memory runs out.
  public func sample(
    _ classes: [Int?], _ options: ImageSamplingOptions = ImageSamplingOptions(), streams: [UInt64]? = nil,
    onBatch: (_ images: Range<Int>, _ codes: Tensor) throws -> Void
  ) throws {
    precondition(streams == nil || streams?.count == classes.count, "one stream per image")
    if let problem = options.problem { throw DecodingError.badSetting(problem) }
    if let bad = classes.first(where: { $0.map { !(0..<model.classes).contains($0) } ?? false }), let bad {
      throw DecodingError.badSetting("class: expected 0 ... \(model.classes - 1), found \(bad)")
    }
    try evaluating(model) {
      for start in stride(from: 0, to: classes.count, by: options.batch) {
        let images = start..<min(start + options.batch, classes.count)
        let streams = images.map { streams?[$0] ?? UInt64($0) }
        try onBatch(images, try codes(of: classes[images].map(token), options, streams, first: start))
      }
    }
  }

  /// Draws one image for each class; see ``sample(_:_:streams:onBatch:)``.
  ///
  /// - Returns: the codes of each image.
  public func sample(
    _ classes: [Int?], _ options: ImageSamplingOptions = ImageSamplingOptions(), streams: [UInt64]? = nil
  ) throws -> [[Int32]] {
    var drawn = [[Int32]]()
    try sample(classes, options, streams: streams) { images, codes in
      let flat = try codes.values(of: Int32.self), length = model.codesPerImage
      for row in 0..<images.count { drawn.append(Array(flat[row * length..<(row + 1) * length])) }
    }
    return drawn
  }

  private func token(_ index: Int?) -> Int32 { index.map(model.token(ofClass:)) ?? model.nullToken }

  /// One batch, code by code: `[n, L]`.
  private func codes(
    of tokens: [Int32], _ options: ImageSamplingOptions, _ streams: [UInt64], first: Int
  ) throws -> Tensor {
    let isGuided = options.guidance != 1, length = model.codesPerImage
    let prompts = isGuided ? tokens + tokens.map { _ in model.nullToken } : tokens
    let context = try ModelContext(model, prompts: prompts.map { [$0] }, room: length - 1)
    var codes = [Tensor](), best = [Tensor]()
    for step in 0..<length {
      var logits = context.logits()
      if isGuided {
        let parts = logits.chunk(2, 0)
        logits = parts[1] + (parts[0] - parts[1]) * options.guidance
      }
      let draws = streams.map { options.sampling.draw(stream: $0, step: step) }
      let ids = options.sampling.choose(logits, draws: draws)
      codes.append(ids)
      best.append(logits.max(-1))
      if step < length - 1 { context.read(isGuided ? .cat([ids, ids]) : ids) }
    }
    // Looked at once, so that no step waits for the device.
    let isFinite = try Tensor.stack(best).isFinite().values(of: Bool.self)
    if let bad = isFinite.firstIndex(of: false) {
      throw DecodingError.notFinite(index: first + bad % tokens.count, step: bad / tokens.count)
    }
    return .stack(codes, 1)
  }
}
