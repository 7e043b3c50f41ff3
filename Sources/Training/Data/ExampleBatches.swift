public import MetricTokens

/// Encoded examples by index. An array is one.
public protocol ExampleCollection {
  /// Number of examples.
  var count: Int { get }
  /// One of them.
  func example(_ index: Int) throws -> EncodedExample
}

extension Array: ExampleCollection where Element == EncodedExample {
  /// The element itself.
  public func example(_ index: Int) -> EncodedExample { self[index] }
}

/// What the loop asks for batches.
public protocol BatchSource: AnyObject {
  /// Which examples each step reads. A checkpoint stores it, and a run with another plan cannot go on from there.
  var plan: BatchPlan { get }
  /// The micro-batches of an optimizer step, in any order: the loss is a sum over all of them, divided by the
  /// denominators of all of them.
  func batches(ofStep step: Int) throws -> [TokenBatch]
}

/// Examples collated as the plan says, cut into micro-batches that fit in memory.
public final class ExampleBatches: BatchSource {
  /// Draws a neighbour for contrastive augmentation (A.2) from example, epoch and index in the data set alone.
  public typealias Neighbour = (_ example: EncodedExample, _ epoch: Int, _ index: Int) -> NeighbourExample?

  public let plan: BatchPlan
  private let examples: any ExampleCollection
  private let microBatch: Int
  private let pad: Int32
  private let twoPass: Bool
  private let neighbour: Neighbour?
  private var epoch: (number: Int, order: [Int])?

  /// - Parameters:
  ///   - examples: as many as the plan counts.
  ///   - microBatch: examples per forward pass; nil means all of a step's.
  ///   - pad: id written into padding.
  ///   - twoPass: whether a neighbour gets a forward pass of its own (`NeighbourSampler`, `TokenBatch`).
  ///   - neighbour: nil for no contrastive augmentation.
  public init(
    _ examples: any ExampleCollection, plan: BatchPlan, microBatch: Int? = nil, pad: Int32 = 0, twoPass: Bool = true,
    neighbour: Neighbour? = nil
  ) {
    precondition(examples.count == plan.count, "\(examples.count) examples, a plan for \(plan.count)")
    precondition(microBatch ?? 1 > 0, "a micro-batch of \(microBatch ?? 1)")
    self.examples = examples
    self.plan = plan
    self.microBatch = microBatch ?? plan.batch
    self.pad = pad
    self.twoPass = twoPass
    self.neighbour = neighbour
  }

  public func batches(ofStep step: Int) throws -> [TokenBatch] {
    let (epoch, range) = plan.place(ofStep: step)
    var chosen = try order(ofEpoch: epoch)[range].map { (index: $0, example: try examples.example($0)) }
    // Neighbours in length share a micro-batch, which saves padding and changes no sum.
    if chosen.count > microBatch { chosen.sort { ($0.example.ids.count, $0.index) < ($1.example.ids.count, $1.index) } }
    return stride(from: 0, to: chosen.count, by: microBatch).map { start in
      let part = chosen[start..<min(start + microBatch, chosen.count)]
      let neighbours = neighbour.map { draw in part.map { draw($0.example, epoch, $0.index) } } ?? []
      return TokenBatch(part.map(\.example), neighbours: neighbours, twoPass: twoPass, pad: pad)
    }
  }

  private func order(ofEpoch number: Int) -> [Int] {
    if let epoch, epoch.number == number { return epoch.order }
    let order = plan.order(ofEpoch: number)
    epoch = (number, order)
    return order
  }
}
