// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Testing

@Suite struct TokenBatchTests {
  private let first = EncodedExample(
    ids: [10, 11, 4, 0], supervised: [false, false, true, true],
    metrics: [
      MetricPosition(position: 2, candidate: 4, number: 0), MetricPosition(position: 3, candidate: 0, number: 0),
    ])
  private let second = EncodedExample(
    ids: [10, 7], supervised: [false, true], metrics: [MetricPosition(position: 1, candidate: 7, number: 0)])

  @Test func labelsAreShiftedByOne() {
    let batch = TokenBatch([first, second], pad: 99)
    #expect(batch.ids == [10, 11, 4, 0, 10, 7, 99, 99])
    #expect(batch.supervision.logitRows == [1, 2, 4])
    #expect(batch.supervision.labels == [4, 0, 7])
    #expect(batch.supervision.metrics.map(\.logitRow) == [0, 1, 2])
    #expect(batch.supervision.contrastLogitRows.isEmpty)
  }

  @Test func contrastiveExamplesBecomeRowsOfTheirOwn() {
    let contrastiveExample = ContrastiveExample(ids: [10, 11, 3, 9], differences: [0, 1])
    let batch = TokenBatch([first, second], contrastiveExamples: [contrastiveExample, nil])
    #expect(batch.rows == 3)
    #expect(Array(batch.ids[8...]) == [10, 11, 3, 9])
    #expect(batch.supervision.contrastLogitRows == [9, 10])
    #expect(batch.supervision.metrics[0].contrast == ContrastTarget(token: 3, difference: 0, logitRow: 0))
    #expect(batch.supervision.metrics[1].contrast == ContrastTarget(token: 9, difference: 1, logitRow: 1))
    #expect(batch.supervision.metrics[2].contrast == nil)
    let shared = TokenBatch([first, second], contrastiveExamples: [contrastiveExample, nil], twoPass: false)
    #expect(shared.rows == 2)
    #expect(shared.supervision.metrics[1].contrast == ContrastTarget(token: 9, difference: 1, logitRow: nil))
  }

  @Test func unsupervisedMetricTokensAndEmptyBatches() {
    var prompt = first
    prompt.supervised = [true, false, false, true]
    let batch = TokenBatch([prompt])
    #expect(batch.supervision.labels == [0])  // nothing predicts the first token
    #expect(batch.supervision.metrics.map(\.candidate) == [0])
    #expect(TokenBatch([]).rows == 0)
  }

  /// The longest first, each into the first row with room; a longer one has a row of its own.
  @Test func packingFitsFirst() {
    let examples = [3, 7, 2, 5, 12, 1].map { count in
      EncodedExample(
        ids: (0..<Int32(count)).map { 10 * Int32(count) + $0 }, supervised: .init(repeating: true, count: count))
    }
    let batch = TokenBatch(examples, layout: .packed(rowLength: 10), pad: -1)
    #expect(batch.rows == 3)
    #expect(batch.length == 12)
    #expect(batch.documentLengths == [[12], [7, 3], [5, 2, 1]])
    #expect(batch.documents == [19..<22, 12..<19, 29..<31, 24..<29, 0..<12, 31..<32])
    for (example, document) in zip(examples, batch.documents) { #expect(Array(batch.ids[document]) == example.ids) }
    #expect(batch.ids.filter { $0 == -1 }.count == 36 - 30)
    #expect(batch.lengths == [3, 7, 2, 5, 12, 1])
    for (logitRow, label) in zip(batch.supervision.logitRows, batch.supervision.labels) {
      #expect(batch.ids[Int(logitRow) + 1] == label)
    }
    #expect(TokenBatch(examples).documentLengths == nil)
    #expect(TokenBatch([], layout: .packed(rowLength: 4)).rows == 0)
  }

  /// Contrastive examples' passes are documents like others, and the supervision differs in where it points alone.
  @Test func packingKeepsTheSupervision() {
    let contrastiveExample = ContrastiveExample(ids: [10, 11, 3, 9], differences: [0, 1])
    let padded = TokenBatch([first, second], contrastiveExamples: [contrastiveExample, nil], streams: [5, 6])
    let packed = TokenBatch(
      [first, second], contrastiveExamples: [contrastiveExample, nil], layout: .packed(rowLength: 20), streams: [5, 6])
    #expect(packed.documentLengths == [[4, 4, 2]])
    #expect(packed.ids == [10, 11, 4, 0, 10, 11, 3, 9, 10, 7])
    #expect(packed.supervision.logitRows == [1, 2, 8])
    #expect(packed.supervision.contrastLogitRows == [5, 6])
    #expect(packed.supervision.metrics == padded.supervision.metrics)
    #expect(Set(packed.supervision.metrics.map(\.stream)).count == 3)
    #expect(TokenBatch([second], streams: [6]).supervision.metrics[0].stream == padded.supervision.metrics[2].stream)
  }
}
