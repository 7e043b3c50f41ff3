// SPDX-License-Identifier: Apache-2.0
/// An array of bytes in the IDX format of the MNIST family, plain or gzipped.
///
/// The format: two zero bytes, the element type (8: bytes), the number of dimensions, a size for each (4 bytes,
/// big-endian), then the elements in row-major order.
public struct IDXFile: Sendable {
  /// The file.
  public let path: String
  /// Sizes, outermost first: `[60000, 28, 28]` for images, `[60000]` for labels.
  public let shape: [Int]
  /// The elements.
  public let bytes: [UInt8]

  /// Reads a file.
  ///
  /// - Parameter limit: the most bytes of content to hold.
  /// - Throws: `InputError` if it is no such file, damaged or cut off, or larger.
  public init(_ path: String, limit: Int = 1 << 30) throws(InputError) {
    let stored = try fileBytes(path, limit: limit)
    var content = stored
    if stored.withUnsafeBytes(isGzip) {
      content = try stored.withUnsafeBytes { buffer in
        Result { () throws(InputError) in try inflate(buffer, path: path, limit: limit) }
      }.get()
    }
    func error(_ expected: String, _ found: String) -> InputError {
      InputError(path: path, expected: expected, found: found, remedy: "Is it an IDX file of bytes, and whole?")
    }
    guard content.count >= 4, content[0] == 0, content[1] == 0 else {
      throw error("an IDX file, which begins with two zero bytes", "other first bytes")
    }
    guard content[2] == 8 else { throw error("elements of one byte (type 8)", "type \(content[2])") }
    let start = 4 + 4 * Int(content[3])
    guard (1...4).contains(content[3]), content.count >= start else {
      throw error("one to four dimensions", "\(content[3]) in \(content.count) bytes")
    }
    let shape = (0..<Int(content[3])).map { dimension in
      content[(4 + 4 * dimension)..<(8 + 4 * dimension)].reduce(0) { $0 << 8 | Int($1) }
    }
    guard let count = byteCount(of: shape, elementBytes: 1), count == content.count - start else {
      throw error("as many bytes as the sizes \(shape) take", "\(content.count - start)")
    }
    (self.path, self.shape) = (path, shape)
    content.removeFirst(start)
    bytes = content
  }
}
