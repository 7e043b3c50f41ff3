// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// An example to be answered.
public struct EvaluationItem: Sendable, Hashable {
  /// Name of the example, for records and errors.
  public var id: String
  /// Question as shown in the record.
  public var prompt: String
  /// Prompt as the model reads it.
  public var ids: [Int32]
  /// The images among those.
  public var images: [ExampleImage]
  /// Where it comes from, for errors: `test.jsonl line 12`.
  public var source: String
  /// The right answer.
  public var reference: String
  /// The numbers of the right answer; empty if it is none.
  public var truth: [Double]

  /// Memberwise.
  public init(
    id: String, prompt: String, ids: [Int32], images: [ExampleImage] = [], source: String = "", reference: String,
    truth: [Double] = []
  ) {
    self.id = id
    self.prompt = prompt
    self.ids = ids
    self.images = images
    self.source = source
    self.reference = reference
    self.truth = truth
  }
}

/// Lets a model answer examples and keeps what it said.
public struct Evaluator {
  /// Answers.
  public var generator: TokenGenerator
  /// How answers are generated.
  public var options: GenerationOptions
  /// From an answer's tokens to its text; the tokenizer's own decoding.
  public var decode: ([Int32]) throws -> String
  /// Reads the numbers of an answer; nil for answers that are not numbers.
  public var parser: AnswerParser?
  /// Reads out the distribution of a number; nil for no read-out.
  public var readOut: ReadOut?

  /// Read-out beside the answer.
  public struct ReadOut: Sendable {
    /// The ways to write the number directly after the prompt.
    public var space: AnswerSpace
    /// The number that stands for the distribution.
    public var estimate: PointEstimate
    /// Mass of the interval.
    public var level: Double
    /// Unfinished paths kept per level; see `Scorer/distributions(over:after:width:normalization:tokenBudget:)`.
    public var width: Int

    /// Memberwise.
    public init(space: AnswerSpace, estimate: PointEstimate = .median, level: Double = 0.9, width: Int = 1024) {
      self.space = space
      self.estimate = estimate
      self.level = level
      self.width = width
    }
  }

  /// Memberwise.
  public init(
    generator: TokenGenerator, options: GenerationOptions, parser: AnswerParser? = AnswerParser(),
    readOut: ReadOut? = nil, decode: @escaping ([Int32]) throws -> String
  ) {
    self.generator = generator
    self.options = options
    self.parser = parser
    self.readOut = readOut
    self.decode = decode
  }

  /// Answers every item.
  ///
  /// - Parameters:
  ///   - tokenBudget: largest number of tokens kept in memory at once.
  ///   - progress: called with the number of finished answers as it grows; an error it throws ends everything.
  ///   - images: gives each item's images, prepared; nil if none shows any.
  /// - Returns: one record per item, in order.
  /// - Throws: `DecodingError` naming the item by its index.
  public func records(
    for items: [EvaluationItem], tokenBudget: Int = 16_384, progress: ((_ done: Int) throws -> Void)? = nil,
    images: PromptImages? = nil
  ) throws -> [PredictionRecord] {
    let prompts = items.map(\.ids)
    var done = 0
    let answers = try generator.generate(
      prompts, options, tokenBudget: tokenBudget,
      onToken: { event in
        guard event.finish != nil else { return }
        done += 1
        try progress?(done)
      }, images: images)
    let beliefs = try readOut.map { readOut in
      try Scorer(generator.model).distributions(
        over: readOut.space, after: prompts, width: readOut.width, tokenBudget: tokenBudget,
        images: images)
    }
    return try items.indices.map { index in
      let item = items[index], answer = answers[index], text = try decode(answer.ids)
      let belief = readOut.flatMap { readOut in
        beliefs.map { beliefs in
          PredictionRecord.Belief(
            beliefs[index], estimate: readOut.estimate, level: readOut.level,
            truth: item.truth.count == 1 ? item.truth[0] : nil)
        }
      }
      return PredictionRecord(
        id: item.id, prompt: item.prompt, reference: item.reference, text: text, truth: item.truth,
        values: parser?(text), logProbability: answer.logProbabilities?.reduce(0, +), finish: answer.finish,
        beliefs: [belief].compactMap { $0 })
    }
  }
}
