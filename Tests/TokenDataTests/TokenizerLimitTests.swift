// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// What a tokenizer's file asks for may be out of all proportion to the text.
@Suite struct TokenizerLimitTests {
  /// Letters a, b, c, | as tokens, with a normalizer or decoder.
  private func tokenizer(normalizer: JSON = nil, decoder: JSON = ["type": "Fuse"]) throws -> Tokenizer {
    let json: JSON = [
      "version": "1.0", "added_tokens": [], "normalizer": normalizer, "pre_tokenizer": nil, "post_processor": nil,
      "decoder": decoder,
      "model": ["type": "BPE", "vocab": ["a": 0, "b": 1, "c": 2, "|": 3], "merges": []],
    ]
    let path = FileManager.default.temporaryDirectory.path + "/limits-\(UUID().uuidString).json"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(json.text().utf8).write(to: URL(filePath: path))
    return try Tokenizer(json: path)
  }

  private func replace(_ pattern: JSON, by content: String) -> JSON {
    ["type": "Replace", "pattern": pattern, "content": .string(content)]
  }

  @Test func stepsThatMultiplyTextAreRefused() throws {
    let step = replace(["String": "a"], by: String(repeating: "a", count: 200))
    let steps: JSON = ["type": "Sequence", "normalizers": [step, step, step, step]]
    #expect(throws: InputError.self) { try tokenizer(normalizer: steps) }
    let decoders: JSON = ["type": "Sequence", "decoders": [step, step, step, step]]
    #expect(throws: InputError.self) { try tokenizer(decoder: decoders) }
    // One of them is no bomb, but texts must be shorter.
    let one = try tokenizer(normalizer: step)
    #expect(one.longestText < 400_000)
    #expect(one.ids(of: "aba").count == 401)
    let error = try #require(throws: InputError.self) {
      try one.check(String(repeating: "a", count: 400_000), source: "x.jsonl, line 3")
    }
    #expect(error.path == "x.jsonl, line 3")
    #expect(try tokenizer().longestText == 64 << 20)
  }

  @Test func tokensAreNotEndless() throws {
    let long = String(repeating: "a", count: 100_000)
    #expect(throws: InputError.self) { try tokenizer(normalizer: replace(["String": .string(long)], by: "a")) }
  }

  /// Each would take time with the square of the text's length, or worse, if starts were tried afresh.
  @Test(arguments: [
    "a*b", "a+b", "a*?b", "(?:a|c)*b", "(?=(?:a|c)*b)a", "(?>(?:a|c)*)b", "a*b|a", "(?:a+c?)+b", "a{0,50}b", "[ab]*c",
    "(?:a|aa)+b", "a*a*a*b", "(?:aa?)*c", "(?=a*b)a|a*+b", "(?!a*b)b",
  ]) func matchingIsLinear(pattern: String) throws {
    let tokenizer = try tokenizer(normalizer: replace(["Regex": .string(pattern)], by: "|"))
    let clock = ContinuousClock()
    let text = String(repeating: "a", count: 100_000)
    let duration = clock.measure { _ = tokenizer.ids(of: text) }
    // A few tenths of a second; with the square of the length it would be minutes.
    #expect(duration < .seconds(20), "\(pattern): \(duration)")
  }

  /// Against the regular expressions of Swift's own library, on all kinds of texts so short that its backtracking ends.
  @Test func matchesAreThoseOfAnotherImplementation() throws {
    var state: UInt64 = 7
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    func atom(_ depth: Int) -> String {
      switch draw(depth > 0 ? 9 : 4) {
      case 0, 1: return ["a", "b", "c"][draw(3)]
      case 2: return ["[ab]", "[^a]", "[bc]"][draw(3)]
      case 3: return "."
      case 4: return "(?:\(sequence(depth - 1))|\(sequence(depth - 1)))"
      case 5: return "(?=\(sequence(depth - 1)))\(["a", "b", "."][draw(3)])"
      case 6: return "(?!\(sequence(depth - 1)))."
      case 7: return "(?>\(sequence(depth - 1)))"
      default: return "(?:\(sequence(depth - 1)))"
      }
    }
    func sequence(_ depth: Int) -> String {
      (0...draw(3)).map { _ in atom(depth) + ["", "", "+", "+?", "{1,3}", "{2}"][draw(6)] }.joined()
    }
    for _ in 0..<400 {
      let pattern = sequence(2), other = try Regex(pattern)
      let tokenizer = try tokenizer(normalizer: replace(["Regex": .string(pattern)], by: "|"))
      for length in [1, 3, 6, 10] {
        let text = (0..<length).map { _ in ["a", "b", "c"][draw(3)] }.joined()
        let expected = text.replacing(other, with: "|")
        #expect(tokenizer.decode(tokenizer.ids(of: text)) == expected, "\(pattern) in \(text)")
      }
    }
  }
}
