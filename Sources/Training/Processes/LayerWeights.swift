// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
import TorchNN

/// The weights of a model's layers, of which each process holds its share: a layer's are whole while it computes, and those
/// of the next are on their way meanwhile (ZeRO 3, FSDP's `FULL_SHARD`).
///
/// Gathering takes all processes, whether they have something to compute or not. So before the layers are run through,
/// forward or backward, the processes tell each other what they are about to do, and who has nothing to do takes part in what
/// the others do without computing: a pass of a step with fewer examples, a validation, samples that one of them draws. Where
/// some are about to go forward and others backward, those that go forward come first.
final class LayerWeights {
  /// What a process is about to do with the layers. The largest comes first.
  private enum Sweep: Double {
    /// Nothing, until it meets the others elsewhere.
    case none = 0
    case backward
    case forward

    init(_ pass: ComputationPass) { self = pass == .forward ? .forward : .backward }
  }

  /// A tensor's layer and place in it.
  private struct Place { var layer: Int, isTrained: Bool, index: Int }

  private let layers: [SplitLayer]
  private let places: [ObjectIdentifier: Place]
  private let group: ProcessGroup
  /// Is told when a layer's gradients are complete, also where there are none in this process.
  var didGoBackward: (_ layer: Int) throws -> Void = { _ in }
  /// What went wrong while layers ran, where nothing can be thrown.
  private(set) var failure: (any Error)?
  /// The layer that is put together for a checkpoint.
  private var held: Int?

  /// Splits the weights of the layers, frozen ones too. Adapters stay whole, and what a layer has in common with other parts.
  ///
  /// - Parameters:
  ///   - trained: tensors that are trained.
  ///   - bytes: of gradients in a bucket.
  init(_ module: Module, trained: [Tensor], _ group: ProcessGroup, bucketBytes bytes: Int) {
    self.group = group
    let supplied = module.descendants().compactMap { $0.module as? SuppliedModule }
    let own = supplied.map { layer in layer.parameters().map(\.tensor) }
    let uses = Dictionary((module.parameters().map { (ObjectIdentifier($0.tensor), 1) }), uniquingKeysWith: +)
    let adapters = Set(((module as? any TokenModel)?.adapterParameters ?? []).map { ObjectIdentifier($0.tensor) })
    let isTrained = Set(trained.map(ObjectIdentifier.init))
    var places = [ObjectIdentifier: Place]()
    layers = own.enumerated().map { number, tensors in
      let usesHere = Dictionary(tensors.map { (ObjectIdentifier($0), 1) }, uniquingKeysWith: +)
      let split = tensors.filter { tensor in
        let identity = ObjectIdentifier(tensor)
        return usesHere[identity] == 1 && uses[identity] == 1 && !adapters.contains(identity)
      }
      let learnt = split.filter { isTrained.contains(ObjectIdentifier($0)) }
      // Codes and their scales are in turn: types side by side make few buckets.
      let frozen = split.filter { !isTrained.contains(ObjectIdentifier($0)) }.sorted { $0.dtype.size > $1.dtype.size }
      for (index, tensor) in learnt.enumerated() {
        places[ObjectIdentifier(tensor)] = Place(layer: number, isTrained: true, index: index)
      }
      for (index, tensor) in frozen.enumerated() {
        places[ObjectIdentifier(tensor)] = Place(layer: number, isTrained: false, index: index)
      }
      return SplitLayer(learnt, frozen, group, bucketBytes: bytes)
    }
    self.places = places
    for (number, layer) in supplied.enumerated() { layer.supply = LayerSupply(self, number) }
  }

  /// How many layers there are.
  var count: Int { layers.count }
  /// Of a layer's weights that are trained.
  func layout(ofTrained layer: Int) -> BucketLayout { layers[layer].trained.layout }
  /// Layer of a tensor, and its place among those of it that are trained; nil for one that stays whole, or is frozen.
  func place(ofTrained tensor: Tensor) -> (layer: Int, index: Int)? {
    guard let place = places[ObjectIdentifier(tensor)], place.isTrained else { return nil }
    return (place.layer, place.index)
  }
  /// A part of a layer's weights, numbered among those that are trained, in this process's memory.
  func memory(of part: ParameterPart, layer: Int) -> Tensor { layers[layer].trained.memory(of: part) }

  // MARK: Running through the layers

  /// Runs what computes a layer, in `pass`, with its weights in place.
  fileprivate func lend(_ layer: Int, _ pass: ComputationPass, _ body: () -> Void) {
    do {
      if let failure { throw failure }
      if layer == (pass == .forward ? 0 : layers.count - 1) { try agree(on: Sweep(pass)) }
      try take(layer, pass)
    } catch {
      failure = failure ?? error
      return body()
    }
    body()
    do { try release(layer, pass) } catch { failure = error }
  }

  /// Takes part in what the others still do, until all are done. Comes before anything else that the processes do together.
  ///
  /// - Throws: what went wrong while layers ran.
  func settle() throws {
    if let failure { throw failure }
    guard !layers.isEmpty else { return }
    try agree(on: .none)
  }

  /// Waits for the turn of what this process is about to do.
  private func agree(on own: Sweep) throws {
    while true {
      let next = try group.gather([own.rawValue]).compactMap { Sweep(rawValue: $0[0])?.rawValue }.max() ?? 0
      if next == own.rawValue { return }
      let pass = next == Sweep.forward.rawValue ? ComputationPass.forward : .backward
      for layer in pass == .forward ? Array(layers.indices) : layers.indices.reversed() {
        try take(layer, pass)
        try release(layer, pass)
      }
    }
  }

  private func take(_ layer: Int, _ pass: ComputationPass) throws {
    try layers[layer].begin()
    let next = pass == .forward ? layer + 1 : layer - 1
    if layers.indices.contains(next) { try layers[next].begin() }
    try layers[layer].take()
  }

  private func release(_ layer: Int, _ pass: ComputationPass) throws {
    layers[layer].release()
    if pass == .backward { try didGoBackward(layer) }
  }

  // MARK: Checkpoints

  /// Whether a tensor is split.
  func holds(_ tensor: Tensor) -> Bool { places[ObjectIdentifier(tensor)] != nil }

  /// Reads a tensor of which this process holds its share.
  func read(_ stored: SafetensorsTensor, into tensor: Tensor) throws {
    guard let place = places[ObjectIdentifier(tensor)] else { return }
    layers[place.layer][place.isTrained].set(place.index, try Tensor(stored, copying: true))
  }

  /// Puts together the layer that a tensor belongs to, in place of the one before. All processes ask for the same tensors in the
  /// same order, then ``letGo()``.
  func hold(_ tensor: Tensor) throws {
    guard let layer = places[ObjectIdentifier(tensor)]?.layer, layer != held else { return }
    letGo()
    try layers[layer].take()
    held = layer
  }

  /// Gives up what ``hold(_:)`` has put together.
  func letGo() {
    if let held { layers[held].release() }
    held = nil
  }
}

/// The weights of one layer.
private struct SplitLayer {
  let trained: SplitTensors, frozen: SplitTensors

  init(_ trained: [Tensor], _ frozen: [Tensor], _ group: ProcessGroup, bucketBytes: Int) {
    func split(_ tensors: [Tensor]) -> SplitTensors {
      SplitTensors(tensors, BucketLayout(tensors, bytes: bucketBytes, processes: group.size), group)
    }
    (self.trained, self.frozen) = (split(trained), split(frozen))
  }

  subscript(isTrained: Bool) -> SplitTensors { isTrained ? trained : frozen }

  func begin() throws {
    try trained.begin()
    try frozen.begin()
  }

  func take() throws {
    try trained.take()
    try frozen.take()
  }

  func release() {
    trained.release()
    frozen.release()
  }
}

/// What a layer knows of its weights' whereabouts.
private final class LayerSupply: WeightSupply {
  private let weights: LayerWeights
  private let layer: Int

  init(_ weights: LayerWeights, _ layer: Int) { (self.weights, self.layer) = (weights, layer) }

  func lend(for pass: ComputationPass, _ body: () -> Void) { weights.lend(layer, pass, body) }
}
