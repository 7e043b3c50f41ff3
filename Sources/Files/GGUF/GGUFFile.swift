// SPDX-License-Identifier: Apache-2.0
/// One tensor of a GGUF file: what the header says of it, and its bytes, which it keeps mapped while it lives.
public struct GGUFTensor: Sendable {
  /// llama.cpp's name for it, `blk.0.attn_q.weight`.
  public let name: String
  /// The format of its elements.
  public let type: GGUFType
  /// Its sizes, outermost first (in the file they stand innermost first).
  public let shape: [Int]
  /// Where in the file its bytes are.
  public let range: Range<Int>
  /// The file it is in.
  public let file: MappedFile

  /// Elements of a row, the innermost size.
  public var rowLength: Int { shape[shape.count - 1] }
  /// The number of rows, the product of the other sizes.
  public var rowCount: Int { shape.dropLast().reduce(1, *) }
  /// The number of elements.
  public var count: Int { rowCount * rowLength }
}

/// A GGUF file of version 2 or 3, its header checked and its tensors mapped.
///
/// The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Every count and length is held against the
/// size of the file before it is used, so no file can make the reader ask for more memory than it has bytes.
public struct GGUFFile: Sendable {
  /// The file.
  public let file: MappedFile
  /// The format's version.
  public let version: Int
  /// Metadata of the model and its tokenizer.
  public let metadata: GGUFMetadata
  /// The tensors in the order of the file.
  public let tensors: [GGUFTensor]
  private let indices: [String: Int]

  /// Maps a file and checks its header.
  ///
  /// - Throws: `InputError` that names the key or tensor at fault.
  public init(_ path: String) throws(InputError) {
    file = try MappedFile(path)
    var cursor = GGUFCursor(file)
    version = try Self.version(&cursor)
    cursor.place = "the header"
    let tensorCount = try cursor.integer(UInt64.self)
    let valueCount = try cursor.integer(UInt64.self)
    try cursor.require(max(tensorCount, valueCount))  // a byte each at least; keeps absurd counts out
    metadata = try Self.metadata(count: valueCount, &cursor)
    (tensors, indices) = try Self.tensors(count: tensorCount, &cursor, alignment: try Self.alignment(metadata))
  }

  /// The tensor of that name, or nil.
  public subscript(name: String) -> GGUFTensor? { indices[name].map { tensors[$0] } }

  private static func version(_ cursor: inout GGUFCursor) throws(InputError) -> Int {
    cursor.place = "the magic number"
    let magic = try cursor.integer(UInt32.self)
    guard magic == 0x4655_4747 else {  // "GGUF"
      throw InputError(
        path: cursor.file.path, place: "byte 0", expected: "the letters GGUF", found: "other bytes",
        remedy: "Is it a GGUF file?")
    }
    cursor.place = "the version"
    let version = try cursor.integer(UInt32.self)
    guard version & 0xFFFF != 0 else {
      throw InputError(
        path: cursor.file.path, place: "byte 4", expected: "a little-endian file", found: "a big-endian one",
        remedy: "Convert it with `gguf-convert-endian FILE little`.")
    }
    guard version == 2 || version == 3 else {
      throw InputError(
        path: cursor.file.path, place: "byte 4", expected: "version 2 or 3", found: "version \(version)",
        remedy: "Convert the model again with a current llama.cpp.")
    }
    return Int(version)
  }

  private static func metadata(count: UInt64, _ cursor: inout GGUFCursor) throws(InputError) -> GGUFMetadata {
    var values: [String: GGUFValue] = [:]
    for index in 0..<count {
      cursor.place = "key number \(index + 1)"
      let key = try cursor.string()
      cursor.place = "key \(key)"
      guard values.updateValue(try cursor.value(), forKey: key) == nil else {
        throw cursor.error(expected: "each key once", found: "it again")
      }
    }
    return GGUFMetadata(path: cursor.file.path, values: values)
  }

  private static func alignment(_ metadata: GGUFMetadata) throws(InputError) -> Int {
    let key = "general.alignment"
    guard let alignment = try metadata.int(key) else { return 32 }
    guard alignment > 0, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
      throw metadata.error(key, expected: "a power of two up to \(1 << 20)")
    }
    return alignment
  }
}
