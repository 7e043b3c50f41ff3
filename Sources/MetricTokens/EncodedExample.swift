// SPDX-License-Identifier: Apache-2.0
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
  /// The target itself, where it is more than a function of the candidate.
  public var given: GivenTarget?

  /// Memberwise.
  public init(
    position: Int, metric: Int = 0, candidate: Int, place: PlaceValue = .whole, number: Int, given: GivenTarget? = nil
  ) {
    self.given = given
    self.position = position
    self.metric = metric
    self.candidate = candidate
    self.place = place
    self.number = number
  }
}

/// One example as token ids: what is read, what is learnt, which tokens carry a distance, and what its documents are
/// worth.
///
/// Nearly always one document. A pair of answers to be compared is two (``init(chosen:rejected:margin:source:)``),
/// that do not see each other, but never part: they stand in one micro-batch, and one loss is theirs.
public struct EncodedExample: Sendable, Hashable, Codable {
  /// Token ids, prompt and answer together; one document after the other.
  public var ids: [Int32]
  /// For each token, whether it is a target of cross entropy. Same count as `ids`; that of a document's first token is
  /// ignored, since nothing predicts it.
  public var supervised: [Bool]
  /// The metric tokens, in order of position.
  public var metrics: [MetricPosition]
  /// Where documents after the first begin, ascending, in `ids`; none is empty.
  public var breaks: [Int]
  /// Rating loss of documents.
  public var ratings: [Rating]
  /// The images among the tokens, in order of position. Their tokens are never supervised.
  public var images: [ExampleImage]
  /// By how much the first document is better than the second, m ≥ 0; nil if they are not compared. Both are read out
  /// at their last tokens.
  public var comparison: Double?
  /// What the documents are worth as responses to one prompt; nil if they are none.
  public var responses: Responses?
  /// Numbers that the record holds beside its text, by field: the answer's uncertainty, what several raters said.
  public var measures: [String: [Double]]
  /// Name shown in errors and events: `train.jsonl line 12`.
  public var source: String

  /// Memberwise.
  public init(
    ids: [Int32], supervised: [Bool], metrics: [MetricPosition] = [], breaks: [Int] = [], ratings: [Rating] = [],
    images: [ExampleImage] = [], comparison: Double? = nil, responses: Responses? = nil,
    measures: [String: [Double]] = [:], source: String = ""
  ) {
    precondition(ids.count == supervised.count, "\(ids.count) ids, \(supervised.count) supervision marks")
    precondition(comparison == nil || breaks.count == 1, "\(breaks.count + 1) documents are compared")
    precondition(responses.map { $0.worth.count == breaks.count + 1 } ?? true, "\(breaks.count + 1) responses")
    (self.ids, self.supervised, self.metrics) = (ids, supervised, metrics)
    (self.breaks, self.ratings, self.comparison) = (breaks, ratings, comparison)
    self.images = images
    self.responses = responses
    self.measures = measures
    self.source = source
  }

  /// Where each document lies in `ids`.
  public var documents: [Range<Int>] {
    precondition(
      zip([0] + breaks, breaks + [ids.count]).allSatisfy { $0 < $1 || breaks.isEmpty },
      "\(ids.count) ids broken at \(breaks)")
    return zip([0] + breaks, breaks + [ids.count]).map { $0..<$1 }
  }
}

extension EncodedExample {
  private enum CodingKeys: CodingKey {
    case ids, supervised, metrics, breaks, ratings, images, comparison, responses, measures, source
  }

  /// Breaks, ratings, images, a comparison and responses may be missing.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      ids: try values.decode([Int32].self, forKey: .ids),
      supervised: try values.decode([Bool].self, forKey: .supervised),
      metrics: try values.decode([MetricPosition].self, forKey: .metrics),
      breaks: try values.decodeIfPresent([Int].self, forKey: .breaks) ?? [],
      ratings: try values.decodeIfPresent([Rating].self, forKey: .ratings) ?? [],
      images: try values.decodeIfPresent([ExampleImage].self, forKey: .images) ?? [],
      comparison: try values.decodeIfPresent(Double.self, forKey: .comparison),
      responses: try values.decodeIfPresent(Responses.self, forKey: .responses),
      measures: try values.decodeIfPresent([String: [Double]].self, forKey: .measures) ?? [:],
      source: try values.decode(String.self, forKey: .source))
  }
}

/// A contrastive example x̄ of an example's numbers, token for token beside it.
public struct ContrastiveExample: Sendable, Hashable {
  /// Same count as the example's ids; differs only at metric positions.
  public var ids: [Int32]
  /// Digit of |x − x̄| for each entry of `EncodedExample.metrics`; nil where the number has no contrastive example.
  public var differences: [Double?]

  /// Memberwise.
  public init(ids: [Int32], differences: [Double?]) {
    self.ids = ids
    self.differences = differences
  }
}
