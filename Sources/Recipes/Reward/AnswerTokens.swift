// SPDX-License-Identifier: Apache-2.0
package import Evaluation
import Files
import MetricTokens
package import TokenData

extension AnswerTemplate {
  /// A rating template's answer as an encoder writes it: which tokens stand between the scores, and how each score is
  /// spelled there — one token, digits, or whatever the tokenizer makes of it.
  ///
  /// - Throws: `InputError` if a score changes the tokens around it, so that there is no gap to fill.
  package init(_ ratings: RatingReader, _ encoder: ExampleEncoder) throws {
    let template = ratings.template
    let lowest = template.scales.map(\.range.lowerBound)
    let gaps = try template.scales.enumerated().map { index, scale in
      let written = try scale.range.map { score in
        var scores = lowest
        scores[index] = score
        return try WrittenScore(ratings, scores, at: index, encoder)
      }
      // Some tokenizers write a score as one token with the space before it and another as two: what is the same
      // before every score is the gap's beginning, the rest its spelling.
      let shared = written.map(\.before).reduce(written[0].before) { shared, other in
        Array(zip(shared, other).prefix { $0 == $1 }.map(\.0))
      }
      for other in written where other.after != written[0].after || other.before.count > shared.count + 1 {
        throw InputError(
          path: "tokenizer", place: "score \(scale.name)", expected: "the same tokens before and after every score",
          found: "others around \(other.score)", remedy: "Let scores be written digit by digit: data.splitDigits: true."
        )
      }
      return try Gap(
        scale.name, before: shared,
        spellings: written.map { ($0.before.dropFirst(shared.count) + $0.ids, Double($0.score)) },
        end: written[0].after)
    }
    try self.init(gaps)
  }
}

/// One score inside an answer, as tokens.
private struct WrittenScore {
  let score: Int
  let ids: [Int32]
  /// From the end of the score before it, or the start of the answer.
  let before: [Int32]
  /// The next token.
  let after: Int32

  init(_ ratings: RatingReader, _ scores: [Int], at index: Int, _ encoder: ExampleEncoder) throws {
    // What is rated does not matter here: an answer's tokens do not depend on its prompt's.
    let rated = RatedResponse(messages: [ChatMessage(.user, "a")], response: "b", scores: scores)
    let analysis = try encoder.analyze(ratings.record(rated))
    let pieces = analysis.pieces, ids = analysis.example.ids
    func place(_ index: Int) throws -> Range<Int> {
      let span = analysis.spans[ratings.template.scales[index].name]?.first ?? 0..<0
      let inside = pieces.indices.filter { pieces[$0].range.overlaps(span) && !pieces[$0].range.isEmpty }
      guard let first = inside.first, let last = inside.last else {
        throw InputError(path: "tokenizer", expected: "tokens for the score \(scores[index])", found: "none")
      }
      return first..<last + 1
    }
    let here = try place(index)
    let start = index > 0 ? try place(index - 1).upperBound : analysis.example.supervised.firstIndex(of: true) ?? 0
    score = scores[index]
    self.ids = Array(ids[here])
    before = Array(ids[start..<here.lowerBound])
    guard here.upperBound < ids.count else {
      throw InputError(
        path: "run file", place: "key data.end", expected: "a token that ends the answer", found: "none",
        remedy: "Set data.end: true; without it nothing tells 1 from the beginning of 13.")
    }
    after = ids[here.upperBound]
  }
}
