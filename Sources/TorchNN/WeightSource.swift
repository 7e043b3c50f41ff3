// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch

/// Named tensors that a module can be loaded from: a checkpoint, an adapter, a dictionary.
public protocol WeightSource {
  /// Name of the whole in error messages: a folder or a file.
  var path: String { get }
  /// All names.
  var names: [String] { get }
  /// Facts of a tensor before reading it; nil if there is none of that name.
  func entry(_ name: String) -> WeightEntry?
  /// The tensor, on the CPU, in the type it is stored in. The name must be one of ``names``.
  func tensor(_ name: String) throws -> Tensor
}

/// Description of a tensor before it is read.
public struct WeightEntry: Sendable, Hashable {
  /// Sizes of all dimensions.
  public var shape: [Int]
  /// Element type; nil if it is one that tensors here cannot have.
  public var dtype: DType?
  /// The type as the source spells it, for errors.
  public var typeName: String
  /// The file it is in, for errors.
  public var path: String

  /// Memberwise.
  public init(shape: [Int], dtype: DType?, typeName: String, path: String) {
    (self.shape, self.dtype, self.typeName, self.path) = (shape, dtype, typeName, path)
  }
}

/// Another source's tensors under other names.
public struct RenamedWeights: WeightSource {
  private let base: any WeightSource
  private let originals: [String: String]
  /// Names after mapping.
  public let names: [String]

  /// - Parameter rename: the new name of each tensor, or nil to leave it out.
  public init(_ base: any WeightSource, _ rename: (String) -> String?) {
    self.base = base
    var originals: [String: String] = [:], names: [String] = []
    for original in base.names {
      guard let name = rename(original) else { continue }
      precondition(originals.updateValue(original, forKey: name) == nil, "two tensors renamed to \(name)")
      names.append(name)
    }
    (self.originals, self.names) = (originals, names)
  }

  /// Where the weights come from, for errors.
  public var path: String { base.path }
  /// Shape and type of a weight; nil for a name that is not there.
  public func entry(_ name: String) -> WeightEntry? { originals[name].flatMap(base.entry) }
  /// The weight of this name, which is one of ``names``.
  public func tensor(_ name: String) throws -> Tensor {
    guard let original = originals[name] else { preconditionFailure("no weight \(name)") }
    return try base.tensor(original)
  }
}

/// Tensors in memory.
public struct WeightDictionary: WeightSource {
  private let tensors: [String: Tensor]
  /// Where the weights come from, for errors.
  public let path: String

  /// - Parameter path: what errors call it.
  public init(_ tensors: [String: Tensor], path: String = "<memory>") {
    (self.tensors, self.path) = (tensors, path)
  }

  /// Names of all weights.
  public var names: [String] { tensors.keys.sorted() }
  /// Shape and type of a weight; nil for a name that is not there.
  public func entry(_ name: String) -> WeightEntry? {
    tensors[name].map { WeightEntry(shape: $0.shape, dtype: $0.dtype, typeName: "\($0.dtype)", path: path) }
  }
  /// The weight of this name, which is one of ``names``.
  public func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else { preconditionFailure("no weight \(name)") }
    return tensor
  }
}

/// The safetensors of a Hugging Face folder.
public struct CheckpointWeights: WeightSource {
  private let folder: SafetensorsFolder
  private let copying: Bool

  /// Maps the folder's `model.safetensors`, or the shards of its index, and checks their headers.
  ///
  /// - Parameter copying: see `Tensor/init(_:copying:)`. A mapped tensor may be written to: the page is then
  ///   copied and the file stays as it is.
  public init(folder path: String, copying: Bool = false) throws(InputError) {
    folder = try SafetensorsFolder(path, copyOnWrite: true)
    self.copying = copying
  }

  /// Where the weights come from, for errors.
  public var path: String { folder.path }
  /// Names of all weights.
  public var names: [String] { folder.tensors.map(\.name) }
  /// Shape and type of a weight; nil for a name that is not there.
  public func entry(_ name: String) -> WeightEntry? {
    folder[name].map {
      WeightEntry(shape: $0.shape, dtype: DType($0.type), typeName: $0.type.rawValue, path: $0.file.path)
    }
  }
  /// The weight of this name, which is one of ``names``.
  public func tensor(_ name: String) throws -> Tensor {
    guard let stored = folder[name] else { preconditionFailure("no weight \(name)") }
    return try Tensor(stored, copying: copying)
  }
}
