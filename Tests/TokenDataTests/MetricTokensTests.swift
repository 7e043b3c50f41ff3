// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing
import TokenData

/// Token spaces, digit splitting and number finding over real tokenizers of every kind.
@Suite struct MetricTokensTests {
  private static let names = [
    "gpt2", "llama2", "llama3", "lowercase", "metaspace", "metaspace_always", "phi3", "qwen2", "roberta", "smollm2",
  ]

  private func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(
      json: URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/tokenizers/\(name).json").path)
  }

  /// The digit tokens are those spelt as digits, not byte fallback tokens that decode to them.
  @Test(arguments: names) func digitsAreThoseTheTokenizerWrites(name: String) throws {
    let tokenizer = try tokenizer(name)
    #expect(try TokenSpace.digits(of: tokenizer).ids == (0...9).map { tokenizer.id(of: String($0)) })
  }

  @Test(arguments: names) func everyNumericStringIsFoundOnce(name: String) throws {
    let tokenizer = try tokenizer(name)
    let all = try TokenSpace.numbers(of: tokenizer, duplicates: .shared)
    #expect(Set(all.ids).count == all.count)
    for (id, value) in zip(all.ids, all.values!) {
      let text = tokenizer.text(of: id)!
      #expect(Double(text.trimmingCharacters(in: .whitespaces)) == value)
    }
    // Without a decoder every token is a word of its own, so it decodes to a leading space.
    if name == "lowercase" { #expect(throws: TokenSpaceError.self) { try TokenSpace.numbers(of: tokenizer) } }
    let canonical = try TokenSpace.numbers(of: tokenizer, spacing: name == "lowercase" ? .spaced : .plain)
    #expect(Set(canonical.values!).count == canonical.count)
    #expect(canonical.ids.allSatisfy { all.candidate(of: $0) != nil })
  }

  /// Split into digits, a text decodes to the same, and every digit of every number is a metric token.
  @Test(arguments: names) func numbersAreFoundDigitByDigit(name: String) throws {
    let tokenizer = try tokenizer(name)
    let text = "é step1: x = -0.123, then 2048 and (6, 07) of 1_000 ٣; 99"
    let encoding = tokenizer.encode(text, addSpecialTokens: false)
    let pieces = try DigitSplitter(tokenizer).split(
      zip(encoding.ids, encoding.offsets).map { TokenPiece(id: $0, range: $1) })
    #expect(tokenizer.decode(pieces.map(\.id)) == tokenizer.decode(encoding.ids))
    let space = try TokenSpace.digits(of: tokenizer)
    // 1_000 is no number here, as it may be cut into pieces that hold more than digits.
    let found = MetricFinder(space: space, grammar: NumberGrammar(thousands: .never))
      .find(in: pieces, text: text)
    #expect(found.map { $0.number?.value } == [-0.123, 2048, 6, 7, 99])
    #expect(found.allSatisfy { $0.uncovered.isEmpty })
    for number in found {
      #expect(number.positions.map { UInt8($0.candidate) } == number.number?.digits)
      #expect(number.positions.map { pieces[$0.position].id } == number.positions.map { space.ids[$0.candidate] })
    }
  }
}
