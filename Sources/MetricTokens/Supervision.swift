/// Where a digit stands in its number. Distances weigh by it (equation 9); nothing else reads it.
public struct PlaceValue: Sendable, Hashable, Codable {
  /// Rank from the least significant digit of the whole number, ignoring sign and point: 0.123 → 4, 3, 2, 1.
  public var rankInNumber: Int
  /// Rank from the right inside the unbroken run of digit tokens: 0.123 → 1 for `0`, then 3, 2, 1.
  public var rankInRun: Int
  /// Power of ten of the digit: 0 for units, 1 for tens, −1 for tenths.
  public var exponent: Int

  /// Memberwise.
  public init(rankInNumber: Int, rankInRun: Int, exponent: Int) {
    self.rankInNumber = rankInNumber
    self.rankInRun = rankInRun
    self.exponent = exponent
  }

  /// A token that is a whole value by itself (a score, a bin, a code): weight 1 under every rule.
  public static let whole = PlaceValue(rankInNumber: 1, rankInRun: 1, exponent: 0)
}

/// The neighbour's token that joins the candidates of one metric position (A.2, contrastive target augmentation).
public struct ContrastTarget: Sendable, Hashable {
  /// Vocabulary id of the neighbour's token x̄_t.
  public var token: Int32
  /// Digit of |x − x̄| at this place (A.2; docs/paper-map.md Q12), in the token space's own units; the
  /// distance is a function of it.
  public var difference: Double
  /// Index into `Supervision.contrastQueries` of the pass on x̄ that predicts this token; nil = use x's own pass.
  public var query: Int?

  /// Memberwise.
  public init(token: Int32, difference: Double, query: Int?) {
    self.token = token
    self.difference = difference
    self.query = query
  }
}

/// A target that is given with a position, not made from a distance between tokens: the conditional of a target over
/// whole numbers, for instance.
public struct GivenTarget: Sendable, Hashable, Codable {
  /// Probability of each candidate of the metric's space, count M.
  public var probabilities: [Double]
  /// One token more among the candidates: the one that comes after the number, and so ends it. Nil where there is none.
  public var end: Int32?
  /// Its probability.
  public var endProbability: Double
  /// Whether this takes the place of the label: then the token has no cross entropy.
  public var replacesLabel: Bool

  /// Memberwise.
  public init(
    probabilities: [Double], end: Int32? = nil, endProbability: Double = 0, replacesLabel: Bool = false
  ) {
    self.probabilities = probabilities
    (self.end, self.endProbability) = (end, endProbability)
    self.replacesLabel = replacesLabel
  }
}

/// One supervised position whose target is a metric token.
public struct MetricTarget: Sendable, Hashable {
  /// Index into `Supervision.labels`, 0 ..< N.
  public var query: Int
  /// Which of the objective's metric matches this position belongs to.
  public var metric: Int
  /// Index of the target x_t among the candidates of that match's token space.
  public var candidate: Int
  /// Place of the digit in its number.
  public var place: PlaceValue
  /// The neighbour's token, if contrastive augmentation is on.
  public var contrast: ContrastTarget?
  /// The target, where it is given.
  public var given: GivenTarget?
  /// Key of the random numbers of a loss that samples at this position (``CounterGenerator``).
  public var stream: UInt64

  /// Memberwise.
  public init(
    query: Int, metric: Int = 0, candidate: Int, place: PlaceValue = .whole, contrast: ContrastTarget? = nil,
    given: GivenTarget? = nil, stream: UInt64 = 0
  ) {
    self.given = given
    self.query = query
    self.metric = metric
    self.candidate = candidate
    self.place = place
    self.contrast = contrast
    self.stream = stream
  }
}

/// A document whose worth is learnt as numbers.
public struct RatingTarget: Sendable, Hashable {
  /// Index into `Supervision.readouts`.
  public var query: Int
  /// One number for each output of the head; nil where there is none.
  public var values: [Double?]

  /// Memberwise.
  public init(query: Int, values: [Double?]) { (self.query, self.values) = (query, values) }
}

/// Two documents of which the better one is known.
public struct ComparisonTarget: Sendable, Hashable {
  /// The better one: index into `Supervision.readouts`.
  public var chosen: Int
  /// The other: index into `Supervision.readouts`.
  public var rejected: Int
  /// By how much, m ≥ 0.
  public var margin: Double

  /// Memberwise.
  public init(chosen: Int, rejected: Int, margin: Double) {
    (self.chosen, self.rejected, self.margin) = (chosen, rejected, margin)
  }
}

/// What a loss needs to know of a batch's supervised positions, as plain values.
///
/// Logits are computed only at these positions: `hidden[queries]` is the loss's `[N, H]` input. The shift by one
/// (position t predicts token t + 1) has already happened: `queries[i]` is where `labels[i]` is predicted. Documents
/// that are rated or compared are read out at positions of their own, without shift.
public struct Supervision: Sendable, Hashable {
  /// Rows of the flattened `[B·T, H]` hidden states, one per supervised token. Count N.
  public var queries: [Int32]
  /// The token to be predicted at each query; ``unlabelled`` where a given target takes its place. Count N.
  public var labels: [Int32]
  /// Those of them that are metric tokens. Count N_m ≤ N.
  public var metrics: [MetricTarget]
  /// Rows of the flattened hidden states of the neighbours' passes, `[N_c]`; empty without two-pass contrast.
  public var contrastQueries: [Int32]
  /// Rows of the flattened hidden states at which documents are read out, `[R]`, each once.
  public var readouts: [Int32]
  /// The documents that are rated.
  public var ratings: [RatingTarget]
  /// The pairs of documents that are compared.
  public var comparisons: [ComparisonTarget]

  /// The label of a position without cross entropy.
  public static let unlabelled: Int32 = -100

  /// Memberwise.
  public init(
    queries: [Int32] = [], labels: [Int32] = [], metrics: [MetricTarget] = [], contrastQueries: [Int32] = [],
    readouts: [Int32] = [], ratings: [RatingTarget] = [], comparisons: [ComparisonTarget] = []
  ) {
    (self.queries, self.labels, self.metrics) = (queries, labels, metrics)
    self.contrastQueries = contrastQueries
    (self.readouts, self.ratings, self.comparisons) = (readouts, ratings, comparisons)
  }
}
