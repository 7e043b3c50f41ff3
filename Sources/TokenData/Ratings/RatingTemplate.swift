// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How a model is asked to rate a response, and how it answers: an overall score, then one for each attribute.
///
///     Overall Score: 13
///     helpfulness: 3
///     correctness: 3
///     …
///
/// The overall score comes first, so that reading it takes no more than the prompt (Fig. 7;
/// docs/paper-map.md Q20, Q21).
public struct RatingTemplate: Sendable, Hashable {
  /// A score that can be given: a whole number of a range.
  public struct Scale: Sendable, Hashable {
    /// `helpfulness`
    public var name: String
    /// Explanation for the instruction; nil says nothing.
    public var explanation: String?
    /// The scores.
    public var range: ClosedRange<Int>

    /// Memberwise.
    public init(_ name: String, _ range: ClosedRange<Int>, explanation: String? = nil) {
      (self.name, self.range, self.explanation) = (name, range, explanation)
    }
  }

  /// Text before the question.
  public enum Instruction: Sendable, Hashable {
    /// The paper's (Fig. 7), with this template's attributes and ranges.
    case judge
    /// Nothing: the model learns from the answers alone what is asked.
    case none
    /// A text.
    case text(String)
  }

  /// The score that responses are compared by.
  public var overall: Scale
  /// Parts.
  public var attributes: [Scale]
  /// The words around prompt and response.
  public var instruction: Instruction

  /// Memberwise.
  public init(overall: Scale, attributes: [Scale], instruction: Instruction = .judge) {
    (self.overall, self.attributes, self.instruction) = (overall, attributes, instruction)
  }

  /// HelpSteer2's five attributes of 0 to 4 and their sum, with the explanations of Fig. 7.
  public static let helpSteer2 = RatingTemplate(
    overall: Scale("overall", 0...20),
    attributes: [
      Scale("helpfulness", 0...4, explanation: "Overall helpfulness of the response to the prompt."),
      Scale("correctness", 0...4, explanation: "Inclusion of all pertinent facts without errors."),
      Scale("coherence", 0...4, explanation: "Consistency and clarity of expression."),
      Scale(
        "complexity", 0...4,
        explanation:
          "Intellectual depth required to write response (i.e. whether the response can be written by anyone "
          + "with basic language competency or requires deep domain expertise)."),
      Scale(
        "verbosity", 0...4,
        explanation: "Amount of detail included in the response, relative to what is asked for in the prompt."),
    ])

  /// All scores in the order they are given.
  public var scales: [Scale] { [overall] + attributes }

  // MARK: Prompt

  /// Prompt: instruction, question, response.
  public func prompt(_ messages: [ChatMessage], response: String) -> String {
    let parts = [
      instructionText.isEmpty ? [] : [instructionText],
      ["[User Question]", question(messages), "[Start of Model Response]", response, "[End of Model Response]"],
    ]
    return parts.joined().joined(separator: "\n")
  }

  /// A single question as it is; of a conversation, who said what.
  private func question(_ messages: [ChatMessage]) -> String {
    if messages.count == 1 { return messages[0].content }
    return messages.map { "\($0.role.rawValue.capitalized): \($0.content)" }.joined(separator: "\n")
  }

  private var instructionText: String {
    switch instruction {
    case .none: ""
    case .text(let text): text
    case .judge: ([opening] + explanations + [closing]).joined(separator: "\n")
    }
  }

  private var opening: String {
    let opening =
      "Please act as an impartial judge and evaluate the quality of the response provided by AI assistant to the user "
      + "question displayed below."
    guard !attributes.isEmpty else { return opening }
    let names = attributes.map(\.name).joined(separator: ", ")
    return opening + " Your evaluation should consider \(inWords(attributes.count)) factor\(plural) \(names)."
      + (explanations.isEmpty ? "" : " Here's brief explanation of each factor:")
  }

  private var explanations: [String] {
    attributes.compactMap { attribute in attribute.explanation.map { "- \(attribute.name.capitalized): \($0)" } }
  }

  private var closing: String {
    var closing =
      "Do not allow the length of the responses to influence your evaluation. Be as objective as possible. "
      + (attributes.isEmpty ? "Please" : "Please first")
      + " provide an overall score over model response. You must provide "
      + "overall score as a number between \(overall.range.inWords)."
    guard let first = attributes.first else { return closing }
    closing += " Then provide a set of \(attributes.count) score over model response."
    if attributes.allSatisfy({ $0.range == first.range }) {
      closing += " Only provide the score as a number between \(first.range.inWords)."
    } else {
      for attribute in attributes {
        closing += " Provide \(attribute.name) as a number between \(attribute.range.inWords)."
      }
    }
    return closing
  }

  private var plural: String { attributes.count == 1 ? "" : "s" }

  // MARK: Answer

  /// Text before a score in the answer, after the one before it.
  public func label(_ index: Int) -> String { index == 0 ? "Overall Score: " : "\n\(attributes[index - 1].name): " }

  /// The answer with these scores, one a scale, and where each stands (in Unicode scalars).
  ///
  /// Spans are found by a scale's own name; those of all attributes also by `attributes`.
  public func answer(_ scores: [Int]) -> (text: String, spans: [String: [Range<Int>]]) {
    precondition(scores.count == scales.count, "\(scores.count) scores for \(scales.count) scales")
    var text = "", spans = [String: [Range<Int>]](), length = 0
    for (index, (scale, score)) in zip(scales, scores).enumerated() {
      let label = label(index), digits = "\(score)"
      let start = length + label.unicodeScalars.count
      let span = start..<start + digits.unicodeScalars.count
      text += label + digits
      length = span.upperBound
      spans[scale.name, default: []].append(span)
      if index > 0 {
        // `facets`: the name of earlier versions.
        for name in ["attributes", "facets"] { spans[name, default: []].append(span) }
      }
    }
    return (text, spans)
  }
}

extension ClosedRange<Int> {
  fileprivate var inWords: String { "\(lowerBound) and \(upperBound)" }
}

/// Small numbers as Fig. 7 writes them.
private func inWords(_ count: Int) -> String {
  let words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
  return count < words.count ? words[count] : "\(count)"
}
