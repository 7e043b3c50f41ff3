// SPDX-License-Identifier: Apache-2.0
import CPNG
public import Files

extension PixelImage {
  /// Decodes a PNG file, by libpng.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - path: what errors call it.
  ///   - pixelLimit: the most pixels; a larger image is refused before memory is taken for it.
  /// - Throws: `InputError` with libpng's message.
  public init(png bytes: [UInt8], path: String, pixelLimit: Int = Self.pixelLimit) throws(InputError) {
    self = try bytes.withUnsafeBytes { file in
      Result { () throws(InputError) in try Self.decode(file, path: path, pixelLimit: pixelLimit) }
    }.get()
  }

  private static func decode(
    _ file: UnsafeRawBufferPointer, path: String, pixelLimit: Int
  ) throws(InputError) -> PixelImage {
    // libpng keeps a pointer to the structure, so it must not move.
    let image = UnsafeMutablePointer<png_image>.allocate(capacity: 1)
    image.initialize(to: png_image())
    image.pointee.version = png_uint_32(PNG_IMAGE_VERSION)
    defer {
      png_image_free(image)
      image.deallocate()
    }
    guard png_image_begin_read_from_memory(image, file.baseAddress, file.count) != 0 else {
      throw error(image, path)
    }
    let (width, height) = (Int(image.pointee.width), Int(image.pointee.height))
    try check(width: width, height: height, path: path, pixelLimit: pixelLimit)
    let hasColor = image.pointee.format & PNG_FORMAT_FLAG_COLOR != 0
    let hasAlpha = image.pointee.format & PNG_FORMAT_FLAG_ALPHA != 0
    image.pointee.format = (hasColor ? PNG_FORMAT_FLAG_COLOR : 0) | (hasAlpha ? PNG_FORMAT_FLAG_ALPHA : 0)
    // Without it libpng takes 16-bit values for linear light.
    image.pointee.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
    let samples = (hasColor ? 3 : 1) + (hasAlpha ? 1 : 0)
    var isWhole = false
    let pixels = [UInt8](unsafeUninitializedCapacity: width * height * samples) { buffer, written in
      isWhole = png_image_finish_read(image, nil, buffer.baseAddress, 0, nil) != 0
      written = isWhole ? buffer.count : 0
    }
    guard isWhole else { throw error(image, path) }
    return PixelImage(
      width: width, height: height, channels: hasColor ? 3 : 1, bytes: hasAlpha ? overWhite(pixels, samples) : pixels)
  }

  private static func overWhite(_ pixels: [UInt8], _ samples: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(pixels.count / samples * (samples - 1))
    for start in stride(from: 0, to: pixels.count, by: samples) {
      let alpha = Int(pixels[start + samples - 1])
      for channel in 0..<samples - 1 {
        result.append(UInt8((Int(pixels[start + channel]) * alpha + 255 * (255 - alpha) + 127) / 255))
      }
    }
    return result
  }

  private static func error(_ image: UnsafePointer<png_image>, _ path: String) -> InputError {
    InputError(
      path: path, expected: "a whole PNG image", found: "“\(message(image))”",
      remedy: "Is the file cut off? Write it again.")
  }

  private static func message(_ image: UnsafePointer<png_image>) -> String {
    withUnsafeBytes(of: image.pointee.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// The image as a PNG file.
  ///
  /// - Throws: `InputError` if libpng cannot, for want of memory for instance.
  public func png() throws(InputError) -> [UInt8] {
    let image = UnsafeMutablePointer<png_image>.allocate(capacity: 1)
    image.initialize(to: png_image())
    image.pointee.version = png_uint_32(PNG_IMAGE_VERSION)
    (image.pointee.width, image.pointee.height) = (png_uint_32(width), png_uint_32(height))
    image.pointee.format = channels == 3 ? PNG_FORMAT_FLAG_COLOR : 0
    defer {
      png_image_free(image)
      image.deallocate()
    }
    // What deflate makes of bytes that cannot be compressed, in chunks of 8 KiB, and the chunks around them.
    let raw = bytes.count + height
    let room = raw + raw / 500 + 12 * (raw / 8192 + 1) + 1024
    var isDone = false
    let file = [UInt8](unsafeUninitializedCapacity: room) { buffer, written in
      var size = png_alloc_size_t(room)
      isDone = png_image_write_to_memory(image, buffer.baseAddress, &size, 0, bytes, 0, nil) != 0
      written = isDone ? Int(size) : 0
    }
    guard isDone else {
      throw InputError(path: "<image>", expected: "an image that libpng can write", found: Self.message(image))
    }
    return file
  }

  /// Writes the image as a PNG file, whole or not at all.
  public func writePNG(to path: String, isSynced: Bool = true) throws {
    try AtomicFile.write(png(), to: path, isSynced: isSynced)
  }
}
