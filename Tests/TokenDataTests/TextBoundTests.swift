// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing

import TokenData

/// The bound is never above the number of tokens there are, whatever the text and the steps before the model.
@Suite struct TextBoundTests {
  /// Texts that become few tokens: runs, white space, what normalizers shrink, added tokens.
  private static let texts: [String] =
    [
      "", " ", "a", "\n", "word ", "the", "Kelvin \u{212A}", "\u{1FBE}\u{308}\u{301}", "日本", "🙂", "\0", "<s> ", "=",
      "-",
    ]
    .flatMap { text in [1, 7, 300].map { String(repeating: text, count: $0) } }
    + ["  \n a quiet   evening \t ", "\u{3000}\u{A0}x\u{2028}"]

  @Test func itIsNeverAboveWhatThereIs() throws {
    for url in try fixtureFiles() {
      guard let tokenizer = try? Tokenizer(json: url.path), let bound = tokenizer.textBound else { continue }
      let random = (0..<60).map { RandomText.string($0) }
      for text in Self.texts + random {
        let count = tokenizer.encode(text, addSpecialTokens: false).ids.count
        #expect(bound.fewestTokens(of: text) <= count, "\(url.lastPathComponent) \(text.debugDescription)")
      }
    }
  }

  @Test(
    arguments: [
      (nil, nil, true),
      (["type": "NFC"], nil, true),
      (["type": "Strip", "strip_left": true, "strip_right": true], nil, true),
      (["type": "StripAccents"], nil, false),
      (["type": "Replace", "pattern": ["String": "aaaa"], "content": "a"], nil, true),
      (["type": "Replace", "pattern": ["String": "a"], "content": ""], nil, false),
      (["type": "Replace", "pattern": ["Regex": "a+"], "content": "a"], nil, false),
      (
        [
          "type": "Sequence",
          "normalizers": [
            ["type": "Replace", "pattern": ["String": "a"], "content": " "],
            ["type": "Strip", "strip_left": true, "strip_right": true],
          ],
        ], nil, false
      ),
      (nil, ["type": "Split", "pattern": ["String": "a"], "behavior": "Removed", "invert": false], false),
      (nil, ["type": "WhitespaceSplit"], true),
    ] as [(JSON?, JSON?, Bool)])
  func whatMayVanishHasNoBound(normalizer: JSON?, preTokenizer: JSON?, isBounded: Bool) throws {
    let tokenizer = try Self.tokenizer(normalizer, preTokenizer, unknown: "?")
    #expect((tokenizer.textBound != nil) == isBounded)
    guard let bound = tokenizer.textBound else { return }
    for text in Self.texts {
      #expect(bound.fewestTokens(of: text) <= tokenizer.encode(text).ids.count, "\(text.debugDescription)")
    }
  }

  @Test func unknownCharacters() throws {
    // Dropped, or any number of them one token: no bound. One each: four bytes at most.
    #expect(try Self.tokenizer(nil, nil, unknown: nil).textBound == nil)
    #expect(try Self.tokenizer(nil, nil, unknown: "?", fuses: true).textBound == nil)
    let bound = try #require(try Self.tokenizer(nil, nil, unknown: "?").textBound)
    #expect(bound.bytesPerToken == 5)
    #expect(bound.fewestTokens(of: String(repeating: "a", count: 100)) == 20)
  }

  /// Looking for the bound visits every token of the vocabulary: not for each of millions of short records.
  @Test func shortRecordsDoNotLookAtTheVocabulary() throws {
    var tokens = JSONObject()
    for id in 0..<5000 { tokens["t\(id)"] = .int(id) }
    let json: JSON = [
      "version": "1.0", "added_tokens": [], "normalizer": nil, "pre_tokenizer": nil, "post_processor": nil,
      "decoder": nil,
      "model": ["type": "BPE", "unk_token": "t0", "fuse_unk": false, "vocab": .object(tokens), "merges": []],
    ]
    let tokenizer = try withFile(json.text(), name: "tokenizer.json") { try Tokenizer(json: $0) }
    let encoder = ExampleEncoder(tokenizer, end: nil)
    let record = Record(.promptCompletion("1+1=", "2"), source: "line 1")
    #expect(tokenizer.textBound != nil)
    #expect(encoder.fewestTokens(of: record) == nil)
    let clock = ContinuousClock()
    let bounds = clock.measure { for _ in 0..<100 { _ = tokenizer.textBound } }
    let records = clock.measure { for _ in 0..<1000 { _ = encoder.fewestTokens(of: record) } }
    #expect(records < bounds, "1,000 records \(records), 100 bounds \(bounds)")
  }

  private static func tokenizer(
    _ normalizer: JSON?, _ preTokenizer: JSON?, unknown: String?, fuses: Bool = false
  ) throws -> Tokenizer {
    let json: JSON = [
      "version": "1.0", "added_tokens": [], "normalizer": normalizer ?? .null, "pre_tokenizer": preTokenizer ?? .null,
      "post_processor": nil, "decoder": nil,
      "model": [
        "type": "BPE", "unk_token": unknown.map { .string($0) } ?? .null, "fuse_unk": .bool(fuses),
        "vocab": ["?": 0, "a": 1, "aa": 2, "aaaa": 3, "aaaaa": 4, "b": 5], "merges": ["a a", "aa aa", "aaaa a"],
      ],
    ]
    return try withFile(json.text(), name: "tokenizer.json") { try Tokenizer(json: $0) }
  }

  private func fixtureFiles() throws -> [URL] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/tokenizers")
      .standardized
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "json" }
    try #require(!files.isEmpty)
    return files
  }
}
