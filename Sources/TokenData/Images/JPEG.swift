// SPDX-License-Identifier: Apache-2.0
import CJPEG
public import Files

extension PixelImage {
  /// Decodes a JPEG file, by libjpeg.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - path: what errors call it.
  ///   - pixelLimit: the most pixels; a larger image is refused before memory is taken for it.
  /// - Throws: `InputError` with libjpeg's message; also for CMYK, which has no one meaning in RGB, and for data that
  ///   ends too early, though libjpeg would fill up with gray.
  public init(jpeg bytes: [UInt8], path: String, pixelLimit: Int = Self.pixelLimit) throws(InputError) {
    var message = [CChar](repeating: 0, count: Int(CJPEG_MESSAGE))
    func text() -> String { message.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } }
    func error() -> InputError {
      InputError(
        path: path, expected: "a whole JPEG image", found: "“\(text())”",
        remedy: text().contains("scans") ? "Write it again with fewer." : "Is the file cut off? Write it again.")
    }
    var info = cjpeg_info()
    guard cjpeg_header(bytes, bytes.count, &info, &message) == 0 else { throw error() }
    let (width, height, channels) = (Int(info.width), Int(info.height), Int(info.components))
    try Self.check(width: width, height: height, path: path, pixelLimit: pixelLimit)
    guard channels == 1 || channels == 3 else {
      throw InputError(
        path: path, expected: "a gray or RGB JPEG", found: channels == 4 ? "CMYK" : "\(channels) components",
        remedy: "Convert it to RGB with its colour profile.")
    }
    var status: Int32 = -1
    let pixels = [UInt8](unsafeUninitializedCapacity: width * height * channels) { buffer, written in
      status = cjpeg_decode(bytes, bytes.count, buffer.baseAddress, &message)
      written = status >= 0 ? buffer.count : 0
    }
    // Bytes too many between two segments are common and harmless; every other warning means lost image.
    guard status == 0 || (status == 1 && text().contains("extraneous bytes")) else { throw error() }
    self.init(width: width, height: height, channels: channels, bytes: pixels)
  }
}
