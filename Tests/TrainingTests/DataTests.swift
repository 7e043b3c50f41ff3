// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Testing
import Training

@Suite struct DataTests {
  struct Order: Decodable {
    var count: Int
    var seed: String
    var epoch: Int
    var order: [Int]
  }

  /// The order of a run may never change: its checkpoints store a position in it.
  @Test func ordersAreThoseOfAnIndependentImplementation() throws {
    let orders: [Order] = try Fixture.json("order.json")
    for wanted in orders {
      let plan = BatchPlan(count: wanted.count, batch: 1, seed: try #require(UInt64(wanted.seed)))
      #expect(plan.order(ofEpoch: wanted.epoch) == wanted.order)
      #expect(wanted.order.sorted() == Array(0..<wanted.count))
    }
  }

  @Test(arguments: [(14, 4, 4), (12, 4, 3), (3, 5, 1), (1, 1, 1)])
  func everyEpochReadsEveryExampleOnce(count: Int, batch: Int, steps: Int) {
    let plan = BatchPlan(count: count, batch: batch, seed: 9)
    #expect(plan.stepsPerEpoch == steps)
    for epoch in 0..<3 {
      let places = (epoch * steps..<(epoch + 1) * steps).map(plan.place)
      #expect(places.allSatisfy { $0.epoch == epoch && !$0.range.isEmpty && $0.range.count <= batch })
      #expect(places.flatMap { Array($0.range) } == Array(0..<count))
    }
  }

  @Test func lengthsCountStepsOrEpochs() {
    let plan = BatchPlan(count: 14, batch: 4)
    #expect(TrainingLength.steps(7).steps(of: plan) == 7)
    #expect(TrainingLength.epochs(3).steps(of: plan) == 12)
    #expect(TrainingLength.epochs(0.3).steps(of: plan) == 2)
  }

  @Test func stepsDependOnNothingThatWasAskedBefore() throws {
    let read = try toyBatches(seed: 5), fresh = try toyBatches(seed: 5)
    let sequence = try (0..<9).map { try read.batches(ofStep: $0) }
    #expect(try fresh.batches(ofStep: 7) == sequence[7])
    #expect(try fresh.batches(ofStep: 2) == sequence[2])
    #expect(try toyBatches(seed: 6).batches(ofStep: 2) != sequence[2])
  }

  @Test func microBatchesHoldTheStepsExamplesInOrderOfLength() throws {
    let whole = try #require(try toyBatches(seed: 1).batches(ofStep: 0).first)
    let parts = try toyBatches(microBatch: 3, seed: 1).batches(ofStep: 0)
    #expect(parts.map(\.rows) == [3, 1])
    #expect(parts.flatMap(\.sources).sorted() == whole.sources.sorted())
    #expect(parts.flatMap(\.lengths) == whole.lengths.sorted())
  }

  @Test func contrastiveExamplesAreAskedForByEpochAndIndex() throws {
    let examples = try Fixture.toyRun().examples
    var asked: [String] = []
    let batches = ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: 4, shuffled: false),
      contrastiveExample: { example, epoch, index in
        asked.append("\(epoch) \(index)")
        #expect(example == examples[index])
        return index == 5 ? ContrastiveExample(ids: example.ids, differences: example.metrics.map { _ in 1 }) : nil
      })
    let batch = try #require(try batches.batches(ofStep: 5).first)
    #expect(asked == ["1 4", "1 5", "1 6", "1 7"])
    #expect(batch.rows == 5)
    #expect(batch.supervision.contrastLogitRows.count == examples[5].metrics.count)
  }
}
