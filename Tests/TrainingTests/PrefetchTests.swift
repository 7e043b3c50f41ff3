// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Synchronization
import Testing
import Torch
import Training

@Suite struct PrefetchTests {
  /// Examples that are made when asked for, with what was asked for and by which thread.
  final class Lazy: ExampleCollection, Sendable {
    struct Unreadable: Error, Equatable { var index: Int }
    let examples: [EncodedExample]
    let broken: Int?
    let asked = Mutex<[(index: Int, isMine: Bool)]>([])
    private let thread = ObjectIdentifier(Thread.current)

    init(broken: Int? = nil) throws {
      examples = try Fixture.toyRun().examples
      self.broken = broken
    }

    var count: Int { examples.count }

    func example(_ index: Int) throws -> EncodedExample {
      asked.withLock { $0.append((index, ObjectIdentifier(Thread.current) == thread)) }
      if index == broken { throw Unreadable(index: index) }
      return examples[index]
    }
  }

  private func source(_ examples: Lazy, shuffled: Bool = true) -> ExampleBatches {
    ExampleBatches(examples, plan: BatchPlan(count: examples.count, batch: 4, seed: 3, shuffled: shuffled))
  }

  @Test func batchesAreThoseOfTheSource() throws {
    let plain = source(try Lazy()), prefetched = PrefetchedBatches(source(try Lazy()))
    #expect(prefetched.plan == plain.plan)
    for step in [0, 1, 2, 3, 4, 7, 8, 2, 2] {  // in order, and not
      #expect(try prefetched.batches(ofStep: step) == plain.batches(ofStep: step))
    }
  }

  @Test func theNextStepIsPreparedWithoutBeingAskedFor() throws {
    let examples = try Lazy(), prefetched = PrefetchedBatches(source(examples, shuffled: false))
    _ = try prefetched.batches(ofStep: 0)
    let deadline = Date(timeIntervalSinceNow: 20)
    while examples.asked.withLock({ $0.count }) < 8, Date() < deadline { Thread.sleep(forTimeInterval: 0.001) }
    let asked = examples.asked.withLock { $0 }
    #expect(asked.map(\.index) == Array(0..<8))
    #expect(asked.suffix(4).allSatisfy { !$0.isMine })
    _ = try prefetched.batches(ofStep: 1)
    #expect(examples.asked.withLock { $0.prefix(8).map(\.index) } == Array(0..<8))  // and not a second time
  }

  /// An example that cannot be read stops its own step: not the one before, and not one after.
  @Test func errorsAppearAtTheirStep() throws {
    let prefetched = PrefetchedBatches(source(try Lazy(broken: 5), shuffled: false))
    #expect(try prefetched.batches(ofStep: 0).count == 1)
    for _ in 0..<2 {
      let error = #expect(throws: Lazy.Unreadable.self) { try prefetched.batches(ofStep: 1) }
      #expect(error == Lazy.Unreadable(index: 5))
    }
    #expect(try prefetched.batches(ofStep: 2).count == 1)
  }

  @Test func runsAreEqualBitForBit() throws {
    func train(_ source: any BatchSource) throws -> (losses: [Double], weights: [String: [Double]]) {
      let model = try Toy(dtype: .float32)
      let losses = try Trainer(model, toyObjective(), toyRule, options: toyOptions).fit(source).losses
      return (losses, weights(of: model))
    }
    let plain = try train(source(try Lazy())), prefetched = try train(PrefetchedBatches(source(try Lazy())))
    #expect(plain == prefetched)
  }

  /// Nothing is kept after the end, whether a step failed or not.
  @Test(arguments: [nil, 5]) func nothingIsKept(broken: Int?) throws {
    weak var kept: Lazy?
    do {
      let examples = try Lazy(broken: broken)
      kept = examples
      let prefetched = PrefetchedBatches(source(examples, shuffled: false))
      _ = try? prefetched.batches(ofStep: 0)
      _ = try? prefetched.batches(ofStep: 1)
    }
    let deadline = Date(timeIntervalSinceNow: 20)
    while kept != nil, Date() < deadline { Thread.sleep(forTimeInterval: 0.001) }
    #expect(kept == nil)
  }
}
