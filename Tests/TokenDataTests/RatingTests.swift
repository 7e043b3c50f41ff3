// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

@Suite struct RatingTests {
  /// Figure 7, whose line breaks the paper does not show.
  static let figure7 = """
    Please act as an impartial judge and evaluate the quality of the response provided by AI assistant to the user \
    question displayed below. Your evaluation should consider five factors helpfulness, correctness, coherence, \
    complexity, verbosity. Here's brief explanation of each factor: - Helpfulness: Overall helpfulness of the response \
    to the prompt. - Correctness: Inclusion of all pertinent facts without errors. - Coherence: Consistency and clarity \
    of expression. - Complexity: Intellectual depth required to write response (i.e. whether the response can be \
    written by anyone with basic language competency or requires deep domain expertise). - Verbosity: Amount of detail \
    included in the response, relative to what is asked for in the prompt. Do not allow the length of the responses to \
    influence your evaluation. Be as objective as possible. Please first provide an overall score over model response. \
    You must provide overall score as a number between 0 and 20. Then provide a set of 5 score over model response. \
    Only provide the score as a number between 0 and 4. [User Question] Why? [Start of Model Response] So. \
    [End of Model Response]
    """

  @Test func thePromptIsThePapers() {
    let prompt = RatingTemplate.helpSteer2.prompt([ChatMessage(.user, "Why?")], response: "So.")
    #expect(prompt.replacing("\n", with: " ") == Self.figure7)
  }

  @Test func answersBeginWithTheSumAndNameTheirSpans() throws {
    let object = try json(
      #"{"prompt": "Why?", "response": "So.", "helpfulness": 4, "correctness": 3, "coherence": 4, "complexity": 1, "verbosity": 2}"#
    )
    let rated = try RatingReader.helpSteer2.rated(object, needsScores: true)
    #expect(rated.scores == [14, 4, 3, 4, 1, 2])
    let record = RatingReader.helpSteer2.record(rated)
    let answer = if case .messages(let messages) = record.content { messages[1].content } else { "" }
    #expect(
      answer
        == "Overall Score: 14\nhelpfulness: 4\ncorrectness: 3\ncoherence: 4\ncomplexity: 1\nverbosity: 2")
    let scalars = Array(answer.unicodeScalars)
    func texts(_ name: String) -> [String]? {
      record.spans[name]?.map { String(String.UnicodeScalarView(scalars[$0])) }
    }
    #expect(texts("overall") == ["14"])
    #expect(texts("correctness") == ["3"])
    #expect(texts("attributes") == ["4", "3", "4", "1", "2"])
    #expect(record.promptMessages == 1)
  }

  /// Ranges are stretched to whole numbers, and turned where the least is the best.
  @Test(arguments: [(1.0, 0), (5.0, 12), (4.666_666_666_7, 11), (2.5, 5), (2.4, 4)])
  func numbersBecomeScores(_ value: Double, _ score: Int) throws {
    let template = RatingTemplate(overall: .init("overall", 0...12), attributes: [.init("flaws", 0...4)])
    let reader = RatingReader(
      template: template, prompt: "question", response: "a.text", overall: .init(field: "scores.overall", range: 1...5),
      attributes: [.init(field: "flaws", range: 0...8, isReversed: true)])
    let rated = try reader.rated(
      json(#"{"question": "q", "a": {"text": "r"}, "scores": {"overall": \#(value)}, "flaws": 2}"#), needsScores: true)
    #expect(rated.scores == [score, 3])
    #expect(abs(try #require(rated.ratings)[0] - 3 * (value - 1)) < 1e-9)
    #expect(rated.ratings?[1] == 3)
  }

  @Test(arguments: [
    (#"{"prompt": "q", "response": "r", "helpfulnes": 1}"#, "key helpfulness", "no such field"),
    (#"{"prompt": "q", "response": " ", "helpfulness": 1}"#, "key response", "empty"),
    (#"{"prompt": "q", "response": "r", "helpfulness": 5}"#, "key helpfulness", "5.0"),
    (#"{"prompt": "q", "response": "r", "helpfulness": "4"}"#, "key helpfulness", "4"),
    (#"{"prompt": [], "response": "r", "helpfulness": 1}"#, "key prompt", "none"),
    (#"{"prompt": [{"role": "robot", "content": ""}], "response": "r"}"#, "key prompt[0].role", "robot"),
  ])
  func whatIsWrongIsNamed(_ text: String, _ place: String, _ found: String) throws {
    let object = try json(text)
    let error = #expect(throws: InputError.self) { try RatingReader.helpSteer2.rated(object, needsScores: true) }
    #expect(error?.place == place, "\(String(describing: error))")
    #expect(error?.found.contains(found) == true, "\(String(describing: error))")
  }

  @Test func scoresMayBeMissingWhereTheyAreAskedFor() throws {
    let object = try json(#"{"prompt": "q", "response": "abcdef"}"#)
    var reader = RatingReader.helpSteer2
    reader.longestResponse = 3
    #expect(try reader.rated(object, needsScores: false).scores == nil)
    #expect(try reader.rated(object, needsScores: false).response == "abc…")
  }

  @Test func conversationsAreWrittenTurnByTurn() {
    let template = RatingTemplate(overall: .init("overall", 0...4), attributes: [], instruction: .none)
    let messages = [ChatMessage(.user, "Hi"), ChatMessage(.assistant, "Hello"), ChatMessage(.user, "Why?")]
    #expect(
      template.prompt(messages, response: "So.")
        == "[User Question]\nUser: Hi\nAssistant: Hello\nUser: Why?\n[Start of Model Response]\nSo.\n[End of Model Response]"
    )
  }

  private func json(_ text: String) throws -> JSONReader { JSONReader(try JSON(parsing: text, path: "x"), path: "x") }
}
