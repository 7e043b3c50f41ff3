// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// Encoded examples by index. An array is one.
public protocol ExampleCollection {
  /// Number of examples.
  var count: Int { get }
  /// One of them.
  func example(_ index: Int) throws -> EncodedExample
  /// The same, as an epoch sees it, where epochs see different things: other crops of an image, for instance.
  /// ``example(_:)`` by default.
  func example(_ index: Int, epoch: Int) throws -> EncodedExample
}

extension ExampleCollection {
  /// The example; the same one in every epoch.
  public func example(_ index: Int, epoch: Int) throws -> EncodedExample { try example(index) }
}

extension Array: ExampleCollection where Element == EncodedExample {
  /// The element itself.
  public func example(_ index: Int) -> EncodedExample { self[index] }
}

/// Source of batches for the loop.
public protocol BatchSource: AnyObject {
  /// Which examples each step reads. A checkpoint stores it, and a run with another plan cannot go on from there.
  var plan: BatchPlan { get }
  /// The micro-batches of an optimizer step, in any order: the loss is a sum over all of them, divided by the
  /// denominators of all of them.
  func batches(ofStep step: Int) throws -> [TokenBatch]
  /// What is supervised in those: for counting, without what only the model reads.
  func supervisions(ofStep step: Int) throws -> [Supervision]
}

extension BatchSource {
  /// Those of the batches, made for this.
  public func supervisions(ofStep step: Int) throws -> [Supervision] {
    try batches(ofStep: step).map(\.supervision)
  }
}

/// Examples collated as the plan says, cut into micro-batches that fit in memory.
///
/// Neither micro-batches nor layout change which examples a step reads, its loss or its gradients.
public final class ExampleBatches: BatchSource {
  /// Draws a contrastive example for contrastive augmentation (A.2) from example, epoch and index in the data set
  /// alone.
  public typealias ContrastiveDraw = (_ example: EncodedExample, _ epoch: Int, _ index: Int) -> ContrastiveExample?

  /// Puts targets into an example when it is read, from example, epoch and index in the data set alone
  /// (`ValueTeacher`).
  public typealias Teaching = (_ example: EncodedExample, _ epoch: Int, _ index: Int) throws -> EncodedExample

  /// Reads the images of an example and prepares them.
  public typealias Images = (_ example: EncodedExample) throws -> [PlacedImage]

  /// Which examples a step has.
  public let plan: BatchPlan
  private let examples: any ExampleCollection
  private let share: StepShare
  private let microBatch: MicroBatch
  private let layout: BatchLayout
  private let pad: Int32
  private let twoPass: Bool
  private let contrastiveExample: ContrastiveDraw?
  private let teaching: Teaching?
  private let images: Images?
  private var order: PlannedOrder

  /// - Parameters:
  ///   - examples: as many as the plan counts.
  ///   - share: which of a step's examples this process takes.
  ///   - microBatch: how much is computed in a forward pass.
  ///   - layout: how examples of different lengths become rows.
  ///   - pad: id written into padding.
  ///   - twoPass: whether a contrastive example gets a forward pass of its own (`ContrastiveSampler`, `TokenBatch`).
  ///   - contrastiveExample: nil for no contrastive augmentation.
  ///   - teaching: nil where all targets are made from tokens.
  ///   - images: asked for every example of a step, on the thread that asks for batches, when its batch is made; nil
  ///     for examples without images.
  public init(
    _ examples: any ExampleCollection, plan: BatchPlan, share: StepShare = .whole, microBatch: MicroBatch = .wholeStep,
    layout: BatchLayout = .padded, pad: Int32 = 0, twoPass: Bool = true, contrastiveExample: ContrastiveDraw? = nil,
    teaching: Teaching? = nil, images: Images? = nil
  ) {
    precondition(examples.count == plan.count, "\(examples.count) examples, a plan for \(plan.count)")
    self.examples = examples
    self.plan = plan
    order = PlannedOrder(plan)
    self.share = share
    self.microBatch = microBatch
    self.layout = layout
    self.pad = pad
    self.twoPass = twoPass
    self.contrastiveExample = contrastiveExample
    self.teaching = teaching
    self.images = images
  }

  /// The micro-batches of a step.
  ///
  /// - Throws: `InputError` for an example that cannot be made.
  public func batches(ofStep step: Int) throws -> [TokenBatch] { try batches(ofStep: step, images: images) }

  /// What is supervised in a step, without images.
  public func supervisions(ofStep step: Int) throws -> [Supervision] {
    try batches(ofStep: step, images: nil).map(\.supervision)
  }

  private func batches(ofStep step: Int, images: Images?) throws -> [TokenBatch] {
    let (epoch, indices) = order.examples(ofStep: step)
    let chosen = try indices.map { index in
      let read = try examples.example(index, epoch: epoch)
      let example = try teaching?(read, epoch, index) ?? read
      return Chosen(index: index, example: example, contrastiveExample: contrastiveExample?(example, epoch, index))
    }
    let own = share.dealt(chosen.map { $0.tokens(twoPass: twoPass) }).map { chosen[$0] }
    return try microBatch.cut(own, layout, twoPass: twoPass).map { part in
      var batch = try TokenBatch(
        part.map(\.example), contrastiveExamples: part.map(\.contrastiveExample), twoPass: twoPass, layout: layout,
        pad: pad,
        streams: part.map { chosen in
          var random = CounterGenerator(plan.seed, UInt64(epoch), UInt64(chosen.index))
          return random.next()
        }, images: images.map { images in try part.map { try images($0.example) } } ?? [])
      batch.indices = part.map(\.index)
      return batch
    }
  }
}

/// An example of a step.
struct Chosen {
  /// Its index in the data set.
  var index: Int
  var example: EncodedExample
  var contrastiveExample: ContrastiveExample?

  /// How often it goes through the model.
  func passes(twoPass: Bool) -> Int { twoPass && contrastiveExample != nil ? 2 : 1 }

  /// Tokens that go through the model.
  func tokens(twoPass: Bool) -> Int { passes(twoPass: twoPass) * example.ids.count }
}
