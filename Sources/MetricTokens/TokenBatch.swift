/// Examples side by side, padded on the right, as plain values.
///
/// Causal attention never looks right, so padding at the end changes nothing at real positions.
public struct TokenBatch: Sendable, Hashable {
  /// Number of sequences B (neighbours' passes included).
  public var rows: Int
  /// Padded length T.
  public var length: Int
  /// Token ids `[B, T]`, row major.
  public var ids: [Int32]
  /// Real length of each row. Count B.
  public var lengths: [Int]
  /// The supervised positions, shifted.
  public var supervision: Supervision
  /// Names of the examples, for errors. Count ≤ B.
  public var sources: [String]

  /// Memberwise.
  public init(rows: Int, length: Int, ids: [Int32], lengths: [Int], supervision: Supervision, sources: [String] = []) {
    precondition(ids.count == rows * length, "\(ids.count) ids for [\(rows), \(length)]")
    self.rows = rows
    self.length = length
    self.ids = ids
    self.lengths = lengths
    self.supervision = supervision
    self.sources = sources
  }

  /// Collates examples: pads on the right and shifts labels by one — here and nowhere else.
  ///
  /// - Parameters:
  ///   - neighbours: for each example its neighbour, or nil. With `twoPass`, neighbours become rows of their own
  ///     after the examples, and contrast targets point into them; without, they use the example's own pass.
  ///   - pad: id written into padding (never attended to by a real position).
  public init(
    _ examples: [EncodedExample], neighbours: [NeighbourExample?] = [], twoPass: Bool = true, pad: Int32 = 0
  ) {
    precondition(neighbours.isEmpty || neighbours.count == examples.count, "one neighbour (or nil) per example")
    let extra = twoPass ? neighbours.compactMap { $0 } : []
    let sequences = examples.map(\.ids) + extra.map(\.ids)
    let length = sequences.map(\.count).max() ?? 0
    var ids = [Int32](repeating: pad, count: sequences.count * length)
    for (row, sequence) in sequences.enumerated() {
      ids.replaceSubrange(row * length..<row * length + sequence.count, with: sequence)
    }

    var supervision = Supervision()
    var neighbourRow = examples.count
    for (row, example) in examples.enumerated() {
      var queryOf = [Int: Int]()  // position of a target token → index into queries
      for position in example.ids.indices.dropFirst() where example.supervised[position] {
        queryOf[position] = supervision.labels.count
        supervision.queries.append(Int32(row * length + position - 1))
        supervision.labels.append(example.ids[position])
      }
      let neighbour = neighbours.isEmpty ? nil : neighbours[row]
      for (index, metric) in example.metrics.enumerated() {
        guard let query = queryOf[metric.position] else { continue }
        var contrast: ContrastTarget?
        if let neighbour, let difference = neighbour.differences[index] {
          contrast = ContrastTarget(token: neighbour.ids[metric.position], difference: difference, query: nil)
          if twoPass {
            contrast?.query = supervision.contrastQueries.count
            supervision.contrastQueries.append(Int32(neighbourRow * length + metric.position - 1))
          }
        }
        supervision.metrics.append(
          MetricTarget(
            query: query, metric: metric.metric, candidate: metric.candidate, place: metric.place, contrast: contrast))
      }
      if neighbour != nil { neighbourRow += 1 }
    }
    self.init(
      rows: sequences.count, length: length, ids: ids, lengths: sequences.map(\.count), supervision: supervision,
      sources: examples.map(\.source))
  }
}
