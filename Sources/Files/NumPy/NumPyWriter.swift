// SPDX-License-Identifier: Apache-2.0
import CZlib

/// An array to be written, and a closure that gives its elements when their turn has come.
public struct NumPySource {
  /// Its name in an archive.
  public let name: String
  /// The type of its elements.
  public let type: NumPyType
  /// Its sizes, outermost first.
  public let shape: [Int]
  private let elements: (SafetensorsSource.Sink) throws -> Void

  /// An array whose elements come piece by piece, so that it need never be in memory whole.
  ///
  /// - Parameters:
  ///   - name: `arr_0` is what `numpy.savez` calls the first, and what the evaluator of ADM reads.
  ///   - write: calls the sink with the elements, little-endian, in row-major order, as often as it likes. All the bytes
  ///     together must be as many as type and shape take.
  public init(
    _ name: String = "arr_0", type: NumPyType, shape: [Int], write: @escaping (SafetensorsSource.Sink) throws -> Void
  ) {
    (self.name, self.type, self.shape, elements) = (name, type, shape, write)
  }

  /// Whole numbers as int64.
  public init(_ name: String = "arr_0", integers: [Int], shape: [Int]) {
    self.init(name, type: .i64, shape: shape) { sink in
      try integers.map { Int64($0).littleEndian }.withUnsafeBytes(sink)
    }
  }

  /// Writes header and elements.
  fileprivate func write(into sink: SafetensorsSource.Sink) throws {
    let header = NumPyHeader(type: type, shape: shape)
    try header.bytes.withUnsafeBytes(sink)
    var count = 0
    try elements { bytes in
      count += bytes.count
      try sink(bytes)
    }
    precondition(count == header.byteCount, "array \(name) of shape \(shape) was given \(count) bytes")
  }
}

/// Writes files that `numpy.load` reads. Each is whole or absent.
public enum NumPyWriter {
  /// Writes a `.npy` file.
  ///
  /// - Parameter isSynced: see ``AtomicFile/write(to:isSynced:_:)``.
  /// - Throws: `InputError` if the file cannot be written, or what the source throws; nothing is left behind then.
  public static func write(_ source: NumPySource, to path: String, isSynced: Bool = true) throws {
    try AtomicFile.write(to: path, isSynced: isSynced) { file in
      try file.expectRoom(for: NumPyHeader(type: source.type, shape: source.shape).byteCount)
      try source.write(into: { bytes in try file.write(bytes) })
    }
  }

  /// Writes an `.npz` file as `numpy.savez` does: a zip archive of arrays that are not compressed.
  ///
  /// - Throws: as `write(_:to:)`.
  public static func writeArchive(_ sources: [NumPySource], to path: String) throws {
    precondition(Set(sources.map(\.name)).count == sources.count, "two arrays of one name")
    try AtomicFile.write(to: path) { file in
      try file.expectRoom(for: sources.reduce(0) { $0 + NumPyHeader(type: $1.type, shape: $1.shape).byteCount })
      var zip = ZipWriter(file: file)
      for source in sources { try zip.add(source.name + ".npy") { sink in try source.write(into: sink) } }
      try zip.finish()
    }
  }
}

/// Writes a zip archive front to back: sizes and check sums follow each file, and are repeated in the directory.
private struct ZipWriter {
  private struct Entry {
    let name: String, start: Int
    var size = 0
    var checksum: UInt32 = 0
  }
  let file: AtomicFile
  private var entries: [Entry] = []
  // Version 4.5 of the format has 64-bit sizes. Bit 3: sizes follow the content; bit 11: names are UTF-8.
  private static let version = 45, flags = 0x0808
  // The first day that the format can name: equal content gives equal files.
  private static let date = 0x0021

  init(file: AtomicFile) { self.file = file }

  mutating func add(_ name: String, _ content: (SafetensorsSource.Sink) throws -> Void) throws {
    var entry = Entry(name: name, start: file.count)
    try file.write(
      number(0x0403_4B50, 4) + number(Self.version, 2) + number(Self.flags, 2) + number(0, 4) + number(Self.date, 2)
        + number(0, 4) + number(0xFFFF_FFFF, 4) + number(0xFFFF_FFFF, 4) + number(name.utf8.count, 2) + number(20, 2)
        + Array(name.utf8) + number(1, 2) + number(16, 2) + number(0, 16))
    var sum = crc32(0, nil, 0)
    let start = file.count
    try content { bytes in
      if let base = bytes.bindMemory(to: UInt8.self).baseAddress { sum = crc32_z(sum, base, bytes.count) }
      try file.write(bytes)
    }
    (entry.size, entry.checksum) = (file.count - start, UInt32(sum))
    try file.write(
      number(0x0807_4B50, 4) + number(Int(entry.checksum), 4) + number(entry.size, 8) + number(entry.size, 8))
    entries.append(entry)
  }

  /// The directory, in 64-bit form throughout.
  func finish() throws {
    let start = file.count
    for entry in entries {
      try file.write(
        number(0x0201_4B50, 4) + number(Self.version, 2) + number(Self.version, 2) + number(Self.flags, 2)
          + number(0, 4) + number(Self.date, 2) + number(Int(entry.checksum), 4) + number(0xFFFF_FFFF, 4)
          + number(0xFFFF_FFFF, 4) + number(entry.name.utf8.count, 2) + number(28, 2) + number(0, 10)
          + number(0xFFFF_FFFF, 4) + Array(entry.name.utf8) + number(1, 2) + number(24, 2) + number(entry.size, 8)
          + number(entry.size, 8) + number(entry.start, 8))
    }
    let end = file.count
    try file.write(
      number(0x0606_4B50, 4) + number(44, 8) + number(Self.version, 2) + number(Self.version, 2) + number(0, 8)
        + number(entries.count, 8) + number(entries.count, 8) + number(end - start, 8) + number(start, 8))
    try file.write(number(0x0706_4B50, 4) + number(0, 4) + number(end, 8) + number(1, 4))
    try file.write(
      number(0x0605_4B50, 4) + number(0, 4) + number(0xFFFF, 2) + number(0xFFFF, 2) + number(0xFFFF_FFFF, 4)
        + number(0xFFFF_FFFF, 4) + number(0, 2))
  }

  /// A number as `width` bytes, little-endian.
  private func number(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
  }
}
