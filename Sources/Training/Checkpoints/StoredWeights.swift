// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
public import TorchNN

/// The part of a model that a checkpoint holds: what is trained. What is frozen is the base model's, and is known only
/// by a fingerprint.
struct StoredWeights {
  /// Trained part, and so the file it is in.
  enum Part: String, CaseIterable {
    /// Everything: a Hugging Face folder's weights.
    case all = "model.safetensors"
    /// Nothing but adapters and what is saved with them: a PEFT folder's weights.
    case adapters = "adapter_model.safetensors"
    /// Some parameters.
    case some = "trained.safetensors"
  }

  let part: Part
  /// Tensors in use and their names in the file.
  let tensors: [(name: String, tensor: Tensor)]
  /// Of the tensors that are not stored; nil if there are none.
  let frozen: String?
  private let model: Module

  /// - Parameter storesAll: whether frozen parameters are held, too.
  init(_ model: Module, all storesAll: Bool = false) {
    self.model = model
    var seen = Set<ObjectIdentifier>()
    let all = model.parameters().filter { seen.insert(ObjectIdentifier($0.tensor)).inserted }
    let trained = Set((storesAll ? all : model.trainableParameters()).map { ObjectIdentifier($0.tensor) })
    let adapters = Set(((model as? any TokenModel)?.adapterParameters ?? []).map { ObjectIdentifier($0.tensor) })
    part = trained.count == all.count ? .all : trained == adapters ? .adapters : .some
    let prefix = part == .adapters ? AdapterWeights.keyPrefix : ""
    let copies = part == .adapters ? (model as? any TokenModel)?.adapterCopies ?? [] : []
    tensors =
      all.filter { trained.contains(ObjectIdentifier($0.tensor)) }.map { (prefix + $0.key, $0.tensor) }
      + copies.map { (prefix + $0.key, $0.tensor) }
    let rest = all.filter { !trained.contains(ObjectIdentifier($0.tensor)) }
    frozen = rest.isEmpty ? nil : fingerprint(rest)
  }

  /// Writes them into a checkpoint's folder; adapters with the configuration PEFT wants.
  ///
  /// - Parameter split: weights that are put together for it, a layer at a time: the other processes call
  ///   ``assist(with:)`` meanwhile.
  func write(into folder: String, _ split: LayerWeights?) throws {
    // Adapters are whole in every process.
    if part == .adapters, let model = model as? any TokenModel { return try model.writeAdapters(into: folder) }
    let sources = tensors.map { name, tensor in
      SafetensorsSource(name: name, tensor: tensor) { try split?.hold(tensor) }
    }
    try SafetensorsWriter.write(sources, to: "\(folder)/\(part.rawValue)")
    split?.letGo()
  }

  /// Does another process's part while the first one writes.
  func assist(with split: LayerWeights) throws {
    guard part != .adapters else { return }
    for (_, tensor) in SafetensorsWriter.inOrder(tensors, width: { $0.tensor.dtype.size }) { try split.hold(tensor) }
    split.letGo()
  }

  /// Reads them from a checkpoint's file: of split ones this process's share.
  func read(_ file: SafetensorsFile, _ split: LayerWeights?) throws {
    try file.copy(into: whole(split))
    for (name, tensor) in tensors where split?.holds(tensor) == true {
      if let stored = file[name] { try split?.read(stored, into: tensor) }
    }
  }

  /// Those that are whole in each process.
  func whole(_ split: LayerWeights?) -> [(name: String, tensor: Tensor)] {
    tensors.filter { split?.holds($0.tensor) != true }
  }
}

extension Checkpoints {
  /// Puts the weights of a step's checkpoint, for instance the best, into a model; see ``Training/restore(_:from:)``.
  public func restore(_ model: any TokenModel, fromStep step: Int) throws {
    try Training.restore(model, from: path(ofStep: step))
  }
}

/// Puts the weights of a checkpoint's folder into a model: the trained one, or another of the same base, which gets
/// adapters if the checkpoint holds adapters. Tensors keep their type and stay where they are.
///
/// - Throws: `InputError` if there is no such checkpoint or it is of another model.
public func restore(_ model: any TokenModel, from folder: String) throws {
  let present = try names(inFolder: folder)
  let part = StoredWeights.Part.allCases.first { present.contains($0.rawValue) } ?? .all
  if part == .adapters, model.adapters.isEmpty { return try model.loadAdapters(folder: folder) }
  let file = try SafetensorsFile("\(folder)/\(part.rawValue)")
  let prefix = part == .adapters ? AdapterWeights.keyPrefix : ""
  var seen = Set<ObjectIdentifier>()
  let wanted = model.parameters().map { (name: prefix + $0.key, tensor: $0.tensor) }
    .filter { (part == .all || file[$0.name] != nil) && seen.insert(ObjectIdentifier($0.tensor)).inserted }
  let copies = part == .adapters ? model.adapterCopies.map { (name: prefix + $0.key, tensor: $0.tensor) } : []
  try file.requireFit(wanted + copies, ofAnyType: true)
  try withTorchErrors { try file.copy(into: wanted + copies) }
}

/// Something that another base model would hardly share: names, shapes and both ends of every tensor.
private func fingerprint(_ parameters: [NamedParameter]) -> String {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
  func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 } }
  noGrad {
    for parameter in parameters {
      add("\(parameter.key) \(parameter.tensor.shape) \(parameter.tensor.dtype)".utf8)
      let flat = parameter.tensor.detach().reshape([-1]), count = min(flat.count, 128)
      for start in [0, flat.count - count] {
        let end = flat.narrow(0, start, count).to(.cpu).array(of: Double.self)
        end.withUnsafeBytes { add($0) }
      }
    }
  }
  return String(hash, radix: 16)
}
