// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// An answer whose text is known but for numbers: `Overall Score: …`, then `helpfulness: …`.
public struct AnswerTemplate: Sendable {
  /// A place where a number goes.
  public struct Gap: Sendable {
    /// `helpfulness`
    public let name: String
    /// Tokens between the gap before (or the prompt) and this one.
    public let before: [Int32]
    /// The ways to fill it.
    public let space: AnswerSpace
    let spellings: [Double: [Int32]]

    /// - Parameters:
    ///   - spellings: the tokens of each number that may stand here.
    ///   - end: the token that follows the number. It tells `1` from the beginning of `13`; numbers that begin no
    ///     other end by themselves.
    /// - Throws: `DecodingError.badSetting` if two numbers are spelled alike.
    public init(
      _ name: String, before: [Int32], spellings: [(ids: [Int32], value: Double)], end: Int32
    ) throws {
      (self.name, self.before) = (name, before)
      self.spellings = Dictionary(spellings.map { ($0.value, $0.ids) }) { first, _ in first }
      space = try .spellings(
        spellings.map { spelling in
          let goesOn = spellings.contains { $0.ids.count > spelling.ids.count && $0.ids.starts(with: spelling.ids) }
          return (goesOn ? spelling.ids + [end] : spelling.ids, spelling.value)
        })
    }
  }

  /// The places, in order.
  public let gaps: [Gap]

  /// - Throws: `DecodingError.badSetting` if there is nothing to fill in.
  public init(_ gaps: [Gap]) throws {
    guard !gaps.isEmpty else { throw DecodingError.badSetting("answer template: expected a gap, found none") }
    self.gaps = gaps
  }
}

extension Scorer {
  /// Distributions of a model over the gaps of a template after each prompt.
  ///
  /// The first takes one pass over the prompt, and one over the few beginnings of longer numbers. For those after it
  /// the gaps before are filled with their most probable numbers, and only what was filled in is read: the prompt stays
  /// cached. Probabilities are shares of the vocabulary, divided by what the gap's numbers have of it (`coverage`); for
  /// numbers of several tokens they are products over these (docs/paper-map.md Q21).
  ///
  /// - Parameters:
  ///   - gaps: how many are read, from the first on; nil for all.
  ///   - tokenBudget: largest number of tokens of a batch.
  /// - Returns: for each prompt one distribution a gap.
  /// - Throws: `DecodingError` for prompts that the model cannot read or that leave no room for the answer.
  public func distributions(
    in template: AnswerTemplate, after prompts: [[Int32]], gaps: Int? = nil, tokenBudget: Int = 16_384
  ) throws -> [[NumberDistribution]] {
    let gaps = template.gaps.prefix(gaps ?? template.gaps.count)
    guard let first = gaps.first else { return prompts.map { _ in [] } }
    let trees = gaps.map { AnswerTree($0.space) }
    let room =
      trees.reduce(0) { $0 + $1.tokensToRead(width: .max, depth: model.contextLength) }
      + gaps.reduce(0) { sum, gap in
        sum + gap.before.count + (gap.spellings.values.map(\.count).max() ?? 0)
      }
    let sequences = prompts.map { $0 + first.before }
    try ModelContext.check(sequences, for: model)
    var found = [[NumberDistribution]](repeating: [], count: prompts.count)
    try evaluating(model) {
      let lengths = sequences.map(\.count)
      for batch in batches(of: lengths.map { $0 + room }, read: lengths, by: model, tokenBudget: tokenBudget) {
        let context = try ModelContext(model, prompts: batch.map { sequences[$0] }, room: room, beginning: beginning)
        var start = ReadOutStart(context)
        for (index, gap) in gaps.enumerated() {
          if index > 0 {
            let filled = batch.map { gaps[index - 1].spellings[found[$0][index - 1].mode] ?? [] }
            start = try start.reading(filled.map { $0 + gap.before }, in: context, names: batch)
          }
          var readOut = NumberReadOut(
            self, context, trees[index], names: batch, width: .max, normalization: .vocabulary, from: start)
          for (prompt, distribution) in zip(batch, try readOut.run()) { found[prompt].append(distribution) }
        }
      }
    }
    return found
  }
}

extension ReadOutStart {
  /// After some tokens more of each sequence.
  fileprivate func reading(_ tokens: [[Int32]], in context: ModelContext, names: [Int]) throws -> ReadOutStart {
    let first = context.cache.length - trunk
    var next = self
    let branches = try tokens.enumerated().map { row, tokens in
      let length = context.lengths[row] + chains[row].count + tokens.count, limit = context.model.contextLength
      if length > limit { throw DecodingError.tooLong(index: names[row], length: length, limit: limit) }
      return tokens.enumerated().map { offset, id in
        let token = BranchToken(id: id, depth: next.chains[row].count, ancestors: next.chains[row])
        next.chains[row].append(first + offset)
        return token
      }
    }
    let states = context.read(branches: branches, trunk: trunk), width = states.size(1)
    let last = tokens.enumerated().map { Int64($0.offset * width + $0.element.count - 1) }
    next.hidden = states.reshape([tokens.count * width, states.size(2)])
      .indexSelect(0, Tensor(last, device: context.device))
    return next
  }
}
