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
    #expect(batch.supervision.queries == [1, 2, 4])
    #expect(batch.supervision.labels == [4, 0, 7])
    #expect(batch.supervision.metrics.map(\.query) == [0, 1, 2])
    #expect(batch.supervision.contrastQueries.isEmpty)
  }

  @Test func neighboursBecomeRowsOfTheirOwn() {
    let neighbour = NeighbourExample(ids: [10, 11, 3, 9], differences: [0, 1])
    let batch = TokenBatch([first, second], neighbours: [neighbour, nil])
    #expect(batch.rows == 3)
    #expect(Array(batch.ids[8...]) == [10, 11, 3, 9])
    #expect(batch.supervision.contrastQueries == [9, 10])
    #expect(batch.supervision.metrics[0].contrast == ContrastTarget(token: 3, difference: 0, query: 0))
    #expect(batch.supervision.metrics[1].contrast == ContrastTarget(token: 9, difference: 1, query: 1))
    #expect(batch.supervision.metrics[2].contrast == nil)
    let shared = TokenBatch([first, second], neighbours: [neighbour, nil], twoPass: false)
    #expect(shared.rows == 2)
    #expect(shared.supervision.metrics[1].contrast == ContrastTarget(token: 9, difference: 1, query: nil))
  }

  @Test func unsupervisedMetricTokensAndEmptyBatches() {
    var prompt = first
    prompt.supervised = [true, false, false, true]
    let batch = TokenBatch([prompt])
    #expect(batch.supervision.labels == [0])  // nothing predicts the first token
    #expect(batch.supervision.metrics.map(\.candidate) == [0])
    #expect(TokenBatch([]).rows == 0)
  }
}
