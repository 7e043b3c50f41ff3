// SPDX-License-Identifier: Apache-2.0
public import Files

/// An image of 8 bits a channel: gray or RGB, nothing else.
///
/// What files hold besides is brought to this form as they are read:
/// - transparent pixels are laid over white, in the values as stored: c·a + 255·(1 − a);
/// - 16 bits become 8, each value v the nearest to v / 257; palettes become RGB, one bit becomes 0 or 255;
/// - embedded colour profiles and EXIF's orientation are not looked at. A PNG's own gamma (gAMA) is, by libpng.
public struct PixelImage: Sendable, Hashable {
  /// Pixels of a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// 1 for gray, 3 for RGB.
  public let channels: Int
  /// The values in row-major order, the channels of a pixel together.
  public let bytes: [UInt8]

  /// The most pixels that a file may hold unless the reader says otherwise: 2²⁶, some 8,000 x 8,000.
  public static let pixelLimit = 1 << 26

  /// An image of these values, `height` x `width` x `channels` of them.
  public init(width: Int, height: Int, channels: Int, bytes: [UInt8]) {
    precondition(width > 0 && height > 0 && (channels == 1 || channels == 3), "\(width) x \(height) x \(channels)")
    precondition(
      bytes.count == width * height * channels, "\(bytes.count) bytes for \(width) x \(height) x \(channels)")
    (self.width, self.height, self.channels, self.bytes) = (width, height, channels, bytes)
  }

  /// Reads a PNG or JPEG file, whichever its first bytes say it is.
  ///
  /// - Parameter pixelLimit: the most pixels; a larger image is refused before memory is taken for it.
  /// - Throws: `InputError` if it is neither, damaged, cut off or too large.
  public init(file path: String, pixelLimit: Int = Self.pixelLimit) throws(InputError) {
    let bytes = try fileBytes(path, limit: 1 << 28)
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      try self.init(png: bytes, path: path, pixelLimit: pixelLimit)
    } else if bytes.starts(with: [0xFF, 0xD8]) {
      try self.init(jpeg: bytes, path: path, pixelLimit: pixelLimit)
    } else {
      throw InputError(
        path: path, expected: "a PNG or JPEG image", found: bytes.isEmpty ? "0 bytes" : "other first bytes",
        remedy: "Convert it to PNG.")
    }
  }

  /// The same image with 1 or 3 channels: gray is repeated; of colours the luma of ITU-R 601 is taken, with the
  /// rounding of Pillow's `convert("L")`.
  public func converted(channels wanted: Int) -> PixelImage {
    precondition(wanted == 1 || wanted == 3, "\(wanted) channels")
    if wanted == channels { return self }
    let count = width * height
    let values = [UInt8](unsafeUninitializedCapacity: count * wanted) { buffer, written in
      for pixel in 0..<count {
        if wanted == 3 {
          for channel in 0..<3 { buffer[3 * pixel + channel] = bytes[pixel] }
        } else {
          let (red, green, blue) = (Int(bytes[3 * pixel]), Int(bytes[3 * pixel + 1]), Int(bytes[3 * pixel + 2]))
          buffer[pixel] = UInt8((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16)
        }
      }
      written = count * wanted
    }
    return PixelImage(width: width, height: height, channels: wanted, bytes: values)
  }

  /// Throws unless a file's sides are within the limit.
  static func check(
    width: Int, height: Int, path: String, pixelLimit: Int
  ) throws(InputError) {
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard width > 0, height > 0, !overflow, pixels <= pixelLimit else {
      throw InputError(
        path: path, expected: "an image of at most \(pixelLimit) pixels", found: "\(width) x \(height)",
        remedy: "Scale it down.")
    }
  }
}
