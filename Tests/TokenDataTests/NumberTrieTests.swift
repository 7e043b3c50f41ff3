// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing
import TokenData

/// Targets over whole numbers along the tokens of real tokenizers, against full enumeration: every number of a format is
/// cut into tokens, tokens are compared with tokens.
@Suite struct NumberTrieTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var format: ValueFormat
    var distance: NumberDistance
    var width: Double
    var truths: [Double]
    var testDescription: String { name }
    var hasClosedSums: Bool {
      distance == .absolute || distance == .squared && width / format.spacing >= 100
    }

    init(
      _ name: String, _ indices: ClosedRange<Int>, decimals: Int = 0, isTrimmed: Bool = false, integerDigits: Int = 1,
      step: Int = 1, _ distance: NumberDistance, _ width: Double, _ truths: [Double]
    ) {
      let format = try? ValueFormat(
        indices: indices, decimals: decimals, isTrimmed: isTrimmed, integerDigits: integerDigits, step: step)
      guard let format else { preconditionFailure(name) }
      (self.name, self.format, self.distance, self.width, self.truths) = (name, format, distance, width, truths)
    }
  }

  static let cases = [
    Case("integers", 0...12_345, .squared, 25, [0, 9, 10, 100, 1234, 9999, 12_345]),
    Case("wide", 0...12_345, .squared, 900, [0, 99, 7000]), Case("Laplace", 0...2048, .absolute, 40, [9, 1000]),
    Case("signed", -1200...1200, .squared, 150, [-1200, -10, 0, 7, 1000]),
    Case("decimals", -1999...5000, decimals: 2, .squared, 0.7, [-19.99, -0.01, 0, 9.99, 12.5]),
    Case("trimmed", -300...2300, decimals: 2, isTrimmed: true, .absolute, 1.5, [-3, 0, 0.07, 3, 10.25]),
    Case("padded", 0...9999, integerDigits: 4, .squared, 40, [0, 7, 1000]),
    Case("relative", 1...4000, .relative, 0.2, [1, 12, 950]),
    Case("hundreds", -20...150, step: 100, .squared, 900, [-2000, 0, 900, 1000, 15_000]),
    Case("circle", 0...359, .circular(period: 360), 20, [0, 5, 359]),
  ]
  static let tokenizers = ["smollm2", "qwen2", "llama3", "gpt2", "roberta", "llama2", "phi3", "metaspace_always"]

  @Test(arguments: tokenizers, cases) func equalsEnumeration(_ name: String, _ test: Case) throws {
    let tokenizer = try fixtureTokenizer(name), format = test.format
    let space = try TokenSpace.pieces(of: tokenizer)
    let contexts = NumberContext.all(format, tokenizer)
    #expect(!contexts.isEmpty, "\(name)")
    for context in contexts {
      let trie = try NumberTrie(format, over: space, in: context, of: tokenizer)
      let paths = Self.paths(format, context.text, tokenizer)
      for (index, path) in zip(format.indices, paths) {
        try #require(trie.ids(of: index) == path)
        try #require(trie.index(of: path) == index)
      }
      #expect(trie.index(of: [space.ids[0], space.ids[0], space.ids[0]]) == nil)
      for truth in test.truths {
        let target = ValueTarget(format, distance: test.distance, scale: .width(test.width))
        let mass = try target.mass(around: truth), probabilities = Self.enumerate(target, truth)
        let own = try #require(format.index(nearest: truth))
        // Along the number itself, and along ones far from it.
        for index in [own, format.indices.lowerBound, own + 40].filter(format.indices.contains) {
          let path = trie.ids(of: index), places = trie.places(along: index, mass)
          #expect(places.count == path.count + 1)
          var product = 1.0, begun = Array(zip(paths, probabilities)), isWhole = true
          for (count, place) in places.enumerated() {
            if count > 0 { begun.removeAll { $0.0.count < count || $0.0[count - 1] != path[count - 1] } }
            let (expected, all) = Self.next(at: count, begun)
            // Where sums have no closed form, what has less than 1e-17 of the mass counts as nothing.
            guard all > (test.hasClosedSums ? 1e-280 : 1e-4) else {
              isWhole = false
              break
            }
            for (token, probability) in expected {
              let found = token < 0 ? place.end : place.candidates[try #require(space.candidate(of: token))]
              #expect(abs(found - probability) < 1e-12, "\(name) \(context.text): \(truth) after \(count)")
            }
            #expect(abs(place.candidates.reduce(place.end, +) - 1) < 1e-12)
            product *= count < path.count ? place.candidates[space.candidate(of: path[count])!] : place.end
          }
          let probability = probabilities[index - format.indices.lowerBound]
          if isWhole, probability > 1e-13 { #expect(abs(product - probability) <= 1e-11 * probability) }
        }
      }
    }
  }

  /// What the contexts are for: tokens with the space in them, three digits a token, a minus that takes the space.
  @Test func contextsAreThoseOfTheTokenizers() throws {
    func contexts(_ name: String, _ indices: ClosedRange<Int>) throws -> [String] {
      NumberContext.all(try ValueFormat(indices: indices), try fixtureTokenizer(name)).map(\.text)
    }
    #expect(try contexts("smollm2", 0...999) == [""])
    #expect(try contexts("llama3", 0...9999) == [""])
    #expect(try contexts("llama3", -99...9999) == ["", " "])
    #expect(try contexts("gpt2", 0...999).count == 2)
  }

  @Test func tooLargeFormatsAreRefused() throws {
    let tokenizer = try fixtureTokenizer("llama3"), space = try TokenSpace.pieces(of: tokenizer)
    let large = try ValueFormat(indices: 0...NumberTrie.largest)
    let error = #expect(throws: TokenSpaceError.self) { try NumberTrie.all(large, over: space, of: tokenizer) }
    #expect(error?.description.contains("tokens: digits") == true && error?.description.contains("1048577") == true)
    // Two numbers with the same tokens, tokens that are no part of numbers, and none at all.
    let format = try ValueFormat(indices: 0...9)
    let digits = tokenizer.ids(of: "0123456789")
    for tokens in [{ _ in [digits[0]] }, { _ in tokenizer.ids(of: "kg") }, { _ in nil }, { _ in [] }]
      as [(String) -> [Int32]?]
    {
      #expect(throws: TokenSpaceError.self) { try NumberTrie(format, over: space, tokens: tokens) }
    }
  }

  /// The tokens of every number after a text, without those of the text and a space that is a token for all.
  static func paths(_ format: ValueFormat, _ before: String, _ tokenizer: Tokenizer) -> [[Int32]] {
    let bare = before.hasSuffix(" ") ? String(before.dropLast()) : before
    let own = bare.isEmpty ? 0 : tokenizer.ids(of: bare).count
    let all = format.indices.map { Array(tokenizer.ids(of: before + format.text($0)).dropFirst(own)) }
    let first = all[0][0]
    let isSkipped = all.allSatisfy { $0[0] == first } && tokenizer.text(of: first) == " "
    return isSkipped ? all.map { Array($0.dropFirst()) } : all
  }

  /// p ∝ exp(−d/τ), value by value.
  static func enumerate(_ target: ValueTarget, _ x: Double) -> [Double] {
    let tau = target.temperature(around: x)
    let weights = target.format.indices.map { exp(-target.distance(target.format.value($0), x) / tau) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// Probability of what follows a beginning that these numbers have; −1 is the end.
  static func next(at count: Int, _ begun: [([Int32], Double)]) -> (next: [Int32: Double], all: Double) {
    var sums = [Int32: Double](), all = 0.0
    for (path, probability) in begun {
      sums[path.count > count ? path[count] : -1, default: 0] += probability
      all += probability
    }
    return (sums.mapValues { $0 / all }, all)
  }
}
