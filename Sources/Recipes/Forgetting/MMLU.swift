// SPDX-License-Identifier: Apache-2.0
public import Files
import TokenData

/// Multiple-choice questions of many subjects, to see what fine-tuning made a model forget (Table 7;
/// docs/paper-map.md Q34).
///
/// One protocol, stated because published figures follow several: the subject's name in a line above; the examples, if
/// any, of the same subject with their answers; the question, its choices `A.` … `D.`, and `Answer:`. The model's
/// answer is the most probable of ` A`, ` B`, ` C`, ` D` as the next token. There is no chat template. Figures are for
/// comparing a model with itself, before and after.
public struct MMLU: Sendable {
  /// One question.
  public struct Question: Sendable, Hashable {
    /// `abstract_algebra`
    public var subject: String
    /// The question.
    public var text: String
    /// Four of them.
    public var choices: [String]
    /// Index of the right one.
    public var answer: Int

    /// Memberwise.
    public init(subject: String, text: String, choices: [String], answer: Int) {
      precondition(choices.count == 4 && choices.indices.contains(answer), "\(choices.count) choices, answer \(answer)")
      (self.subject, self.text, self.choices, self.answer) = (subject, text, choices, answer)
    }
  }

  /// Names of the choices.
  public static let letters = ["A", "B", "C", "D"]
  /// Question.
  public let questions: [Question]
  /// How many answered examples stand before each question.
  public let shots: Int
  private let examples: [String: [Question]]

  /// - Parameters:
  ///   - examples: answered questions; those of a question's own subject are shown before it, in this order.
  ///   - shots: how many of them.
  /// - Throws: `InputError` if a subject has fewer examples.
  public init(_ questions: [Question], examples: [Question] = [], shots: Int = 0) throws(InputError) {
    let bySubject = Dictionary(grouping: examples, by: \.subject).mapValues { Array($0.prefix(shots)) }
    for question in questions where (bySubject[question.subject] ?? []).count < shots {
      throw InputError(
        path: "<examples>", place: "subject \(question.subject)", expected: "at least \(shots) examples",
        found: "\(bySubject[question.subject]?.count ?? 0)", remedy: "Ask for fewer shots.")
    }
    (self.questions, self.shots, self.examples) = (questions, shots, bySubject)
  }

  /// Questions and examples of files: `{"subject": …, "question": …, "choices": [4], "answer": 0 … 3}` a line.
  ///
  /// - Parameters:
  ///   - limit: only so many questions, chosen at random by `seed`.
  /// - Throws: `InputError` naming file, line and key.
  public init(
    _ path: String, examples: String? = nil, shots: Int = 0, limit: Int? = nil, seed: UInt64 = 0
  ) throws(InputError) {
    let questions = try Self.questions(path)
    let chosen = subsample(questions.count, limit: limit, seed: seed).map { questions[$0] }
    let shown = if let examples { try Self.questions(examples) } else { [Question]() }
    try self.init(chosen, examples: shown, shots: shots)
  }

  /// The questions of a file.
  static func questions(_ path: String) throws(InputError) -> [Question] {
    let file = try JSONLFile(path)
    var questions = [Question]()
    for index in 0..<file.count {
      questions.append(try file.read(index) { object throws(InputError) in try Self.question(object) })
    }
    return questions
  }

  private static func question(_ object: JSONReader) throws(InputError) -> Question {
    let list = try object.at("choices"), answer = try object.at("answer")
    let choices = try list.elements().map { choice throws(InputError) in try choice.string() }
    guard choices.count == letters.count else { throw list.error(expected: "four choices") }
    guard choices.indices.contains(try answer.int()) else {
      throw answer.error(expected: "the index of the right choice, 0 … 3")
    }
    return Question(
      subject: try object.string(at: "subject"), text: try object.string(at: "question"), choices: choices,
      answer: try answer.int())
  }

  /// Prompt before the answer.
  ///
  /// - Parameter shots: examples before the question; nil for as many as were asked for.
  public func prompt(_ question: Question, shots: Int? = nil) -> String {
    let subject = question.subject.split(separator: "_").joined(separator: " ")
    let shown = (examples[question.subject] ?? []).prefix(shots ?? self.shots)
    return "The following are multiple choice questions (with answers) about \(subject).\n\n"
      + shown.map { "\($0.block) \(Self.letters[$0.answer])\n\n" }.joined() + question.block
  }
}

extension MMLU.Question {
  /// Question and choices, up to `Answer:`.
  fileprivate var block: String {
    text + "\n" + zip(MMLU.letters, choices).map { "\($0). \($1)\n" }.joined() + "Answer:"
  }
}
