// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

/// Idefics3's and SmolVLM's way from an image to what their tower reads: views of parts that show it larger, and last a
/// view of the whole.
///
///     longest side → ``longest`` → both sides up to whole parts → (part 1, part 2, …, whole) → rescale → normalise
///
/// The steps, and their rounding, are those of transformers' `SmolVLMImageProcessor` on Pillow; alpha is ``PixelImage``'s
/// to judge.
public struct TileTransform: Sendable, Hashable {
  /// Rows, and pixels of a row, of a view (`max_image_size`).
  public var side: Int
  /// The longest side before an image is cut into parts (`size.longest_edge`).
  public var longest: Int
  /// Whether it is cut; else there is one view, of the whole.
  public var splits: Bool
  /// How pixels are made up.
  public var filter: PixelImage.ResamplingFilter
  /// Subtracted from each channel of 0 ... 1.
  public var mean: [Double]
  /// Divides each channel after that.
  public var deviation: [Double]
  /// The longest side of all, whatever ``longest`` says.
  private static let limit = 4096

  /// Memberwise; the colours' means and deviations are SigLIP's.
  public init(
    side: Int, longest: Int, splits: Bool = true, filter: PixelImage.ResamplingFilter = .lanczos,
    mean: [Double] = ImagePreparation.siglip.mean, deviation: [Double] = ImagePreparation.siglip.deviation
  ) {
    (self.side, self.longest, self.splits, self.filter) = (side, longest, splits, filter)
    (self.mean, self.deviation) = (mean, deviation)
  }

  /// Rows and columns of parts that no image has more of.
  public var largestGrid: Int { (min(longest + longest % 2, Self.limit) + side - 1) / side }

  /// The parts of an image of this size; nil: the view of the whole is the only one.
  public func grid(height: Int, width: Int) -> PreparedImage.Grid? {
    let last = sizes(height: height, width: width).last
    guard splits, let last, last.height > side || last.width > side else { return nil }
    return PreparedImage.Grid(rows: last.height / side, columns: last.width / side)
  }

  /// The image, prepared.
  public func prepare(_ image: PixelImage) -> PreparedImage {
    var image = image.converted(channels: 3)
    let grid = grid(height: image.height, width: image.width)
    for size in sizes(height: image.height, width: image.width) {
      image = image.resized(width: size.width, height: size.height, filter: filter)
    }
    let parts = (0..<(grid?.rows ?? 0)).flatMap { row in
      (0..<(grid?.columns ?? 0)).map { column in
        image.cropped(left: column * side, top: row * side, width: side, height: side)
      }
    }
    let whole =
      image.width == side && image.height == side ? image : image.resized(width: side, height: side, filter: filter)
    let tables: [[Float]] = zip(mean, deviation).map { mean, deviation in
      (0..<256).map { byte -> Float in (Float(Double(byte) / 255) - Float(mean)) / Float(deviation) }
    }
    var values = [Float]()
    values.reserveCapacity((parts.count + 1) * 3 * side * side)
    for view in parts + [whole] {
      for (channel, table) in tables.enumerated() {
        for pixel in 0..<side * side { values.append(table[Int(view.bytes[3 * pixel + channel])]) }
      }
    }
    return PreparedImage(channels: 3, height: side, width: side, grid: grid, values: values)
  }

  /// The sizes that an image is brought to, one after the other, before it is cut.
  private func sizes(height: Int, width: Int) -> [(height: Int, width: Int)] {
    let first = bounded(scaled(height: height, width: width))
    guard splits else { return [first] }
    return [first, whole(first)]
  }

  /// The longer side at ``longest``, up as well as down; the other one follows, up to an even number.
  private func scaled(height: Int, width: Int) -> (height: Int, width: Int) {
    let ratio = Double(width) / Double(height), long = longest
    func even(_ side: Double) -> Int {
      let whole = Int(side)  // bounded: at most `longest`
      return max(1, whole + whole % 2)
    }
    return width >= height
      ? (even(Double(long) / ratio), max(1, long)) : (max(1, long), even(Double(long) * ratio))
  }

  private func bounded(_ size: (height: Int, width: Int)) -> (height: Int, width: Int) {
    let ratio = Double(size.width) / Double(size.height)
    if size.width >= size.height, size.width > Self.limit {
      return (max(1, Int(Double(Self.limit) / ratio)), Self.limit)  // bounded: at most `limit`
    }
    if size.height > size.width, size.height > Self.limit {
      return (Self.limit, max(1, Int(Double(Self.limit) * ratio)))  // bounded: at most `limit`
    }
    return size
  }

  /// Both sides up to whole parts: first the longer one, which the other follows.
  private func whole(_ size: (height: Int, width: Int)) -> (height: Int, width: Int) {
    let ratio = Double(size.width) / Double(size.height)
    func up(_ length: Int) -> Int { (length + side - 1) / side * side }
    if size.width >= size.height {
      let width = up(size.width)
      return (up(max(1, Int(Double(width) / ratio))), width)  // bounded: at most `width`
    }
    let height = up(size.height)
    return (height, up(max(1, Int(Double(height) * ratio))))  // bounded: at most `height`
  }
}

extension TileTransform {
  /// Reads `preprocessor_config.json` of an Idefics3 or SmolVLM folder, with the defaults of transformers.
  ///
  /// - Throws: `InputError` naming file and key for another processor, a value out of range, and a step left out.
  public init(_ config: JSONReader) throws(InputError) {
    let type = try config.at("image_processor_type"), name = try type.string()
    guard ["SmolVLMImageProcessor", "Idefics3ImageProcessor"].contains(where: name.hasPrefix) else {
      throw type.error(expected: "SmolVLMImageProcessor or Idefics3ImageProcessor")
    }
    try ImagePreparation.requireAllSteps(config)
    func edge(_ key: String, default usual: Int) throws(InputError) -> Int {
      guard let size = try config.ifPresent(key) else { return usual }
      let longest = try size.at("longest_edge"), edge = try longest.int()
      guard (1...1 << 13).contains(edge) else { throw longest.error(expected: "a side of 1 ... \(1 << 13) pixels") }
      return edge
    }
    self.init(side: try edge("max_image_size", default: 364), longest: try edge("size", default: 4 * 364))
    splits = try config.ifPresent("do_image_splitting")?.bool() ?? true
    filter = try ImagePreparation.filter(config.ifPresent("resample"), default: .lanczos)
    mean = try ImagePreparation.channels(config.ifPresent("image_mean")) ?? mean
    deviation = try ImagePreparation.channels(config.ifPresent("image_std")) ?? deviation
    if deviation.contains(0) { throw try config.at("image_std").error(expected: "numbers other than 0") }
    if splits, largestGrid > 64 {
      throw config.child("size", .object(JSONObject())).error(
        expected: "a longest_edge of at most 64 times max_image_size", found: "\(longest) and \(side)")
    }
  }
}
