/// Examples as rows of one length, as plain values: one in each row and padding on the right, or several end to end.
///
/// Causal attention never looks right, so padding at the end changes nothing at real positions. Where a row holds
/// several documents, the model has to be told (`documentLengths`).
public struct TokenBatch: Sendable, Hashable {
  /// Number of rows B.
  public var rows: Int
  /// Length of the rows T.
  public var length: Int
  /// Token ids `[B, T]`, row major.
  public var ids: [Int32]
  /// Where each sequence lies in `ids`, inside one row: the examples in the order of `sources`, then the neighbours'
  /// passes.
  public var documents: [Range<Int>]
  /// The supervised positions, shifted.
  public var supervision: Supervision
  /// Names of the examples, for errors. Count ≤ that of `documents`.
  public var sources: [String]

  /// Memberwise.
  public init(
    rows: Int, length: Int, ids: [Int32], documents: [Range<Int>], supervision: Supervision, sources: [String] = []
  ) {
    precondition(ids.count == rows * length, "\(ids.count) ids for [\(rows), \(length)]")
    self.rows = rows
    self.length = length
    self.ids = ids
    self.documents = documents
    self.supervision = supervision
    self.sources = sources
  }

  /// Tokens of each sequence, in the order of `documents`.
  public var lengths: [Int] { documents.map(\.count) }

  /// For each row the lengths of its documents from left to right; nil if every row holds one, and plain causal order
  /// is all that attention needs.
  public var documentLengths: [[Int]]? {
    guard documents.count > rows else { return nil }
    var lengths = [[Int]](repeating: [], count: rows)
    for document in documents.sorted(by: { $0.lowerBound < $1.lowerBound }) where !document.isEmpty {
      lengths[document.lowerBound / length].append(document.count)
    }
    return lengths
  }

  /// Collates examples: lays them out and shifts labels by one — here and nowhere else.
  ///
  /// - Parameters:
  ///   - neighbours: for each example its neighbour, or nil. With `twoPass`, neighbours become sequences of their own
  ///     after the examples, and contrast targets point into them; without, they use the example's own pass.
  ///   - layout: how they become rows. The supervision is the same but for where its queries point.
  ///   - pad: id written into padding (never attended to by a real position).
  ///   - streams: for each example the key of its random numbers, from which each metric token's is made
  ///     (`MetricTarget.stream`); empty: its place in the batch.
  public init(
    _ examples: [EncodedExample], neighbours: [NeighbourExample?] = [], twoPass: Bool = true,
    layout: BatchLayout = .padded, pad: Int32 = 0, streams: [UInt64] = []
  ) {
    precondition(neighbours.isEmpty || neighbours.count == examples.count, "one neighbour (or nil) per example")
    precondition(streams.isEmpty || streams.count == examples.count, "one stream per example")
    let extra = twoPass ? neighbours.compactMap { $0 } : []
    let sequences = examples.map(\.ids) + extra.map(\.ids)
    let (rows, length, documents) = layout.place(sequences.map(\.count))
    var ids = [Int32](repeating: pad, count: rows * length)
    for (document, sequence) in zip(documents, sequences) { ids.replaceSubrange(document, with: sequence) }

    var supervision = Supervision()
    var pass = examples.count
    for (index, example) in examples.enumerated() {
      let neighbour = neighbours.isEmpty ? nil : neighbours[index]
      supervision.append(
        example, at: documents[index].lowerBound, neighbour: neighbour,
        neighbourStart: twoPass && neighbour != nil ? documents[pass].lowerBound : nil,
        stream: streams.isEmpty ? UInt64(index) : streams[index])
      if neighbour != nil { pass += 1 }
    }
    self.init(
      rows: rows, length: length, ids: ids, documents: documents, supervision: supervision,
      sources: examples.map(\.source))
  }
}

extension Supervision {
  /// Adds an example whose first token is at `start` of the flattened ids, and its neighbour's at `neighbourStart`.
  fileprivate mutating func append(
    _ example: EncodedExample, at start: Int, neighbour: NeighbourExample?, neighbourStart: Int?, stream: UInt64
  ) {
    var queryOf = [Int: Int]()  // position of a target token → index into queries
    for position in example.ids.indices.dropFirst() where example.supervised[position] {
      queryOf[position] = labels.count
      queries.append(Int32(start + position - 1))
      labels.append(example.ids[position])
    }
    for (index, metric) in example.metrics.enumerated() {
      guard let query = queryOf[metric.position] else { continue }
      var contrast: ContrastTarget?
      if let neighbour, let difference = neighbour.differences[index] {
        contrast = ContrastTarget(token: neighbour.ids[metric.position], difference: difference, query: nil)
        if let neighbourStart {
          contrast?.query = contrastQueries.count
          contrastQueries.append(Int32(neighbourStart + metric.position - 1))
        }
      }
      var random = CounterGenerator(stream, UInt64(metric.position))
      metrics.append(
        MetricTarget(
          query: query, metric: metric.metric, candidate: metric.candidate, place: metric.place, contrast: contrast,
          stream: random.next()))
    }
  }
}
