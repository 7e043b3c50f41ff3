// SPDX-License-Identifier: Apache-2.0
/// A tensor to be written to a GGUF file: what the header says of it, and a closure that gives its elements when their
/// turn has come.
public struct GGUFSource {
  /// Takes the next rows of a tensor as floats, whole rows in row-major order.
  public typealias Sink = (UnsafeBufferPointer<Float>) throws -> Void

  /// llama.cpp's name for it, `blk.0.attn_q.weight`.
  public let name: String
  /// The format that its elements are brought into.
  public let type: GGUFType
  /// Its sizes, outermost first.
  public let shape: [Int]
  let write: (Sink) throws -> Void

  /// A tensor whose rows come piece by piece, so that it need never be in memory whole.
  ///
  /// - Parameter write: calls the sink with rows, as often as it likes. All together must be as many elements as the
  ///   shape has.
  /// - Precondition: the length of a row is a multiple of the format's blocks.
  public init(name: String, type: GGUFType, shape: [Int], write: @escaping (Sink) throws -> Void) {
    precondition((1...4).contains(shape.count) && shape[shape.count - 1] % type.blockLength == 0)
    (self.name, self.type, self.shape, self.write) = (name, type, shape, write)
  }

  /// Bytes it takes in the file.
  public var byteCount: Int {
    guard let count = Files.byteCount(of: shape, elementBytes: type.blockBytes) else {
      preconditionFailure("tensor \(name) of shape \(shape) is larger than any file")
    }
    return count / type.blockLength
  }
}

/// Writes GGUF files of version 3, which llama.cpp and the gguf package read.
///
/// The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
public enum GGUFWriter {
  /// Where tensors begin, the format's default.
  private static let alignment = 32

  /// Writes a file, whole or not at all. Tensors pass through memory one piece at a time.
  ///
  /// - Parameters:
  ///   - metadata: keys and values in the order of the file. Keys are unique.
  ///   - sources: the tensors in the order of the file. Names are unique.
  ///   - path: the file.
  ///   - progress: called with the number of elements written so far.
  /// - Throws: `InputError` if the file cannot be written, or what a source throws; nothing is left behind then.
  public static func write(
    _ metadata: [(key: String, value: GGUFEntry)], _ sources: [GGUFSource], to path: String,
    progress: (Int) -> Void = { _ in }
  ) throws {
    let header = header(metadata, sources)
    try AtomicFile.write(to: path) { file in
      try file.expectRoom(for: header.count + sources.reduce(0) { $0 + padded($1.byteCount) })
      try file.write(header)
      var written = 0
      for source in sources {
        let end = file.count + source.byteCount
        try source.write { rows in
          try file.write(source.type.quantized(rows))
          written += rows.count
          progress(written)
        }
        precondition(
          file.count == end, "tensor \(source.name) gave \(file.count - end) bytes more than its shape takes")
        try file.write(repeatElement(0, count: padded(source.byteCount) - source.byteCount))
      }
    }
  }

  private static func header(
    _ metadata: [(key: String, value: GGUFEntry)], _ sources: [GGUFSource]
  ) -> [UInt8] {
    precondition(Set(metadata.map(\.key)).count == metadata.count, "a key twice")
    precondition(Set(sources.map(\.name)).count == sources.count, "a tensor twice")
    var bytes = GGUFHeaderBytes()
    bytes.append(0x4655_4747 as UInt32)  // "GGUF"
    bytes.append(3 as UInt32)
    bytes.append(UInt64(sources.count))
    bytes.append(UInt64(metadata.count))
    for (key, value) in metadata {
      bytes.append(key)
      value.append(to: &bytes)
    }
    var offset = 0
    for source in sources {
      bytes.append(source.name)
      bytes.append(UInt32(truncatingIfNeeded: source.shape.count))
      for size in source.shape.reversed() { bytes.append(UInt64(size)) }
      bytes.append(source.type.rawValue)
      bytes.append(UInt64(offset))
      offset += padded(source.byteCount)
    }
    bytes.pad(to: alignment)
    return bytes.bytes
  }

  private static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}
