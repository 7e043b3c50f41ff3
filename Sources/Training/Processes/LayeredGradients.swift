// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// Gradients of a model whose layers' weights are split (``Sharding/parameters``): those of a layer leave for the processes
/// that update with them when the layer has gone backward, those of everything else (embeddings, head, adapters) at the end of
/// a pass. So what is exchanged has the same order in all processes, with something to learn from or without.
final class LayeredGradients: StepGradients {
  let isSharded = true, sharesUpdates = true
  let parts: [ParameterPart]
  /// Those of layers.
  let weights: LayerWeights
  private let group: ProcessGroup
  /// Weights outside of layers.
  private let rest: FlatWeights
  private let sums: ShareSums
  /// Of each layer, and of the rest, which is last.
  private let departing: [DepartingGradients]
  /// Where a parameter's gradient is among these.
  private let places: [(owner: Int, index: Int)]
  private let buffers = GradientBuffers(keeping: false)
  /// Passes of this step so far.
  private var passes = 0

  init(_ parameters: [Tensor], in module: Module, _ group: ProcessGroup, bucketBytes: Int) {
    self.group = group
    let weights = LayerWeights(module, trained: parameters, group, bucketBytes: bucketBytes), layers = weights.count
    var places = [(owner: Int, index: Int)](), members = [[Int]](repeating: [], count: layers + 1)
    for (number, parameter) in parameters.enumerated() {
      let place = weights.place(ofTrained: parameter)
      places.append((place?.layer ?? layers, place?.index ?? members[layers].count))
      members[place?.layer ?? layers].append(number)
    }
    for owner in members.indices { members[owner].sort { places[$0].index < places[$1].index } }
    let others = members[layers].map { parameters[$0] }
    let layout = BucketLayout(others, bytes: bucketBytes, processes: group.size)
    let layouts = (0..<layers).map { weights.layout(ofTrained: $0) } + [layout], sums = ShareSums(group)
    rest = FlatWeights(others, layout, group)
    departing = zip(layouts, members).map { layout, members in
      DepartingGradients(members.map { parameters[$0] }, layout, sums)
    }
    parts = zip(layouts, members).flatMap { layout, members in
      layout.parts(rank: group.rank).map { ParameterPart(parameter: members[$0.parameter], range: $0.range) }
    }.sorted { ($0.parameter, $0.range.lowerBound) < ($1.parameter, $1.range.lowerBound) }
    (self.weights, self.sums, self.places) = (weights, sums, places)
    weights.didGoBackward = { [departing] in try departing[$0].send() }
  }

  func add(isLast: Bool, _ pass: () throws -> Bool) throws {
    // Without the weights a loss is not finite: what kept them away is the error.
    do { _ = try withGradientsInPlace(buffers, pass) } catch { throw weights.failure ?? error }
    try weights.settle()
    try departing[weights.count].send()
    passes += 1
  }

  func finish(passes most: Int) throws -> [Tensor?] {
    while passes < most { try add(isLast: passes == most - 1) { false } }
    let isAnywhere = try group.sumOfMarks(places.map { departing[$0.owner].isThere[$0.index] })
    try sums.finish()
    return parts.map { part in
      let (owner, own) = local(part)
      return isAnywhere[part.parameter] ? departing[owner].sum(of: own, rank: group.rank) : nil
    }
  }

  func clear() {
    passes = 0
    sums.clear()
    for gradients in departing { gradients.clear() }
  }

  /// Where this process holds a part of the weights, `[elements]`; nil for the memory of the parameter.
  func memory(of part: ParameterPart) -> Tensor? {
    let (owner, part) = local(part)
    return owner < weights.count ? weights.memory(of: part, layer: owner) : nil
  }

  func shareUpdates() throws { try rest.gather() }

  /// Whose it is, and the part of a parameter numbered as there.
  private func local(_ part: ParameterPart) -> (owner: Int, part: ParameterPart) {
    let place = places[part.parameter]
    return (place.owner, ParameterPart(parameter: place.index, range: part.range))
  }
}
