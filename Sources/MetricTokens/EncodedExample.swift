/// A metric token inside an encoded example.
public struct MetricPosition: Sendable, Hashable, Codable {
  /// Index of the metric token in `EncodedExample.ids`.
  public var position: Int
  /// Which of the run's metrics (token space, distance, temperature) it belongs to.
  public var metric: Int
  /// Index of the token among that space's candidates.
  public var candidate: Int
  /// Place of the digit in its number.
  public var place: PlaceValue
  /// Which number of the example it is part of: tokens of one number share an ordinal.
  public var number: Int

  /// Memberwise.
  public init(position: Int, metric: Int = 0, candidate: Int, place: PlaceValue = .whole, number: Int) {
    self.position = position
    self.metric = metric
    self.candidate = candidate
    self.place = place
    self.number = number
  }
}

/// One example as token ids: what is read, what is learnt, and which tokens carry a distance.
public struct EncodedExample: Sendable, Hashable, Codable {
  /// Token ids, prompt and answer together.
  public var ids: [Int32]
  /// For each token, whether it is a target of cross entropy. Same count as `ids`; `supervised[0]` is ignored,
  /// since nothing predicts the first token.
  public var supervised: [Bool]
  /// The metric tokens, in order of position.
  public var metrics: [MetricPosition]
  /// Name shown in errors and events: `train.jsonl line 12`.
  public var source: String

  /// Memberwise.
  public init(ids: [Int32], supervised: [Bool], metrics: [MetricPosition] = [], source: String = "") {
    precondition(ids.count == supervised.count, "\(ids.count) ids, \(supervised.count) supervision marks")
    self.ids = ids
    self.supervised = supervised
    self.metrics = metrics
    self.source = source
  }
}

/// A neighbour x̄ of an example's numbers, token for token beside it.
public struct NeighbourExample: Sendable, Hashable {
  /// Same count as the example's ids; differs only at metric positions.
  public var ids: [Int32]
  /// Digit of |x − x̄| for each entry of `EncodedExample.metrics`; nil where the number has no neighbour.
  public var differences: [Double?]

  /// Memberwise.
  public init(ids: [Int32], differences: [Double?]) {
    self.ids = ids
    self.differences = differences
  }
}
