// SPDX-License-Identifier: Apache-2.0
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

/// The contrastive token that joins the candidates of one metric position (A.2, contrastive target augmentation).
public struct ContrastTarget: Sendable, Hashable {
  /// Vocabulary id of the contrastive token x̄_t.
  public var token: Int32
  /// Digit of |x − x̄| at this place (A.2; docs/paper-map.md Q12), in the token space's own units; the
  /// distance is a function of it.
  public var difference: Double
  /// Index into `Supervision.contrastLogitRows` of the pass on x̄ that predicts this token; nil = use x's own pass.
  public var logitRow: Int?

  /// Memberwise.
  public init(token: Int32, difference: Double, logitRow: Int?) {
    self.token = token
    self.difference = difference
    self.logitRow = logitRow
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
  /// Index into `Supervision.logitRows` and `Supervision.labels`, 0 ..< N.
  public var logitRow: Int
  /// Which of the objective's metrics' distance losses this position belongs to.
  public var metric: Int
  /// Index of the target x_t among the candidates of that distance loss's token space.
  public var candidate: Int
  /// Place of the digit in its number.
  public var place: PlaceValue
  /// The contrastive token, if contrastive augmentation is on.
  public var contrast: ContrastTarget?
  /// The target, where it is given.
  public var given: GivenTarget?
  /// Key of the random numbers of a loss that samples at this position (``CounterGenerator``).
  public var stream: UInt64

  /// Memberwise.
  public init(
    logitRow: Int, metric: Int = 0, candidate: Int, place: PlaceValue = .whole, contrast: ContrastTarget? = nil,
    given: GivenTarget? = nil, stream: UInt64 = 0
  ) {
    self.given = given
    self.logitRow = logitRow
    self.metric = metric
    self.candidate = candidate
    self.place = place
    self.contrast = contrast
    self.stream = stream
  }
}

/// A document whose worth is learnt as numbers.
public struct RatingTarget: Sendable, Hashable {
  /// Index into `Supervision.pooledPositions`.
  public var pooledPosition: Int
  /// One number for each output of the head; nil where there is none.
  public var values: [Double?]

  /// Memberwise.
  public init(pooledPosition: Int, values: [Double?]) {
    (self.pooledPosition, self.values) = (pooledPosition, values)
  }
}

/// Two documents of which the better one is known.
public struct ComparisonTarget: Sendable, Hashable {
  /// The better one: index into `Supervision.pooledPositions`.
  public var chosen: Int
  /// The other: index into `Supervision.pooledPositions`.
  public var rejected: Int
  /// By how much, m ≥ 0.
  public var margin: Double

  /// Memberwise.
  public init(chosen: Int, rejected: Int, margin: Double) {
    (self.chosen, self.rejected, self.margin) = (chosen, rejected, margin)
  }
}

/// Supervised positions of a batch as a loss needs them, as plain values.
///
/// Logits are computed only at these positions: `hidden[logitRows]` is the loss's `[N, H]` input. The shift by one
/// (position t predicts token t + 1) has already happened: `logitRows[i]` is where `labels[i]` is predicted. Documents
/// that are rated or compared are pooled at positions of their own, without shift.
public struct Supervision: Sendable, Hashable {
  /// Rows of the flattened `[B·T, H]` hidden states that need logits, one per supervised token. Count N.
  public var logitRows: [Int32]
  /// The token to be predicted at each logit row; ``unlabelled`` where a given target takes its place. Count N.
  public var labels: [Int32]
  /// Those of them that are metric tokens. Count N_m ≤ N.
  public var metrics: [MetricTarget]
  /// Rows of the flattened hidden states of the contrastive passes, `[N_c]`; empty without two-pass contrast.
  public var contrastLogitRows: [Int32]
  /// Rows of the flattened hidden states at which documents are pooled for a reward head, `[R]`, each once.
  public var pooledPositions: [Int32]
  /// The documents that are rated.
  public var ratings: [RatingTarget]
  /// The pairs of documents that are compared.
  public var comparisons: [ComparisonTarget]
  /// The documents that are learnt as wholes, end to end: all of `logitRows`, or none.
  public var documents: [DocumentTarget]
  /// Those of them that answer one prompt.
  public var groups: [DocumentGroup]
  /// What the rewards of a step are held against, where the objective asks for it: one number for the whole step, found
  /// before it and without a gradient.
  public var anchor: Double?

  /// The label of a position without cross entropy.
  public static let unlabelled: Int32 = -100

  /// Memberwise.
  public init(
    logitRows: [Int32] = [], labels: [Int32] = [], metrics: [MetricTarget] = [], contrastLogitRows: [Int32] = [],
    pooledPositions: [Int32] = [], ratings: [RatingTarget] = [], comparisons: [ComparisonTarget] = [],
    documents: [DocumentTarget] = [], groups: [DocumentGroup] = [], anchor: Double? = nil
  ) {
    (self.logitRows, self.labels, self.metrics) = (logitRows, labels, metrics)
    self.contrastLogitRows = contrastLogitRows
    (self.pooledPositions, self.ratings, self.comparisons) = (pooledPositions, ratings, comparisons)
    (self.documents, self.groups, self.anchor) = (documents, groups, anchor)
  }
}
