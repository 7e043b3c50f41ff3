/// One evaluated example, as it is written to `predictions.jsonl`.
public struct PredictionRecord: Sendable, Hashable, Codable {
  /// Name of the example: `test.jsonl line 12`.
  public var id: String
  /// What was asked.
  public var prompt: String
  /// The right answer.
  public var reference: String
  /// The model's answer.
  public var text: String
  /// The numbers of the right answer: a value, or the four of a box. Empty if it is no number.
  public var truth: [Double]
  /// The numbers read from `text`; nil if it could not be read.
  public var values: [Double]?
  /// |value − truth| for answers of one number.
  public var error: Double?
  /// Sum of the answer's token log-probabilities, if asked for.
  public var logProbability: Double?
  /// Why the answer ended.
  public var finish: FinishReason
  /// What the model believes about the number, if read out.
  public var belief: Belief?

  /// A number's distribution in short.
  public struct Belief: Sendable, Hashable, Codable {
    /// Expected value.
    public var mean: Double
    /// Standard deviation.
    public var standardDeviation: Double
    /// The decision with the least expected cost.
    public var decision: Double
    /// Bounds of the central interval.
    public var low: Double, high: Double
    /// The mass that the interval holds at least.
    public var level: Double
    /// Continuous ranked probability score at the truth; nil without one.
    public var crps: Double?
    /// Probability that the model answers with any of the values at all.
    public var coverage: Double

    /// Sums up a distribution.
    public init(_ distribution: NumberDistribution, cost: NumberCost, level: Double, truth: Double?) {
      let interval = distribution.interval(level)
      (mean, standardDeviation) = (distribution.mean, distribution.variance.squareRoot())
      decision = distribution.leastExpected(cost)
      (low, high, self.level) = (interval.lowerBound, interval.upperBound, level)
      crps = truth.map(distribution.crps)
      coverage = distribution.coverage
    }
  }

  /// Memberwise; `error` is computed.
  public init(
    id: String, prompt: String, reference: String, text: String, truth: [Double], values: [Double]?,
    logProbability: Double? = nil, finish: FinishReason = .stop, belief: Belief? = nil
  ) {
    self.id = id
    self.prompt = prompt
    self.reference = reference
    self.text = text
    self.truth = truth
    self.values = values
    if truth.count == 1, let values, values.count == 1 { error = abs(values[0] - truth[0]) }
    self.logProbability = logProbability
    self.finish = finish
    self.belief = belief
  }
}
