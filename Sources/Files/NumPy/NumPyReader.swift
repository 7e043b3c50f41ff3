// SPDX-License-Identifier: Apache-2.0
/// An array in NumPy's format, read from front to back: only what is asked for is ever in memory.
///
///     let codes = try NumPyReader("codes/0.npy")           // (1, 10, 256), int64
///     let ids = try codes.integers(codes.count)
///
///     let samples = try NumPyArchive("samples.npz").array("arr_0")
///     while samples.remaining > 0 { use(try samples.bytes(min(samples.remaining, 1 << 20))) }
public final class NumPyReader {
  /// The file.
  public let path: String
  /// The array's name in an archive; empty for a `.npy` file.
  public let name: String
  /// The type of the elements.
  public let type: NumPyType
  /// Sizes, outermost first; empty for a scalar.
  public let shape: [Int]
  /// Elements that have not been read yet.
  public private(set) var remaining: Int
  private let stretch: FileStretch

  /// Opens a `.npy` file.
  ///
  /// - Throws: `InputError` if it is no such file, cut off or followed by more bytes, or of a type that `NumPyType` does
  ///   not name.
  public convenience init(_ path: String) throws(InputError) {
    let file = try MappedFile(path)
    let size = file.unsafeBytes.count
    try self.init(FileStretch(file, 0..<size, place: "", size: size), path: path, name: "", size: size)
  }

  init(_ stretch: FileStretch, path: String, name: String, size: Int) throws(InputError) {
    var headerBytes = 0
    let header = try NumPyHeader(path: path, place: name) { count throws(InputError) in
      headerBytes += count
      return try stretch.read(count)
    }
    guard header.byteCount == size - headerBytes else {
      throw InputError(
        path: path, place: name, expected: "\(header.byteCount) bytes of elements for shape \(header.shape)",
        found: "\(size - headerBytes)", remedy: "Is the file cut off?")
    }
    (self.path, self.name, self.stretch) = (path, name, stretch)
    (type, shape, remaining) = (header.type, header.shape, header.shape.reduce(1, *))
  }

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The next `count` elements, little-endian, in row-major order.
  ///
  /// - Throws: `InputError` if there are fewer, or the file is damaged.
  public func bytes(_ count: Int) throws(InputError) -> [UInt8] {
    let bytes = try stretch.read(count * type.byteCount)
    remaining -= count
    return bytes
  }

  /// The next `count` elements of a type of whole numbers.
  ///
  /// - Throws: `InputError` if they are of another type, or one does not fit.
  public func integers(_ count: Int) throws(InputError) -> [Int] {
    let bytes = try bytes(count)
    switch type {
    case .bool, .u8: return bytes.map(Int.init)
    case .i8: return bytes.map { Int(Int8(bitPattern: $0)) }
    case .u16: return Self.values(bytes, UInt16.self).map(Int.init)
    case .i16: return Self.values(bytes, Int16.self).map(Int.init)
    case .u32: return Self.values(bytes, UInt32.self).map(Int.init)
    case .i32: return Self.values(bytes, Int32.self).map(Int.init)
    case .i64: return Self.values(bytes, Int64.self).map(Int.init)
    case .u64, .f16, .f32, .f64: throw wrongType("whole numbers of at most 63 bits")
    }
  }

  /// The next `count` elements of a type of floating-point numbers of 32 or 64 bits.
  ///
  /// - Throws: `InputError` if they are of another type.
  public func doubles(_ count: Int) throws(InputError) -> [Double] {
    let bytes = try bytes(count)
    switch type {
    case .f32: return Self.values(bytes, UInt32.self).map { Double(Float(bitPattern: $0)) }
    case .f64: return Self.values(bytes, UInt64.self).map { Double(bitPattern: $0) }
    default: throw wrongType("float32 or float64")
    }
  }

  private func wrongType(_ expected: String) -> InputError {
    InputError(path: path, place: name, expected: expected, found: "elements of type \(type.rawValue)")
  }

  private static func values<T: FixedWidthInteger>(_ bytes: [UInt8], _: T.Type) -> [T] {
    bytes.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: MemoryLayout<T>.size).map {
        T(littleEndian: buffer.loadUnaligned(fromByteOffset: $0, as: T.self))
      }
    }
  }
}

/// An `.npz` file: named arrays in a zip archive.
public struct NumPyArchive {
  private let zip: ZipArchive

  /// Maps the file and reads its directory.
  ///
  /// - Throws: `InputError` if it is no whole zip archive.
  public init(_ path: String) throws(InputError) { zip = try ZipArchive(path) }

  /// The file.
  public var path: String { zip.file.path }

  /// The names of the arrays, without `.npy`.
  public var names: [String] { zip.entries.compactMap { Self.arrayName($0.name) } }

  /// The array of that name, from its beginning.
  ///
  /// - Throws: `InputError` if there is none, or it is none that `NumPyReader` reads.
  public func array(_ name: String) throws(InputError) -> NumPyReader {
    guard let entry = zip.entries.first(where: { Self.arrayName($0.name) == name }) else {
      let found = names.isEmpty ? "no arrays" : names.prefix(20).joined(separator: ", ")
      throw InputError(path: path, expected: "an array \(name)", found: found)
    }
    let stretch = try FileStretch(
      zip.file, entry.range, place: name, size: entry.size, isDeflated: entry.isDeflated, checksum: entry.checksum)
    return try NumPyReader(stretch, path: path, name: name, size: entry.size)
  }

  private static func arrayName(_ file: String) -> String? {
    file.hasSuffix(".npy") ? String(file.dropLast(4)) : nil
  }
}
