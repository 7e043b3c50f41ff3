// SPDX-License-Identifier: Apache-2.0
/// One tensor of a safetensors file: what the header says of it, and its bytes, which it keeps mapped while it lives.
public struct SafetensorsTensor: Sendable {
  /// The checkpoint's name for it, `model.norm.weight`.
  public let name: String
  /// The type of its elements.
  public let type: SafetensorsType
  /// Its sizes, outermost first; empty for a scalar.
  public let shape: [Int]
  /// Where in the file its bytes are.
  public let range: Range<Int>
  /// The file it is in.
  public let file: MappedFile

  /// The elements, little-endian, in row-major order. Valid only while `file` lives: hold that as long as the pointer,
  /// or use `withBytes`.
  ///
  /// Not every program aligns them: take care to load them unaligned, or check the address.
  public var unsafeBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.unsafeBytes[range]) }

  /// Calls `body` with `unsafeBytes`.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(file) { try body(unsafeBytes) }
  }
}

/// A safetensors file, its header checked and its tensors mapped.
///
/// The format (https://huggingface.co/docs/safetensors): 8 bytes with the length of the header, little-endian; the
/// header, a JSON object of `{"dtype", "shape", "data_offsets"}` by name and `__metadata__`; then the bytes of all
/// tensors, with neither hole nor overlap.
public struct SafetensorsFile: Sendable {
  /// The file.
  public let file: MappedFile
  /// The tensors in the order of their bytes.
  public let tensors: [SafetensorsTensor]
  /// Content of `__metadata__`: `["format": "pt"]` in a file made for PyTorch.
  public let metadata: [String: String]
  private let indices: [String: Int]

  /// The most bytes a header may have, by the format's own reference implementation.
  public static let headerLimit = 100_000_000

  /// Maps a file and checks its header.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - copyOnWrite: whether the bytes may be written to in memory; see `MappedFile`.
  /// - Throws: `InputError` that names the tensor and field at fault.
  public init(_ path: String, copyOnWrite: Bool = false) throws(InputError) {
    let file = try MappedFile(path, copyOnWrite: copyOnWrite)
    let header = try Self.header(of: file)
    var tensors: [SafetensorsTensor] = []
    var metadata: [String: String] = [:]
    for (name, value) in try header.reader.object().members {
      let member = header.reader.child(name, value)
      if name == "__metadata__" {
        for (key, value) in try member.object().members { metadata[key] = try member.child(key, value).string() }
      } else {
        tensors.append(try Self.tensor(name, member, dataStart: header.end, file: file))
      }
    }
    tensors.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    try Self.checkCover(tensors, from: header.end, file: file)
    var indices: [String: Int] = [:]
    for (index, tensor) in tensors.enumerated() {
      // The keys differ byte for byte, so only spellings of one text in two ways meet here.
      guard indices.updateValue(index, forKey: tensor.name) == nil else {
        throw InputError(path: path, place: "tensor \(tensor.name)", expected: "each name once", found: "it twice")
      }
    }
    (self.file, self.tensors, self.metadata, self.indices) = (file, tensors, metadata, indices)
  }

  /// The tensor of that name, or nil.
  public subscript(name: String) -> SafetensorsTensor? { indices[name].map { tensors[$0] } }

  // MARK: The header

  private static func header(of file: MappedFile) throws(InputError) -> (reader: JSONReader, end: Int) {
    let remedy = "Is it cut off, or no safetensors file?"
    guard file.unsafeBytes.count >= 8 else {
      throw InputError(
        path: file.path, expected: "8 bytes with the length of the header", found: "\(file.unsafeBytes.count) bytes",
        remedy: remedy)
    }
    let length = UInt64(littleEndian: file.unsafeBytes.loadUnaligned(as: UInt64.self))
    let room = min(headerLimit, file.unsafeBytes.count - 8)
    guard length <= room else {
      throw InputError(
        path: file.path, place: "byte 0", expected: "the length of the header, at most \(room)", found: "\(length)",
        remedy: remedy)
    }
    let end = 8 + Int(length)
    guard length > 0, file.unsafeBytes[8] == UInt8(ascii: "{") else {
      throw InputError(
        path: file.path, place: "byte 8", expected: "a header that begins with {", found: "something else",
        remedy: remedy)
    }
    let json = try JSON(parsing: UnsafeRawBufferPointer(rebasing: file.unsafeBytes[8..<end]), path: file.path)
    return (JSONReader(json, path: file.path), end)
  }

  private static func tensor(
    _ name: String, _ reader: JSONReader, dataStart: Int, file: MappedFile
  ) throws(InputError) -> SafetensorsTensor {
    let dtype = try reader.at("dtype")
    guard let type = SafetensorsType(rawValue: try dtype.string()) else {
      let known = SafetensorsType.allCases.map(\.rawValue).joined(separator: " ")
      throw dtype.error(expected: "one of \(known)")
    }
    var shape: [Int] = []
    for size in try reader.at("shape").elements() {
      let value = try size.int()
      guard value >= 0 else { throw size.error(expected: "a size of 0 or more") }
      shape.append(value)
    }
    let offsets = try reader.at("data_offsets")
    let ends = try offsets.elements()
    guard ends.count == 2 else { throw offsets.error(expected: "two offsets") }
    let (start, end) = (try ends[0].int(), try ends[1].int())
    let room = file.unsafeBytes.count - dataStart
    guard 0 <= start, start <= end, end <= room else {
      throw offsets.error(
        expected: "offsets in order, from 0 to the \(room) bytes after the header", found: "[\(start), \(end)]",
        remedy: "Is the file cut off?")
    }
    guard let bytes = byteCount(of: shape, elementBytes: type.byteCount), bytes == end - start else {
      throw offsets.error(expected: "as many bytes as \(type.rawValue) \(shape) takes", found: "\(end - start)")
    }
    return SafetensorsTensor(
      name: name, type: type, shape: shape, range: dataStart + start..<dataStart + end, file: file)
  }

  /// Every byte after the header belongs to one tensor.
  private static func checkCover(
    _ tensors: [SafetensorsTensor], from start: Int, file: MappedFile
  ) throws(InputError) {
    var position = start
    for tensor in tensors {
      guard tensor.range.lowerBound == position else {
        throw InputError(
          path: file.path, place: "tensor \(tensor.name)", expected: "bytes from \(position) on, where the last ended",
          found: "bytes from \(tensor.range.lowerBound) on")
      }
      position = tensor.range.upperBound
    }
    guard position == file.unsafeBytes.count else {
      throw InputError(
        path: file.path, place: "byte \(position)", expected: "the end of the file after the last tensor",
        found: "\(file.unsafeBytes.count - position) bytes more")
    }
  }
}
