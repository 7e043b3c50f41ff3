// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// Files that are wrong are refused with their place, and nothing in them crashes.
@Suite struct TokenizerInputTests {
  /// Small, with a part of every kind.
  static let whole: JSON = [
    "version": "1.0", "truncation": nil, "padding": nil,
    "added_tokens": [
      [
        "id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": true, "normalized": false,
        "special": true,
      ],
      [
        "id": 10, "content": "new", "single_word": true, "lstrip": true, "rstrip": false, "normalized": true,
        "special": false,
      ],
    ],
    "normalizer": [
      "type": "Sequence",
      "normalizers": [
        ["type": "NFC"], ["type": "Strip", "strip_left": true, "strip_right": false],
        ["type": "Prepend", "prepend": "a"],
        ["type": "Replace", "pattern": ["Regex": " {2,}"], "content": " "], ["type": "Lowercase"],
      ],
    ],
    "pre_tokenizer": [
      "type": "Sequence",
      "pretokenizers": [
        ["type": "Split", "pattern": ["Regex": "(?i:x)|[^\\p{L}]+?\\b"], "behavior": "Isolated", "invert": false],
        ["type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true],
        ["type": "Digits", "individual_digits": true],
        ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true],
      ],
    ],
    "post_processor": [
      "type": "Sequence",
      "processors": [
        ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true],
        [
          "type": "TemplateProcessing",
          "single": [["SpecialToken": ["id": "<s>", "type_id": 0]], ["Sequence": ["id": "A", "type_id": 0]]],
          "pair": [], "special_tokens": ["<s>": ["id": "<s>", "ids": [0], "tokens": ["<s>"]]],
        ],
      ],
    ],
    "decoder": [
      "type": "Sequence",
      "decoders": [
        ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"], ["type": "Fuse"],
        ["type": "Strip", "content": " ", "start": 1, "stop": 0], ["type": "ByteLevel"],
      ],
    ],
    "model": [
      "type": "BPE", "dropout": nil, "unk_token": "<s>", "continuing_subword_prefix": nil, "end_of_word_suffix": "",
      "fuse_unk": true, "byte_fallback": false, "ignore_merges": true,
      "vocab": ["<s>": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "abc": 5, "Ġ": 6, "5": 7, "bc": 8, "Ġa": 9],
      "merges": ["a b", ["ab", "c"], "b c", "Ġ a"],
    ],
  ]

  /// Reads a tokenizer and, if it is accepted, uses it.
  static func use(_ text: [UInt8]) throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID().uuidString).json")
    try Data(text).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let tokenizer = try Tokenizer(json: file.path)
    for text in ["", "abc a 55 new <s>  x", "é\u{301}😀\u{3000}"] {
      let encoding = tokenizer.encode(text)
      _ = tokenizer.decode(encoding.ids)
      for id in encoding.ids { _ = tokenizer.text(of: id) }
    }
    _ = tokenizer.decode(Array(-2..<20))
  }

  /// The value with one thing changed, for every place in it and every change.
  static func variants(_ value: JSON) -> [JSON] {
    var result: [JSON] = [nil, true, -1, 3, 1e99, "x", "", [], [:], ["a", "b"], 4_000_000_000]
    switch value {
    case .array(let values):
      for index in values.indices {
        result += variants(values[index]).map { changed in
          var copy = values
          copy[index] = changed
          return .array(copy)
        }
        result.append(.array(values + [values[index]]))
      }
    case .object(let object):
      for (index, member) in object.members.enumerated() {
        result += variants(member.value).map { changed in
          var copy = object
          copy[member.key] = changed
          return .object(copy)
        }
        var shorter = JSONObject()
        for (other, member) in object.members.enumerated() where other != index { shorter[member.key] = member.value }
        result.append(.object(shorter))
      }
    default: break
    }
    return result
  }

  @Test func wholeFileIsAccepted() throws { try Self.use(Array(Self.whole.text().utf8)) }

  @Test func changedValuesAreRefusedOrHarmless() throws {
    let variants = Self.variants(Self.whole)
    var refused = 0
    for variant in variants {
      do {
        try Self.use(Array(variant.text().utf8))
      } catch let error as InputError {
        #expect(!error.expected.isEmpty)
        #expect((!error.place.isEmpty || variant["model"] == nil))
        refused += 1
      }
    }
    #expect(variants.count > 1500)
    #expect(refused > variants.count / 2)
  }

  @Test func brokenBytesAreRefusedOrHarmless() throws {
    let text = Array(Self.whole.text().utf8)
    for count in stride(from: 0, to: text.count, by: 7) {
      #expect(throws: InputError.self) { try Self.use(Array(text[..<count])) }
    }
    var random = RandomText.Generator(state: 1)
    for _ in 0..<1500 {
      var broken = text
      for _ in 0..<1 + random.next(3) { broken[random.next(broken.count)] = UInt8(random.next(256)) }
      do {
        try Self.use(broken)
      } catch is InputError {}
    }
  }

  /// The error of a file in which `old` is written `new`.
  static func error(_ old: String, _ new: String) throws -> InputError? {
    let text = whole.text()
    try #require(text.contains(old))
    do {
      try use(Array(text.replacing(old, with: new).utf8))
      return nil
    } catch let error as InputError {
      return error
    }
  }

  @Test(arguments: [
    (#""type":"NFC""#, #""type":"NFX""#, "normalizer.normalizers[0].type", "Sequence, Prepend, Replace"),
    (#""type":"Digits""#, #""type":"Bert""#, "pre_tokenizer.pretokenizers[2].type", "Metaspace"),
    (#""type":"Fuse""#, #""type":"Other""#, "decoder.decoders[2].type", "ByteFallback"),
    (#""type":"TemplateProcessing""#, #""type":"Other""#, "post_processor.processors[1].type", "TemplateProcessing"),
    (#""type":"BPE""#, #""type":"Other""#, "model.type", "BPE, Unigram, WordPiece"),
    (#""dropout":null"#, #""dropout":0.1"#, "model.dropout", "null"),
    (
      #""end_of_word_suffix":"","fuse_unk":true,"byte_fallback":false"#,
      #""end_of_word_suffix":"</w>","fuse_unk":true,"byte_fallback":true"#, "model.byte_fallback", "end_of_word_suffix"
    ),
    (#""unk_token":"<s>""#, #""unk_token":"none""#, "model.unk_token", "vocabulary"),
    (#"["ab","c"]"#, #"["ab","d"]"#, "model.merges[1]", "tokens of the vocabulary"),
    (#""a b""#, #""ab""#, "model.merges[0]", "one space"),
    (#""abc":5"#, #""abc":4"#, "model.vocab.abc", "each id once"),
    (#""abc":5"#, #""abc":500000000"#, "model.vocab.abc", "an id, 0 ..<"),
    (#""id":10"#, #""id":11"#, "added_tokens[1].id", "10"),
    (#""ids":[0]"#, #""ids":[99]"#, "post_processor.processors[1].special_tokens.<s>.ids[0]", "an id"),
    (#"(?i:x)|"#, #"(?<=x)|"#, "pre_tokenizer.pretokenizers[0].pattern.Regex", "lookahead"),
    (#"\\p{L}"#, #"\\p{Klingon}"#, "pre_tokenizer.pretokenizers[0].pattern.Regex", "classes"),
    (#""version":"1.0""#, #""version":"2.0""#, "version", "1.0"),
  ])
  func errorsNameTheKeyAndWhatIsSupported(old: String, new: String, key: String, expected: String) throws {
    let error = try #require(try Self.error(old, new))
    #expect(error.place == "key \(key)", "\(error)")
    #expect(error.expected.contains(expected), "\(error)")
  }

  @Test func expressionsAreBounded() throws {
    for pattern in [
      String(repeating: "(", count: 100_000), String(repeating: "[", count: 100_000),
      String(repeating: "a{2}", count: 9000),
      "a" + String(repeating: "{2}", count: 9000), "((((a{1000}){1000}){1000}){1000}){1000}", "(a*)*", "(", ")", "[",
      "a{2", "*",
      "[z-a]", "\\", "\\p{", "(?", "(?#x)", "\\x{110000}", "a{1001}", String(repeating: "ab|", count: 100_000),
    ] {
      let text = Self.whole.text().replacing(#"(?i:x)|[^\\p{L}]+?\\b"#, with: pattern.replacing("\\", with: "\\\\"))
      do {
        try Self.use(Array(text.utf8))
      } catch let error as InputError {
        #expect(error.place == "key pre_tokenizer.pretokenizers[0].pattern.Regex")
        #expect(error.description.count < 1000)
      }
    }
  }

  @Test(arguments: ["/nonexistent/folder", "/dev/null", "/"]) func foldersThatAreNone(folder: String) {
    #expect(throws: InputError.self) { try Tokenizer(folder: folder) }
    #expect(throws: InputError.self) { try Tokenizer(json: folder) }
  }

  @Test func deepNestingAndEmptyFiles() {
    #expect(throws: InputError.self) { try Self.use([]) }
    #expect(throws: InputError.self) { try Self.use(Array("\u{FEFF}{}".utf8)) }
    #expect(throws: InputError.self) { try Self.use([0xFF, 0xFE, 0x00]) }
    let nested = String(repeating: #"{"type":"Sequence","normalizers":["#, count: 100_000)
    #expect(throws: InputError.self) { try Self.use(Array(#"{"normalizer":\#(nested)"#.utf8)) }
  }

  @Test func rolesComeFromTheFolder() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ name: String, _ json: JSON) throws {
      try Data(json.text().utf8).write(to: folder.appending(path: name))
    }
    try write("tokenizer.json", Self.whole)
    #expect(try Tokenizer(folder: folder.path).roles == TokenRoles())
    try write("special_tokens_map.json", ["bos_token": "c", "pad_token": "a"])
    try write("tokenizer_config.json", ["bos_token": ["content": "<s>"], "eos_token": "new", "unk_token": nil])
    try write("generation_config.json", ["eos_token_id": [3, 10]])
    let roles = try Tokenizer(folder: folder.path).roles
    #expect(roles.begin == 0)
    #expect(roles.end == 10)
    #expect(roles.pad == 1)
    #expect(roles.unknown == nil)
    #expect(roles.ends == [3, 10])
    try write("tokenizer_config.json", ["eos_token": "no token"])
    #expect(throws: InputError.self) { try Tokenizer(folder: folder.path) }
    try write("tokenizer_config.json", [:])
    try write("generation_config.json", ["eos_token_id": 99])
    #expect(throws: InputError.self) { try Tokenizer(folder: folder.path) }
  }
}
