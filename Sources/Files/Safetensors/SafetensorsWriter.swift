// SPDX-License-Identifier: Apache-2.0
/// A tensor to be written: what the header says of it, and a closure that gives its bytes when their turn has come.
public struct SafetensorsSource {
  /// Takes the next bytes of a tensor.
  public typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  /// The checkpoint's name for it.
  public let name: String
  /// The type of its elements.
  public let type: SafetensorsType
  /// Its sizes, outermost first.
  public let shape: [Int]
  let write: (Sink) throws -> Void

  /// A tensor whose bytes come piece by piece, so that it need never be in memory whole.
  ///
  /// - Parameter write: calls the sink with the elements, little-endian, in row-major order, as often as it likes. All
  ///   the bytes together must be as many as type and shape take.
  public init(name: String, type: SafetensorsType, shape: [Int], write: @escaping (Sink) throws -> Void) {
    (self.name, self.type, self.shape, self.write) = (name, type, shape, write)
  }

  /// A tensor of another file, copied as it is.
  public init(_ tensor: SafetensorsTensor) {
    self.init(name: tensor.name, type: tensor.type, shape: tensor.shape) { sink in try tensor.withBytes(sink) }
  }

  /// Bytes it takes in the file.
  public var byteCount: Int {
    guard let count = Files.byteCount(of: shape, elementBytes: type.byteCount) else {
      preconditionFailure("tensor \(name) of shape \(shape) is larger than any file")
    }
    return count
  }
}

/// Writes safetensors files that transformers, vLLM and llama.cpp's converter read.
public enum SafetensorsWriter {
  /// Where the first tensor begins, so that each can be used where it is mapped, by vector instructions too.
  private static let alignment = 64

  /// Writes one file, whole or not at all.
  ///
  /// Tensors of wider elements come first, as in the format's reference implementation, so that every tensor is aligned
  /// to its elements; otherwise the order is kept.
  ///
  /// - Parameters:
  ///   - sources: the tensors. Names are unique.
  ///   - path: the file.
  ///   - metadata: `__metadata__`; transformers refuses files without `format`.
  /// - Throws: `InputError` if the file cannot be written, or what a source throws; nothing is left behind then.
  public static func write(
    _ sources: [SafetensorsSource], to path: String, metadata: [String: String] = ["format": "pt"]
  ) throws {
    let ordered = inOrder(sources) { $0.type.byteCount }
    let header = header(of: ordered, metadata: metadata)
    try AtomicFile.write(to: path) { file in
      try file.expectRoom(for: header.count + ordered.reduce(0) { $0 + $1.byteCount })
      try file.write(header)
      for source in ordered {
        let end = file.count + source.byteCount
        try source.write { bytes in try file.write(bytes) }
        precondition(
          file.count == end, "tensor \(source.name) gave \(file.count - end) bytes more than its shape takes")
      }
    }
  }

  /// Tensors in the order in which they are written.
  ///
  /// - Parameter width: bytes of an element.
  public static func inOrder<Tensor>(_ tensors: [Tensor], width: (Tensor) -> Int) -> [Tensor] {
    Set(tensors.map(width)).sorted(by: >).flatMap { size in tensors.filter { width($0) == size } }
  }

  /// Writes the weights of a Hugging Face folder: `model.safetensors`, or shards and their index if they are larger.
  ///
  /// Each file is whole or absent, but the folder is not one thing: make it within `AtomicFolder.write`.
  ///
  /// - Parameters:
  ///   - sources: the tensors. Names are unique.
  ///   - folder: an existing folder.
  ///   - maxShardBytes: the most bytes of tensors in a file; a single larger tensor has a file to itself.
  public static func write(_ sources: [SafetensorsSource], toFolder folder: String, maxShardBytes: Int) throws {
    let shards = shards(of: sources, maxBytes: maxShardBytes)
    guard shards.count > 1 else {
      try write(sources, to: folder + "/" + SafetensorsFolder.fileName)
      return
    }
    var map = JSONObject()
    for (index, shard) in shards.enumerated() {
      let name = "model-\(fiveDigits(index + 1))-of-\(fiveDigits(shards.count)).safetensors"
      try write(shard, to: folder + "/" + name)
      for source in shard { map[source.name] = .string(name) }
    }
    let total = sources.reduce(0) { $0 + $1.byteCount }
    let index: JSON = ["metadata": ["total_size": .int(total)], "weight_map": .object(map)]
    try AtomicFile.write(index, to: folder + "/" + SafetensorsFolder.indexName)
  }

  private static func shards(of sources: [SafetensorsSource], maxBytes: Int) -> [[SafetensorsSource]] {
    var shards: [[SafetensorsSource]] = []
    var room = 0
    for source in sources {
      if shards.isEmpty || source.byteCount > room {
        shards.append([])
        room = maxBytes
      }
      shards[shards.count - 1].append(source)
      room -= source.byteCount
    }
    return shards
  }

  private static func fiveDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// The length and the header, padded with spaces.
  private static func header(of sources: [SafetensorsSource], metadata: [String: String]) -> [UInt8] {
    var object = JSONObject()
    if !metadata.isEmpty {
      var entries = JSONObject()
      for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { entries[key] = .string(value) }
      object["__metadata__"] = .object(entries)
    }
    var offset = 0
    for source in sources {
      let end = offset + source.byteCount
      let isNew = object.append(
        source.name,
        [
          "dtype": .string(source.type.rawValue), "shape": .array(source.shape.map { .int($0) }),
          "data_offsets": [.int(offset), .int(end)],
        ])
      precondition(isNew, "tensor \(source.name) twice")
      offset = end
    }
    var text = Array(JSON.object(object).text().utf8)
    let padding = (alignment - (8 + text.count) % alignment) % alignment
    text += repeatElement(UInt8(ascii: " "), count: padding)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
  }
}
