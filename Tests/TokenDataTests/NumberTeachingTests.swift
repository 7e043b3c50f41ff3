// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing
import TokenData

/// Targets over whole numbers in examples that real tokenizers cut, several digits a token.
@Suite struct NumberTeachingTests {
  /// A rule over a format, and the encoder of its numbers.
  private func parts(
    _ name: String, _ format: ValueFormat, width: Double, draw: Double
  ) throws -> (encoder: ExampleEncoder, teacher: ValueTeacher) {
    let tokenizer = try fixtureTokenizer(name), space = try TokenSpace.pieces(of: tokenizer)
    let rule = ValueRule(
      space, target: ValueTarget(format, distance: .squared, scale: .width(width)), draw: draw, crossEntropy: .replaced,
      tries: try NumberTrie.all(format, over: space, of: tokenizer))
    let encoder = ExampleEncoder(
      tokenizer, metrics: [MetricRule(MetricFinder(space: space))], end: tokenizer.roles.end)
    return (encoder, ValueTeacher([rule], seed: 3))
  }

  /// Prompts and answers, the number where `#` is.
  static let places = [
    ("x = ", "#"), ("x =", " #"), ("x =", " # kg"), ("x", " = #."), ("x", "(#)"), ("x\n", "#\n"),
    ("x: ", "y #, z # kg"),
    ("x", " [#, #]"), ("x =", " #kg"),
  ]

  /// What is written of a drawn number is what the tokenizer makes of the new text, and what stands around it stays.
  @Test(arguments: NumberTrieTests.tokenizers + ["numbers3"], places)
  func drawnNumbersAreWrittenAsTheTokenizerDoes(_ name: String, _ place: (prompt: String, answer: String)) throws {
    let format = try ValueFormat(indices: -300...1500)
    let (encoder, teacher) = try parts(name, format, width: 400, draw: 1)
    var changed = 0, taughtCount = 0
    for index in 0..<60 {
      let answer = place.answer.replacing("#", with: "\(index * 29 - 250)")
      let example = encoder.encode(prompt: place.prompt, answer: answer)
      let taught = try teacher.taught(example, epoch: 0, index: index, writtenBy: encoder.tokenizer)
      taughtCount += taught.metrics.isEmpty ? 0 : 1
      let start = try #require(example.supervised.firstIndex(of: true))
      #expect(Array(taught.ids[..<start]) == Array(example.ids[..<start]))
      let written = encoder.tokenizer.decode(Array(taught.ids[start...]))
      // Decoders leave out the space that a tokenizer puts in front of an answer that is cut apart.
      let text = place.answer.hasPrefix(" ") && !written.hasPrefix(" ") ? " " + written : written
      if taught.ids != example.ids {
        changed += 1
        #expect(
          encoder.encode(prompt: place.prompt, answer: text).ids == taught.ids, "\(name): \(place.prompt)|\(text)")
      }
      #expect(taught.supervised.count == taught.ids.count)
      for metric in taught.metrics {
        let given = try #require(metric.given)
        #expect(abs(given.probabilities.reduce(given.endProbability, +) - 1) < 1e-12)
        #expect(given.probabilities.count == teacher.rules[0]?.space.count)
        // The taught token is one of those that may come.
        let own =
          metric.candidate < given.probabilities.count ? given.probabilities[metric.candidate] : given.endProbability
        #expect(
          own > 0
            && (metric.candidate == given.probabilities.count
              || taught.ids[metric.position] == teacher.rules[0]?.space.ids[metric.candidate])
        )
      }
    }
    // Numbers are drawn wherever the tokenizer cuts numbers off what stands around them.
    if ["smollm2", "qwen2", "numbers3", "gpt2"].contains(name), !place.answer.contains("(") {
      #expect(taughtCount == 60 && changed > 40, "\(name) \(place): \(taughtCount) taught, \(changed) drawn")
    }
  }

  /// Every place of ` 12`, ` -12` and their ends in Llama 3's way: the space is a token where no sign follows.
  @Test func spacesArePartOfSignedNumbers() throws {
    let (encoder, teacher) = try parts("numbers3", try ValueFormat(indices: -2000...2000), width: 500, draw: 0)
    let rule = try #require(teacher.rules[0])
    for (answer, tokens) in [(" = 123 kg", [" ", "123", " kg"]), (" = -1234 kg", [" -", "123", "4", " kg"])] {
      let taught = try teacher.taught(encoder.encode(prompt: "x", answer: answer), epoch: 0, index: 0)
      let shown = taught.metrics.map { encoder.tokenizer.text(of: taught.ids[$0.position]) }
      #expect(shown == tokens)
      // The first says whether the number is negative.
      let target = NumberTrieTests.enumerate(rule.target, answer.contains("-") ? -1234 : 123)
      let negative = target[..<2000].reduce(0, +), first = try #require(taught.metrics[0].given)
      func probability(_ text: String) -> Double {
        let id = rule.space.ids.first { encoder.tokenizer.text(of: $0) == text }
        return first.probabilities[rule.space.candidate(of: id ?? -1) ?? 0]
      }
      #expect(abs(probability(" -") - negative) < 1e-12 && abs(probability(" ") - (1 - negative)) < 1e-12)
    }
    // Unsigned numbers have no such choice.
    let unsigned = try parts("numbers3", try ValueFormat(indices: 0...2000), width: 500, draw: 0)
    let taught = try unsigned.teacher.taught(
      unsigned.encoder.encode(prompt: "x", answer: " = 123 kg"), epoch: 0, index: 0)
    #expect(taught.metrics.map { encoder.tokenizer.text(of: taught.ids[$0.position]) } == ["123", " kg"])
  }

  @Test func drawsDependOnTheirKeyAlone() throws {
    let (encoder, teacher) = try parts("numbers3", try ValueFormat(indices: 0...2000), width: 90, draw: 1)
    let example = encoder.encode(prompt: "x", answer: " = 123 kg, 7 kg"), tokenizer = encoder.tokenizer
    func taught(_ epoch: Int, _ index: Int) throws -> EncodedExample {
      try teacher.taught(example, epoch: epoch, index: index, writtenBy: tokenizer)
    }
    let first = try taught(2, 5)
    for other in 0..<20 { _ = try taught(2, other) }
    #expect(try taught(2, 5) == first)
    #expect(try Set((0..<20).map { try taught($0, 5).ids }).count > 10)
    // The same numbers are drawn as digit by digit.
    let digits = try TokenSpace.characters(of: tokenizer), rule = try #require(teacher.rules[0])
    let byDigit = ValueTeacher(
      [ValueRule(digits, target: rule.target, draw: 1, crossEntropy: .replaced)], seed: 3)
    let splitting = ExampleEncoder(
      tokenizer, metrics: [MetricRule(MetricFinder(space: digits))], splitter: try DigitSplitter(tokenizer),
      end: tokenizer.roles.end)
    for epoch in 0..<20 {
      let a = try taught(epoch, 1)
      let b = try byDigit.taught(
        splitting.encode(prompt: "x", answer: " = 123 kg, 7 kg"), epoch: epoch, index: 1)
      #expect(tokenizer.decode(a.ids) == tokenizer.decode(b.ids))
    }
  }

  /// `2kg` in one token is no number of its own, and neither is `1` before it.
  @Test func numbersInLongerTokensAreLeftToCrossEntropy() throws {
    let tokenizer = try fixtureTokenizer("numbers3"), space = try TokenSpace.pieces(of: tokenizer)
    let finder = MetricFinder(space: space), text = "12kg", ids = tokenizer.ids(of: "12")
    let pieces = [TokenPiece(id: ids[0], range: 0..<1), TokenPiece(id: 3, range: 1..<4)]
    let found = finder.find(in: pieces, text: text)
    #expect(found.count == 1 && found[0].positions.isEmpty && found[0].uncovered == [0, 1])
  }

  /// What the tokenizer writes with other tokens than the format's numbers keeps its cross entropy, and is counted.
  @Test func otherWritingsAreCounted() throws {
    let (encoder, teacher) = try parts("numbers3", try ValueFormat(indices: 0...2000), width: 90, draw: 1)
    let example = encoder.encode(prompt: "x", answer: " = 007, 12, 3000, 2.5")
    #expect(teacher.coverage(of: example)[0].map { [$0.numbers, $0.others] } == [4, 3])
    let taught = try teacher.taught(example, epoch: 0, index: 0, writtenBy: encoder.tokenizer)
    #expect(Set(taught.metrics.map(\.number)) == [1])
  }
}
