// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

/// LLaVA-OneVision's way from an image to what its tower reads: of an image alone a view of the whole, and views of parts
/// that show it larger; of each of several images one view, made square.
///
///     resize into the best of ``sizes`` → pad with black → (whole, part 1, part 2, …) → rescale → normalise
///
/// The steps, and their rounding, are those of transformers' `LlavaOnevisionImageProcessor` on Pillow, the number of
/// tokens that of `LlavaOnevisionProcessor`; alpha is ``PixelImage``'s to judge.
public struct AnyResolution: Sendable, Hashable {
  /// Rows, and pixels of a row, of a view.
  public var side: Int
  /// Heights and widths that an image may be brought to, multiples of ``side``.
  public var sizes: [PreparedImage.Grid]
  /// Tokens along a side of a view.
  public var tokenSide: Int
  /// Of more tokens than so many views have, those of an image's parts are scaled down.
  public var most: Int
  /// How pixels are made up.
  public var filter: PixelImage.ResamplingFilter
  /// Subtracted from each channel of 0 ... 1.
  public var mean: [Double]
  /// Divides each channel after that.
  public var deviation: [Double]

  /// Memberwise; the colours' means and deviations are CLIP's.
  ///
  /// - Parameter sizes: heights and widths in pixels.
  public init(
    side: Int, sizes: [[Int]], tokenSide: Int, most: Int = 9, filter: PixelImage.ResamplingFilter = .bicubic,
    mean: [Double] = ImagePreparation.clip.mean, deviation: [Double] = ImagePreparation.clip.deviation
  ) {
    self.sizes = sizes.map { PreparedImage.Grid(rows: $0[0], columns: $0[1]) }
    (self.side, self.tokenSide, self.most, self.filter) = (side, tokenSide, most, filter)
    (self.mean, self.deviation) = (mean, deviation)
  }

  /// Tokens of each of several images: those of its view, and one more.
  public var tokensAmongOthers: Int { tokenSide * tokenSide + 1 }

  /// Tokens of an image alone.
  ///
  /// - Throws: `InputError` for one so long and thin that nothing of its parts would be left.
  public func tokens(height: Int, width: Int, path: String) throws(InputError) -> Int {
    let shown = try area(height: height, width: width, path: path).shown
    return tokenSide * tokenSide + shown.rows * (shown.columns + 1)
  }

  /// The image alone, prepared.
  ///
  /// - Parameter path: what errors call it.
  /// - Throws: as ``tokens(height:width:path:)``.
  public func prepare(_ image: PixelImage, path: String) throws(InputError) -> PreparedImage {
    let image = image.converted(channels: 3), size = best(height: image.height, width: image.width)
    let area = try area(height: image.height, width: image.width, path: path)
    let resized = fitting(height: image.height, width: image.width, into: size)
    let canvas = image.resized(width: resized.columns, height: resized.rows, filter: filter)
      .onBlack(width: size.columns, height: size.rows)
    let grid = PreparedImage.Grid(rows: size.rows / side, columns: size.columns / side)
    let parts = (0..<grid.rows).flatMap { row in
      (0..<grid.columns).map { column in
        canvas.cropped(left: column * side, top: row * side, width: side, height: side)
      }
    }
    let whole = image.resized(width: side, height: side, filter: filter)
    return PreparedImage(
      channels: 3, height: side, width: side, grid: grid, area: area, values: normalised([whole] + parts))
  }

  /// One of several images, prepared: bands of the mean colour make it square.
  ///
  /// - Parameter path: what errors call it.
  /// - Throws: `InputError` for an image so long and thin that its square would be too large.
  public func prepareAmongOthers(_ image: PixelImage, path: String) throws(InputError) -> PreparedImage {
    let longest = max(image.width, image.height)
    try PixelImage.check(width: longest, height: longest, path: path, pixelLimit: PixelImage.pixelLimit)
    let square = image.converted(channels: 3).paddedToSquare(colour: mean.map { UInt8(min(max($0 * 255, 0), 255)) })
    let view = square.resized(width: side, height: side, filter: filter)
    return PreparedImage(channels: 3, height: side, width: side, values: normalised([view]))
  }

  /// Views, channels first, one after another.
  private func normalised(_ views: [PixelImage]) -> [Float] {
    let tables: [[Float]] = zip(mean, deviation).map { mean, deviation in
      (0..<256).map { byte -> Float in (Float(Double(byte) / 255) - Float(mean)) / Float(deviation) }
    }
    var values = [Float]()
    values.reserveCapacity(views.count * 3 * side * side)
    for view in views {
      for (channel, table) in tables.enumerated() {
        for pixel in 0..<side * side { values.append(table[Int(view.bytes[3 * pixel + channel])]) }
      }
    }
    return values
  }

  /// The size that shows most of an image, and of these the one with the least padding.
  private func best(height: Int, width: Int) -> PreparedImage.Grid {
    var best = sizes[0], most = 0, least = Int.max
    for size in sizes {
      let scale = min(Double(size.columns) / Double(width), Double(size.rows) / Double(height))
      let (across, down) = (Double(width) * scale, Double(height) * scale)
      let shown = min(Int(across) * Int(down), width * height)  // bounded: at most the size
      let wasted = size.rows * size.columns - shown
      if shown > most || (shown == most && wasted < least) { (best, most, least) = (size, shown, wasted) }
    }
    return best
  }

  /// Sides of an image that is brought into a size as it is shaped.
  private func fitting(height: Int, width: Int, into size: PreparedImage.Grid) -> PreparedImage.Grid {
    let across = Double(size.columns) / Double(width), down = Double(size.rows) / Double(height)
    func side(_ length: Double, _ limit: Int) -> Int {
      min(Int(length.rounded(.up)), limit)  // bounded: little more than `limit`
    }
    return across < down
      ? PreparedImage.Grid(rows: side(Double(height) * across, size.rows), columns: size.columns)
      : PreparedImage.Grid(rows: size.rows, columns: side(Double(width) * down, size.columns))
  }

  /// What of the tokens of an image's parts is kept, and what it is scaled to.
  private func area(height: Int, width: Int, path: String) throws(InputError) -> PreparedImage.Area {
    let size = best(height: height, width: width)
    var rows = size.rows / side * tokenSide, columns = size.columns / side * tokenSide
    func whole(_ length: Double) -> Int {
      Int((length * 1e7).rounded(.toNearestOrEven) / 1e7)  // bounded: at most `rows` or `columns`
    }
    if Double(width) / Double(height) > Double(columns) / Double(rows) {
      rows -= (rows - whole(Double(height) * (Double(columns) / Double(width)))) / 2 * 2
    } else {
      columns -= (columns - whole(Double(width) * (Double(rows) / Double(height)))) / 2 * 2
    }
    let ratio = (Double(rows * columns) / Double(most * tokenSide * tokenSide)).squareRoot()
    func scaled(_ length: Int) -> Int { ratio > 1.1 ? length.dividedDown(by: ratio) : length }
    let kept = PreparedImage.Grid(rows: rows, columns: columns)
    let shown = PreparedImage.Grid(rows: scaled(rows), columns: scaled(columns))
    guard shown.rows > 0, shown.columns > 0 else {
      throw InputError(
        path: path, expected: "an image less long and thin, of which more than padding is left",
        found: "\(width) x \(height)", remedy: "Cut it into parts.")
    }
    return PreparedImage.Area(kept: kept, shown: shown)
  }
}

extension AnyResolution {
  /// Reads `preprocessor_config.json` of a LLaVA-OneVision folder, with the defaults of transformers.
  ///
  /// - Parameters:
  ///   - tokenSide: tokens along a side of a view, which the tower decides.
  ///   - most: of how many views' tokens an image has at most, as `config.json` states it.
  ///   - usual: the sizes where the file states none, those of `config.json`.
  /// - Throws: `InputError` naming file and key for another processor, a value out of range, and a step left out.
  public init(_ config: JSONReader, tokenSide: Int, most: Int, sizes usual: [[Int]]) throws(InputError) {
    let type = try config.at("image_processor_type")
    guard try type.string().hasPrefix("LlavaOnevisionImageProcessor") else {
      throw type.error(expected: "LlavaOnevisionImageProcessor")
    }
    try ImagePreparation.requireAllSteps(config)
    if let crop = try config.ifPresent("do_center_crop"), try crop.bool() {
      throw crop.error(expected: "false, the only value supported")
    }
    var side = 384
    if let size = try config.ifPresent("size") {
      side = try size.at("height").int()
      guard try size.at("width").int() == side, (1...1 << 13).contains(side) else {
        throw size.error(expected: "equal height and width of 1 ... \(1 << 13)")
      }
    }
    if let own = try config.ifPresent("image_grid_pinpoints") { try Self.check(own, usual) }
    self.init(side: side, sizes: usual, tokenSide: tokenSide, most: most)
    filter = try ImagePreparation.filter(config.ifPresent("resample"))
    mean = try ImagePreparation.channels(config.ifPresent("image_mean")) ?? mean
    deviation = try ImagePreparation.channels(config.ifPresent("image_std")) ?? deviation
    if deviation.contains(0) { throw try config.at("image_std").error(expected: "numbers other than 0") }
  }

  /// The model lays features out by the sizes of `config.json`.
  private static func check(_ sizes: JSONReader, _ usual: [[Int]]) throws(InputError) {
    let elements = try sizes.elements()
    guard elements.count == usual.count else {
      throw sizes.error(expected: "those of config.json, \(usual.count)", found: "\(elements.count)")
    }
    for (element, usual) in zip(elements, usual) {
      guard element.value == .array(usual.map { .int($0) }) else {
        throw element.error(
          expected: "\(usual), as config.json has it in this place", found: element.value.text())
      }
    }
  }
}

extension ImagePreparation {
  /// Throws unless an image is resized, rescaled by 1/255 and normalised as RGB.
  static func requireAllSteps(_ config: JSONReader) throws(InputError) {
    for key in ["do_resize", "do_rescale", "do_normalize", "do_convert_rgb", "do_pad"] {
      guard let step = try config.ifPresent(key), try !step.bool() else { continue }
      throw step.error(expected: "true, the only value supported")
    }
    if let factor = try config.ifPresent("rescale_factor"), abs(try factor.double() * 255 - 1) > 1e-9 {
      throw factor.error(expected: "1/255, the only value supported")
    }
  }
}

extension PixelImage {
  /// The image in the middle of a black one; of an odd rest the larger half is to the right and below.
  fileprivate func onBlack(width: Int, height: Int) -> PixelImage {
    if (width, height) == (self.width, self.height) { return self }
    let left = (width - self.width) / 2, top = (height - self.height) / 2, line = self.width * channels
    var pixels = [UInt8](repeating: 0, count: width * height * channels)
    for row in 0..<self.height {
      let target = ((top + row) * width + left) * channels
      pixels.replaceSubrange(target..<target + line, with: bytes[row * line..<(row + 1) * line])
    }
    return PixelImage(width: width, height: height, channels: channels, bytes: pixels)
  }
}

extension Int {
  /// Whole times that a number goes into this one, without the rounding of a division.
  fileprivate func dividedDown(by divisor: Double) -> Int {
    let value = Double(self), quotient = (value - value.truncatingRemainder(dividingBy: divisor)) / divisor
    return Int(quotient.rounded())  // bounded: at most this number, as the divisor is above 1
  }
}
