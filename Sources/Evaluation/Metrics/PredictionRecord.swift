// SPDX-License-Identifier: Apache-2.0
/// One evaluated example, as it is written to `predictions.jsonl`.
public struct PredictionRecord: Sendable, Hashable, Codable {
  /// Name of the example: `test.jsonl line 12`.
  public var id: String
  /// Question.
  public var prompt: String
  /// The right answer.
  public var reference: String
  /// The model's answer.
  public var text: String
  /// The numbers of the right answer: a value, or the four of a box. Empty if it is no number.
  public var truth: [Double]
  /// The numbers read from `text`; nil if it could not be read.
  public var values: [Double]?
  /// |value − truth| for answers of one number; nil if no double holds it.
  public var error: Double?
  /// Sum of the answer's token log-probabilities, if asked for.
  public var logProbability: Double?
  /// −ln p of the right answer, in nats; nil if it was not asked for.
  public var negativeLogLikelihood: Double?
  /// Why the answer ended.
  public var finish: FinishReason
  /// What the model believes about the answer's numbers, as far as they were read out.
  public var beliefs: [Belief]

  /// A number's distribution in short.
  public struct Belief: Sendable, Hashable, Codable {
    /// The metric whose number it is, and which of its numbers in the answer, from 0.
    public var metric = "", place = 0
    /// Expected value.
    public var mean: Double
    /// Standard deviation.
    public var standardDeviation: Double
    /// The number that stands for the whole: see ``PointEstimate``.
    public var decision: Double
    /// Bounds of the central interval.
    public var low: Double, high: Double
    /// The mass that the interval holds at least.
    public var level: Double
    /// Values that hold a twentieth of the mass each: quantiles at 2.5 %, 7.5 %, …, 97.5 %.
    public var quantiles: [Double]
    /// Continuous ranked probability score at the truth; nil without one.
    public var crps: Double?
    /// Where the truth lies in the distribution, P(v < truth) + ½ P(v = truth): even over 0 … 1 where the distributions
    /// are right (probability integral transform). Nil without a truth.
    public var pit: Double?
    /// Probability that the model answers with any of the values at all: the mass that was seen. The other figures are
    /// those of the model's belief as far as this is near 1.
    public var mass: Double
    /// How much of the rest was left out to read less (``NumberDistribution/cut``).
    public var cut: Double
    /// The number that is judged, where it is not the answer's only one.
    public var truth: Double?

    /// Sums up a distribution.
    public init(
      _ distribution: NumberDistribution, estimate: PointEstimate = .median, level: Double, truth: Double?
    ) {
      let interval = distribution.interval(level)
      (mean, standardDeviation) = (distribution.mean, distribution.variance.squareRoot())
      decision = estimate.value(of: distribution)
      (low, high, self.level) = (interval.lowerBound, interval.upperBound, level)
      quantiles = (0..<20).map { distribution.quantile((Double($0) + 0.5) / 20) }
      crps = truth.map(distribution.crps)
      pit = truth.map(distribution.pit)
      (mass, cut) = (distribution.coverage, distribution.cut)
      self.truth = truth
    }

    /// The number that is judged, of a record's right ones.
    func truth(of numbers: [Double]) -> Double? { truth ?? (numbers.count == 1 ? numbers[0] : nil) }

    /// 1 if the truth lies in the interval, else 0.
    func isCovered(_ numbers: [Double]) -> Double? {
      truth(of: numbers).map { (low...high).contains($0) ? 1 : 0 }
    }

    /// |decision − truth|
    public func error(_ numbers: [Double]) -> Double? { truth(of: numbers).map { abs(decision - $0) } }
  }

  /// Memberwise; `error` is computed.
  public init(
    id: String, prompt: String, reference: String, text: String, truth: [Double], values: [Double]?,
    logProbability: Double? = nil, finish: FinishReason = .stop, beliefs: [Belief] = []
  ) {
    self.id = id
    self.prompt = prompt
    self.reference = reference
    self.text = text
    self.truth = truth
    self.values = values
    if truth.count == 1, let values, values.count == 1 {
      let error = abs(values[0] - truth[0])
      // JSON has no infinity.
      self.error = error.isFinite ? error : nil
    }
    self.logProbability = logProbability
    self.finish = finish
    self.beliefs = beliefs
  }
}

extension PredictionRecord {
  private enum CodingKeys: CodingKey {
    case id, prompt, reference, text, truth, values, error, logProbability, negativeLogLikelihood, finish, beliefs
    case belief
  }

  /// Earlier versions had one `belief` at most.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    id = try fields.decode(String.self, forKey: .id)
    prompt = try fields.decode(String.self, forKey: .prompt)
    reference = try fields.decode(String.self, forKey: .reference)
    text = try fields.decode(String.self, forKey: .text)
    truth = try fields.decode([Double].self, forKey: .truth)
    values = try fields.decodeIfPresent([Double].self, forKey: .values)
    error = try fields.decodeIfPresent(Double.self, forKey: .error)
    logProbability = try fields.decodeIfPresent(Double.self, forKey: .logProbability)
    negativeLogLikelihood = try fields.decodeIfPresent(Double.self, forKey: .negativeLogLikelihood)
    finish = try fields.decode(FinishReason.self, forKey: .finish)
    beliefs =
      try fields.decodeIfPresent([Belief].self, forKey: .beliefs)
      ?? fields.decodeIfPresent(Belief.self, forKey: .belief).map { [$0] } ?? []
  }

  /// As ``init(from:)`` reads it.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(id, forKey: .id)
    try fields.encode(prompt, forKey: .prompt)
    try fields.encode(reference, forKey: .reference)
    try fields.encode(text, forKey: .text)
    try fields.encode(truth, forKey: .truth)
    try fields.encodeIfPresent(values, forKey: .values)
    try fields.encodeIfPresent(error, forKey: .error)
    try fields.encodeIfPresent(logProbability, forKey: .logProbability)
    try fields.encodeIfPresent(negativeLogLikelihood, forKey: .negativeLogLikelihood)
    try fields.encode(finish, forKey: .finish)
    if !beliefs.isEmpty { try fields.encode(beliefs, forKey: .beliefs) }
  }
}

extension PredictionRecord.Belief {
  private enum CodingKeys: CodingKey {
    case metric, place, mean, standardDeviation, decision, low, high, level, quantiles, crps, pit, mass, cut, truth,
      coverage
  }

  /// Earlier versions called the mass `coverage`, and did not say what was left out.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    metric = try values.decodeIfPresent(String.self, forKey: .metric) ?? ""
    place = try values.decodeIfPresent(Int.self, forKey: .place) ?? 0
    mean = try values.decode(Double.self, forKey: .mean)
    standardDeviation = try values.decode(Double.self, forKey: .standardDeviation)
    decision = try values.decode(Double.self, forKey: .decision)
    (low, high) = (try values.decode(Double.self, forKey: .low), try values.decode(Double.self, forKey: .high))
    level = try values.decode(Double.self, forKey: .level)
    crps = try values.decodeIfPresent(Double.self, forKey: .crps)
    quantiles = try values.decodeIfPresent([Double].self, forKey: .quantiles) ?? []
    pit = try values.decodeIfPresent(Double.self, forKey: .pit)
    mass =
      try values.decodeIfPresent(Double.self, forKey: .mass) ?? values.decode(Double.self, forKey: .coverage)
    cut = try values.decodeIfPresent(Double.self, forKey: .cut) ?? 0
    truth = try values.decodeIfPresent(Double.self, forKey: .truth)
  }

  /// As ``init(from:)`` reads it.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    if !metric.isEmpty { try values.encode(metric, forKey: .metric) }
    if place > 0 { try values.encode(place, forKey: .place) }
    try values.encode(mean, forKey: .mean)
    try values.encode(standardDeviation, forKey: .standardDeviation)
    try values.encode(decision, forKey: .decision)
    try values.encode(low, forKey: .low)
    try values.encode(high, forKey: .high)
    try values.encode(level, forKey: .level)
    try values.encode(quantiles, forKey: .quantiles)
    try values.encodeIfPresent(crps, forKey: .crps)
    try values.encodeIfPresent(pit, forKey: .pit)
    try values.encode(mass, forKey: .mass)
    try values.encode(cut, forKey: .cut)
    try values.encodeIfPresent(truth, forKey: .truth)
  }
}
