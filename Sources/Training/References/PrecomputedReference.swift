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
      let values = try reference.logProbabilities(
        of: part.map { try examples.example($0) }, microBatch: microBatch, pad: pad, shouldStop: shouldStop,
        progress: { progress(part.lowerBound + $0, count) })
      guard let values else { return false }
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
}
