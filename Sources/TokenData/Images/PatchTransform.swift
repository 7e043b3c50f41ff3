// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

/// Qwen2-VL's way from an image to what its tower reads, that of Qwen2.5-VL and Qwen3-VL too: both sides to whole squares
/// of patches, the area within bounds, then every patch by itself.
///
///     both sides → the nearest multiple of patch · merge → (area within least … most) → rescale → normalise → patches
///
/// Patches lie square after square, row by row within one. The steps, and their rounding, are those of transformers'
/// `Qwen2VLImageProcessor` on Pillow; there every patch is repeated for each image of a video that it spans, which the
/// model does here.
public struct PatchTransform: Sendable, Hashable, Codable {
  /// Pixels along a side of a patch.
  public var patch: Int
  /// Patches along a side of the squares that become one token each.
  public var merge: Int
  /// Pixels that an image has at least (`size.shortest_edge`, in older folders `min_pixels`).
  public var least: Int
  /// Pixels that it has at most (`size.longest_edge`, `max_pixels`).
  public var most: Int
  /// How pixels are made up.
  public var filter: PixelImage.ResamplingFilter
  /// Subtracted from each channel of 0 ... 1.
  public var mean: [Double]
  /// Divides each channel after that.
  public var deviation: [Double]
  /// Length of an image, as many times its width, beyond which it is refused.
  private static let longest = 200.0

  /// Memberwise; the colours' means and deviations are CLIP's.
  public init(
    patch: Int = 14, merge: Int = 2, least: Int = 56 * 56, most: Int = 28 * 28 * 1280,
    filter: PixelImage.ResamplingFilter = .bicubic, mean: [Double] = ImagePreparation.clip.mean,
    deviation: [Double] = ImagePreparation.clip.deviation
  ) {
    (self.patch, self.merge, self.least, self.most) = (patch, merge, least, most)
    (self.filter, self.mean, self.deviation) = (filter, mean, deviation)
  }

  /// Height and width that an image of this size is brought to: transformers' `smart_resize`.
  ///
  /// - Throws: `InputError` for an image more than 200 times as long as it is wide.
  public func size(height: Int, width: Int, path: String) throws(InputError) -> (height: Int, width: Int) {
    guard Double(max(height, width)) / Double(min(height, width)) <= Self.longest else {
      throw InputError(
        path: path, expected: "an image at most 200 times as long as it is wide", found: "\(width) x \(height)",
        remedy: "Cut it into parts.")
    }
    let factor = patch * merge
    /// Whole squares of a side, at another scale; the operations in the order of the original.
    func side(_ length: Double, _ rule: FloatingPointRoundingRule) -> Int {
      Int((length / Double(factor)).rounded(rule)) * factor  // bounded: 200 times the square root of the area
    }
    let near = (side(Double(height), .toNearestOrEven), side(Double(width), .toNearestOrEven))
    if near.0 * near.1 > most {
      let shrink = (Double(height * width) / Double(most)).squareRoot()
      return (
        max(factor, side(Double(height) / shrink, .down)), max(factor, side(Double(width) / shrink, .down))
      )
    }
    if near.0 * near.1 < least {
      let grow = (Double(least) / Double(height * width)).squareRoot()
      return (side(Double(height) * grow, .up), side(Double(width) * grow, .up))
    }
    return near
  }

  /// Rows and columns of patches of an image of this size.
  ///
  /// - Throws: as above.
  public func grid(height: Int, width: Int, path: String) throws(InputError) -> PreparedImage.Grid {
    let size = try size(height: height, width: width, path: path)
    return PreparedImage.Grid(rows: size.height / patch, columns: size.width / patch, hasWhole: false)
  }

  /// Tokens of an image with these patches.
  public func tokens(of grid: PreparedImage.Grid) -> Int { grid.rows * grid.columns / (merge * merge) }

  /// The image, prepared.
  ///
  /// - Throws: as above.
  public func prepare(_ image: PixelImage, path: String) throws(InputError) -> PreparedImage {
    let size = try size(height: image.height, width: image.width, path: path)
    let grid = try grid(height: image.height, width: image.width, path: path)
    let image = image.converted(channels: 3).resized(width: size.width, height: size.height, filter: filter)
    let tables: [[Float]] = zip(mean, deviation).map { mean, deviation in
      (0..<256).map { byte -> Float in (Float(Double(byte) / 255) - Float(mean)) / Float(deviation) }
    }
    var values = [Float]()
    values.reserveCapacity(3 * size.height * size.width)
    let across = grid.columns / merge
    for place in 0..<grid.rows * grid.columns {
      let square = place / (merge * merge), within = place % (merge * merge)
      let top = (square / across * merge + within / merge) * patch
      let left = (square % across * merge + within % merge) * patch
      for (channel, table) in tables.enumerated() {
        for row in top..<top + patch {
          let start = (row * size.width + left) * 3 + channel
          for column in 0..<patch { values.append(table[Int(image.bytes[start + 3 * column])]) }
        }
      }
    }
    return PreparedImage(channels: 3, height: patch, width: patch, grid: grid, values: values)
  }
}

extension PatchTransform {
  /// Reads `preprocessor_config.json` of a Qwen2.5-VL or Qwen3-VL folder, with the defaults of transformers.
  ///
  /// - Parameter frames: images of a video that the model's patches span.
  /// - Throws: `InputError` naming file and key for another processor, a value out of range, and a step left out.
  public init(_ config: JSONReader, frames: Int) throws(InputError) {
    let type = try config.at("image_processor_type")
    guard try type.string().hasPrefix("Qwen2VLImageProcessor") else {
      throw type.error(expected: "Qwen2VLImageProcessor")
    }
    for key in ["do_resize", "do_rescale", "do_normalize", "do_convert_rgb"] {
      guard let step = try config.ifPresent(key), try !step.bool() else { continue }
      throw step.error(expected: "true, the only value supported")
    }
    if let factor = try config.ifPresent("rescale_factor"), abs(try factor.double() * 255 - 1) > 1e-9 {
      throw factor.error(expected: "1/255, the only value supported")
    }
    func number(_ key: String, default usual: Int, limit: Int) throws(InputError) -> Int {
      guard let value = try config.ifPresent(key) else { return usual }
      let number = try value.int()
      guard (1...limit).contains(number) else { throw value.error(expected: "a whole number of 1 ... \(limit)") }
      return number
    }
    self.init(
      patch: try number("patch_size", default: 14, limit: 1 << 10),
      merge: try number("merge_size", default: 2, limit: 1 << 6))
    let spanned = try number("temporal_patch_size", default: 2, limit: 16)
    guard spanned == frames else {
      throw config.child("temporal_patch_size", .int(spanned)).error(
        expected: "\(frames), as the vision tower of config.json has it", found: "\(spanned)")
    }
    (least, most) = try Self.bounds(config, least: least, most: most)
    filter = try ImagePreparation.filter(config.ifPresent("resample"))
    mean = try ImagePreparation.channels(config.ifPresent("image_mean")) ?? mean
    deviation = try ImagePreparation.channels(config.ifPresent("image_std")) ?? deviation
    if deviation.contains(0) { throw try config.at("image_std").error(expected: "numbers other than 0") }
  }

  /// `min_pixels` and `max_pixels`, which win, or those of `size`.
  private static func bounds(_ config: JSONReader, least: Int, most: Int) throws(InputError) -> (Int, Int) {
    let size = try config.ifPresent("size")
    func bound(_ old: String, _ key: String, _ usual: Int) throws(InputError) -> JSONReader {
      if let value = try config.ifPresent(old) { return value }
      return try size?.at(key) ?? config.child(old, .int(usual))
    }
    let low = try bound("min_pixels", "shortest_edge", least), high = try bound("max_pixels", "longest_edge", most)
    for value in [low, high] where !(1...PixelImage.pixelLimit).contains(try value.int()) {
      throw value.error(expected: "a number of pixels of 1 ... \(PixelImage.pixelLimit)")
    }
    guard try low.int() <= high.int() else {
      throw high.error(expected: "at least \(try low.int()), the pixels that an image has at least")
    }
    return (try low.int(), try high.int())
  }
}
