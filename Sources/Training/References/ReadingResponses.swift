// SPDX-License-Identifier: Apache-2.0
package import MetricTokens

extension ReferenceModel {
  /// log π of the learnt tokens of each document of examples, which are read a few at a time, neighbours in length
  /// together: that saves padding.
  ///
  /// - Parameters:
  ///   - examples: of responses.
  ///   - microBatch: examples at a time.
  ///   - pad: id written into padding.
  ///   - shouldStop: asked after each batch; true ends it.
  ///   - progress: told how many examples are done.
  /// - Returns: by example, document and token; nil if it was stopped.
  /// - Throws: `TorchError` if an operation fails.
  package func logProbabilities(
    of examples: [EncodedExample], microBatch: Int = 8, pad: Int32, shouldStop: () -> Bool = { false },
    progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [[[Float]]]? {
    var values = [[[Float]]](repeating: [], count: examples.count)
    let order = examples.indices.sorted { (examples[$0].ids.count, $0) < (examples[$1].ids.count, $1) }
    for start in stride(from: 0, to: order.count, by: microBatch) {
      let chosen = order[start..<min(start + microBatch, order.count)]
      let batch = TokenBatch(chosen.map { examples[$0].withResponses }, pad: pad)
      let found = try logProbabilities(of: batch)
      for (index, group) in zip(chosen, batch.supervision.groups) {
        values[index] = batch.supervision.documents[group.documents].map { Array(found[$0.tokens]) }
      }
      progress(start + chosen.count)
      if shouldStop() { return nil }
    }
    return values
  }
}

extension EncodedExample {
  /// The example itself, which has to be one of responses.
  fileprivate var withResponses: EncodedExample {
    precondition(responses != nil, "\(source) has no responses")
    return self
  }
}
