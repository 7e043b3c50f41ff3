// SPDX-License-Identifier: Apache-2.0
import Files
public import MetricTokens

extension ReferenceCache {
  /// Computes what is missing of the log-probabilities of examples' learnt tokens.
  ///
  /// - Parameters:
  ///   - examples: as many as the cache is for.
  ///   - microBatch: examples at a time.
  ///   - pad: id written into padding.
  ///   - shouldStop: asked after each batch; true ends the computation, and parts that are whole stay.
  ///   - progress: told how many examples are done.
  /// - Returns: whether nothing is missing any more.
  /// - Throws: `InputError` for an example that cannot be read or a file that cannot be written, `TorchError` if an
  ///   operation fails.
  @discardableResult
  public func compute(
    _ examples: any ExampleCollection, by reference: ReferenceModel, microBatch: Int = 8, pad: Int32 = 0,
    shouldStop: () -> Bool = { false }, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> Bool {
    precondition(examples.count == count && microBatch > 0, "\(examples.count) examples, a cache for \(count)")
    for part in missing {
      var values = [[[Float]]](repeating: [], count: part.count)
      // Neighbours in length share a batch, which saves padding.
      let own = try part.map { try examples.example($0) }
      let order = own.indices.sorted { (own[$0].ids.count, $0) < (own[$1].ids.count, $1) }
      for start in stride(from: 0, to: order.count, by: microBatch) {
        let chosen = order[start..<min(start + microBatch, order.count)]
        let batch = TokenBatch(chosen.map { own[$0].withResponses }, pad: pad)
        let found = try reference.logProbabilities(of: batch)
        for (index, group) in zip(chosen, batch.supervision.groups) {
          values[index] = batch.supervision.documents[group.documents].map { Array(found[$0.tokens]) }
        }
        progress(part.lowerBound + min(start + microBatch, order.count), count)
        if shouldStop() { return false }
      }
      try write(values, of: part)
    }
    return true
  }
}

/// Examples with the log-probabilities that a cache holds of them.
public struct ReferencedExamples: ExampleCollection {
  private let examples: any ExampleCollection
  private let cache: ReferenceCache

  /// - Parameter cache: complete (``ReferenceCache/missing``), of these examples.
  public init(_ examples: any ExampleCollection, _ cache: ReferenceCache) {
    precondition(examples.count == cache.count, "\(examples.count) examples, a cache of \(cache.count)")
    (self.examples, self.cache) = (examples, cache)
  }

  /// Number of examples.
  public var count: Int { examples.count }

  /// An example with its values.
  ///
  /// - Throws: `InputError` if the cache does not have as many as the example has learnt tokens.
  public func example(_ index: Int) throws -> EncodedExample {
    var example = try examples.example(index)
    let values = try cache.values(of: index), learnt = example.learntTokens
    guard values.map(\.count) == learnt, var responses = example.responses else {
      throw InputError(
        path: cache.folder, place: "example \(index)", expected: "values of \(learnt) learnt tokens",
        found: "\(values.map(\.count))", remedy: "Remove the folder, and compute them again.")
    }
    if responses.tokens.isEmpty { responses.tokens = values.map { _ in TokenValues() } }
    for document in values.indices { responses.tokens[document].reference = values[document] }
    example.responses = responses
    return example
  }
}

extension EncodedExample {
  /// Learnt tokens of each document.
  fileprivate var learntTokens: [Int] { documents.map { $0.dropFirst().count { supervised[$0] } } }
  /// The example itself, which has to be one of responses.
  fileprivate var withResponses: EncodedExample {
    precondition(responses != nil, "\(source) has no responses")
    return self
  }
}
