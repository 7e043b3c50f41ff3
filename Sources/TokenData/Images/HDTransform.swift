// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

/// Phi-3-Vision's way from an image to what its tower reads: a view of the whole, and views of parts that show it
/// larger.
///
///     lay on its side → resize → pad with white to whole parts → lay back → rescale → normalise → (whole, part 1, part 2, …)
///
/// As many parts stand side by side along the longer side as fit into ``crops`` in all (the HD transform of
/// InternLM-XComposer2-4KHD, Dong et al. 2024, arXiv 2404.06512). The steps, and their rounding, are those of the
/// processor that Phi-3.5-vision comes with, on Pillow and torch; alpha is ``PixelImage``'s to judge.
public struct HDTransform: Sendable, Hashable {
  /// Rows, and pixels of a row, of a view.
  public var side: Int
  /// The most parts of an image (`num_crops`).
  public var crops: Int
  /// Tokens along a view's side: the root of `num_img_tokens`.
  public var tokenSide: Int
  /// Subtracted from each channel of 0 ... 1.
  public var mean: [Double]
  /// Divides each channel after that.
  public var deviation: [Double]

  /// Memberwise; the colours' means and deviations are CLIP's.
  public init(
    side: Int, crops: Int, tokenSide: Int, mean: [Double] = ImagePreparation.clip.mean,
    deviation: [Double] = ImagePreparation.clip.deviation
  ) {
    (self.side, self.crops, self.tokenSide, self.mean, self.deviation) = (side, crops, tokenSide, mean, deviation)
  }

  /// The parts of an image of this size.
  ///
  /// - Throws: `InputError` for one so long and thin that nothing of it would be left.
  public func grid(height: Int, width: Int, path: String) throws(InputError) -> PreparedImage.Grid {
    try Layout(self, height: height, width: width, path: path).grid
  }

  /// Tokens that stand for an image of these parts: one for each four patches, one at the end of each row of them, and
  /// one between the parts and the whole.
  public func tokens(of grid: PreparedImage.Grid) -> Int {
    (grid.rows * grid.columns + 1) * tokenSide * tokenSide + 1 + (grid.rows + 1) * tokenSide
  }

  /// The image, prepared.
  ///
  /// - Parameter path: what errors call it.
  /// - Throws: as ``grid(height:width:path:)``.
  public func prepare(_ image: PixelImage, path: String) throws(InputError) -> PreparedImage {
    let layout = try Layout(self, height: image.height, width: image.width, path: path)
    let image = layout.padded(image.converted(channels: 3))
    // What each byte comes to, by channel; float32 as torchvision computes it.
    let tables = (0..<3).map { channel in
      (0..<256).map { (Float($0) / 255 - Float(mean[channel])) / Float(deviation[channel]) }
    }
    var values = [Float]()
    values.reserveCapacity((1 + layout.grid.rows * layout.grid.columns) * 3 * side * side)
    for table in tables.indices { values += whole(image, channel: table, tables[table]) }
    for row in 0..<layout.grid.rows {
      for column in 0..<layout.grid.columns {
        for table in tables.indices {
          values += part(image, top: row * side, left: column * side, channel: table, tables[table])
        }
      }
    }
    return PreparedImage(channels: 3, height: side, width: side, grid: layout.grid, values: values)
  }

  /// One channel of a part, `[side, side]`.
  private func part(_ image: PixelImage, top: Int, left: Int, channel: Int, _ table: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: side * side) { values, written in
      for row in 0..<side {
        let source = ((top + row) * image.width + left) * 3 + channel
        for column in 0..<side { values[row * side + column] = table[Int(image.bytes[source + 3 * column])] }
      }
      written = side * side
    }
  }

  /// One channel of the whole, `[side, side]`: torch's `interpolate(mode="bicubic")` of the normalised values, which
  /// does not mix more pixels where it shrinks.
  private func whole(_ image: PixelImage, channel: Int, _ table: [Float]) -> [Float] {
    let down = CubicTaps(from: image.height, to: side), across = CubicTaps(from: image.width, to: side)
    return [Float](unsafeUninitializedCapacity: side * side) { values, written in
      for row in 0..<side {
        for column in 0..<side {
          var sum: Float = 0
          for (y, yShare) in down[row] {
            var line: Float = 0
            for (x, xShare) in across[column] {
              line += xShare * table[Int(image.bytes[(y * image.width + x) * 3 + channel])]
            }
            sum += yShare * line
          }
          values[row * side + column] = sum
        }
      }
      written = side * side
    }
  }
}

extension HDTransform {
  /// Reads `preprocessor_config.json` of a Phi-3-Vision folder, with the defaults of its processor.
  ///
  /// - Parameter side: that of the views, which the file does not state: what the tower reads.
  /// - Throws: `InputError` naming file and key for another processor, a value out of range, and a step left out.
  public init(_ config: JSONReader, side: Int) throws(InputError) {
    let type = try config.at("image_processor_type")
    guard try type.string() == "Phi3VImageProcessor" else { throw type.error(expected: "Phi3VImageProcessor") }
    for key in ["do_resize", "do_rescale", "do_normalize", "do_convert_rgb"] {
      guard let step = try config.ifPresent(key), try !step.bool() else { continue }
      throw step.error(expected: "true, the only value supported")
    }
    let crops = try config.ifPresent("num_crops"), tokens = try config.ifPresent("num_img_tokens")
    self.init(side: side, crops: try crops?.int() ?? 1, tokenSide: 12)
    if let crops, !(1...64).contains(self.crops) { throw crops.error(expected: "a number of 1 ... 64") }
    if let tokens {
      let count = try tokens.int()
      guard let root = (1...128).first(where: { $0 * $0 == count }) else {
        throw tokens.error(expected: "a square of at most \(128 * 128)")
      }
      tokenSide = root
    }
    mean = try ImagePreparation.channels(config.ifPresent("image_mean")) ?? mean
    deviation = try ImagePreparation.channels(config.ifPresent("image_std")) ?? deviation
    if deviation.contains(0) { throw try config.at("image_std").error(expected: "numbers other than 0") }
  }
}

/// Layout of an image of some size.
private struct Layout {
  private let side: Int
  /// Whether it stands upright and is laid on its side first.
  private let isUpright: Bool
  /// Sides after the resize, lying.
  private let width: Int, height: Int
  /// The parts, as the image stands.
  let grid: PreparedImage.Grid

  init(_ transform: HDTransform, height: Int, width: Int, path: String) throws(InputError) {
    side = transform.side
    isUpright = width < height
    let ratio = Double(max(width, height)) / Double(min(width, height))
    var scale = 1
    while Double(scale + 1) * (Double(scale + 1) / ratio).rounded(.up) <= Double(transform.crops) { scale += 1 }
    (self.width, self.height) = (scale * side, Int(Double(scale * side) / ratio))
    guard self.height > 0 else {
      throw InputError(
        path: path, expected: "an image at most \(scale * side) times as long as it is wide",
        found: "\(width) x \(height)", remedy: "Cut it into parts.")
    }
    let across = (self.height + side - 1) / side
    grid = isUpright ? .init(rows: scale, columns: across) : .init(rows: across, columns: scale)
  }

  /// The image at its new size with white above and below (left and right, if it is upright), as high as whole parts.
  func padded(_ image: PixelImage) -> PixelImage {
    let lying = isUpright ? image.transposed : image
    let resized = lying.resized(width: width, height: height, filter: .bilinear)
    let full = (height + side - 1) / side * side, top = (full - height) / 2
    var bytes = [UInt8](repeating: 255, count: full * width * 3)
    bytes.replaceSubrange(top * width * 3..<(top + height) * width * 3, with: resized.bytes)
    let padded = PixelImage(width: width, height: full, channels: 3, bytes: bytes)
    return isUpright ? padded.transposed : padded
  }
}

/// For each pixel of a side, the four old ones that it is made of: Keys's cubic of a = −3/4, pixels of the edge
/// repeated.
private struct CubicTaps {
  private let taps: [[(index: Int, share: Float)]]

  init(from old: Int, to new: Int) {
    let scale = Double(old) / Double(new)
    taps = (0..<new).map { index in
      let centre = (Double(index) + 0.5) * scale - 0.5, first = centre.rounded(.down)
      return (-1...2).map { step in
        let place = first + Double(step)
        return (min(max(Int(place), 0), old - 1), Float(Self.weight(abs(place - centre))))
      }
    }
  }

  subscript(pixel: Int) -> [(index: Int, share: Float)] { taps[pixel] }

  private static func weight(_ x: Double) -> Double {
    let a = -0.75
    return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
  }
}
