// SPDX-License-Identifier: Apache-2.0
public import Files

extension PixelImage {
  /// Sides of the image in a PNG or JPEG file, from its header alone: whether the rest is whole, only reading shows.
  ///
  /// - Parameter pixelLimit: the most pixels.
  /// - Throws: `InputError` if it is neither, ends within its header, or holds too many pixels.
  public static func size(
    ofFile path: String, pixelLimit: Int = Self.pixelLimit
  ) throws(InputError) -> (height: Int, width: Int) {
    let file = try MappedFile(path)
    guard let size = file.withBytes({ pngSize($0) ?? jpegSize($0) }) else {
      throw InputError(
        path: path, expected: "a PNG or JPEG image", found: "other first bytes, or no whole header",
        remedy: "Convert it to PNG.")
    }
    try check(width: size.width, height: size.height, path: path, pixelLimit: pixelLimit)
    return size
  }

  /// The first chunk, IHDR, begins with width and height.
  private static func pngSize(_ bytes: UnsafeRawBufferPointer) -> (height: Int, width: Int)? {
    guard bytes.count >= 24, bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else { return nil }
    return (number(bytes, at: 20, count: 4), number(bytes, at: 16, count: 4))
  }

  /// Segments, each with its length, up to the first that begins a frame (SOF).
  private static func jpegSize(_ bytes: UnsafeRawBufferPointer) -> (height: Int, width: Int)? {
    guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
    var at = 2
    while at + 9 <= bytes.count, bytes[at] == 0xFF {
      let marker = bytes[at + 1]
      switch marker {
      case 0xFF: at += 1  // filled up
      case 0x01, 0xD0...0xD7: at += 2  // without a length
      case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(marker):
        return (number(bytes, at: at + 5, count: 2), number(bytes, at: at + 7, count: 2))
      case 0xD9, 0xDA: return nil  // the end, or data without a frame
      default: at += 2 + max(2, number(bytes, at: at + 2, count: 2))
      }
    }
    return nil
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, at place: Int, count: Int) -> Int {
    bytes[place..<place + count].reduce(0) { $0 << 8 | Int($1) }
  }
}
