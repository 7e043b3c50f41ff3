// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// As `TokenizerInputTests`, for Unigram, WordPiece, whole words, and the steps that come with them.
@Suite struct TokenizerModelInputTests {
  static let folder = TokenizerTests.folder

  /// Small, with each of these parts.
  static let wholes: [JSON] = [
    [
      "version": "1.0", "added_tokens": [],
      "normalizer": ["type": "Sequence", "normalizers": [["type": "Nmt"], ["type": "ByteLevel"]]],
      "pre_tokenizer": [
        "type": "Sequence", "pretokenizers": [["type": "UnicodeScripts"], ["type": "FixedLength", "length": 3]],
      ],
      "post_processor": nil,
      "decoder": ["type": "CTC", "pad_token": "x", "word_delimiter_token": "|", "cleanup": true],
      "model": [
        "type": "Unigram", "unk_id": 0, "byte_fallback": true,
        "vocab": [["<unk>", 0.0], ["a", -1.0], ["ab", -1.5], ["<0xC3>", -2.0], ["5", -2.0]],
      ],
    ],
    [
      "version": "1.0", "added_tokens": [],
      "normalizer": [
        "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil,
        "lowercase": true,
      ],
      "pre_tokenizer": [
        "type": "Sequence",
        "pretokenizers": [["type": "BertPreTokenizer"], ["type": "CharDelimiterSplit", "delimiter": "-"]],
      ],
      "post_processor": nil, "decoder": ["type": "WordPiece", "prefix": "##", "cleanup": true],
      "model": [
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 5,
        "vocab": ["[UNK]": 0, "a": 1, "##b": 2, "##bc": 3, "5": 4],
      ],
    ],
    [
      "version": "1.0", "added_tokens": [], "normalizer": nil, "pre_tokenizer": ["type": "Whitespace"],
      "post_processor": nil, "decoder": ["type": "BPEDecoder", "suffix": "</w>"],
      "model": ["type": "WordLevel", "unk_token": "[UNK]", "vocab": ["[UNK]": 0, "abc": 1, "55": 2]],
    ],
    [
      "version": "1.0", "added_tokens": [], "normalizer": nil, "pre_tokenizer": nil, "post_processor": nil,
      "decoder": nil,
      "model": [
        "type": "BPE", "continuing_subword_prefix": "##", "end_of_word_suffix": "</w>", "unk_token": "?",
        "vocab": ["?": 0, "a": 1, "##b": 2, "ab": 3, "##c</w>": 4, "abc</w>": 5],
        "merges": [["a", "##b"], ["ab", "##c</w>"]],
      ],
    ],
  ]

  @Test(arguments: wholes.indices) func changedValuesAreRefusedOrHarmless(index: Int) throws {
    try TokenizerInputTests.use(Array(Self.wholes[index].text().utf8))
    let variants = TokenizerInputTests.variants(Self.wholes[index])
    var refused = 0
    for variant in variants {
      do {
        try TokenizerInputTests.use(Array(variant.text().utf8))
      } catch let error as InputError {
        #expect(!error.expected.isEmpty)
        refused += 1
      }
    }
    #expect(variants.count > 200)
    #expect(refused > variants.count / 3)
  }

  @Test(arguments: [
    (0, #""unk_id":0"#, #""unk_id":5"#, "model.unk_id", "0 ..< 5"),
    (0, #""unk_id":0"#, #""unk_id":null"#, "model.unk_id", "a whole number"),
    (0, #"["ab",-1.5]"#, #"["ab"]"#, "model.vocab[2]", "[piece, score]"),
    (0, #"["ab",-1.5]"#, #"["ab","x"]"#, "model.vocab[2][1]", "a number"),
    (0, #""length":3"#, #""length":0"#, "pre_tokenizer.pretokenizers[1].length", "from 1"),
    (0, #""pad_token":"x""#, #""pad_token":"""#, "decoder.pad_token", "not empty"),
    (1, #""unk_token":"[UNK]""#, #""unk_token":"none""#, "model.unk_token", "vocabulary"),
    (1, #"_word":5"#, #"_word":-5"#, "model.max_input_chars_per_word", "from 0"),
    (1, #""delimiter":"-""#, #""delimiter":"--""#, "pre_tokenizer.pretokenizers[1].delimiter", "one character"),
    (2, #""suffix":"</w>""#, #""suffix":"""#, "decoder.suffix", "not empty"),
    (3, ###"["a","##b"]"###, ###"["a","##x"]"###, "model.merges[0]", "tokens of the vocabulary"),
  ])
  func errorsNameTheKey(index: Int, old: String, new: String, key: String, expected: String) throws {
    let text = Self.wholes[index].text()
    try #require(text.contains(old))
    let error = try #require(throws: InputError.self) {
      try TokenizerInputTests.use(Array(text.replacing(old, with: new).utf8))
    }
    #expect(error.place == "key \(key)", "\(error)")
    #expect("\(error)".contains(expected), "\(error)")
  }

  // MARK: Character maps

  private static func withMap(_ bytes: [UInt8]) -> JSON {
    [
      "version": "1.0",
      "normalizer": ["type": "Precompiled", "precompiled_charsmap": .string(Data(bytes).base64EncodedString())],
      "model": ["type": "WordLevel", "unk_token": "?", "vocab": ["?": 0]],
    ]
  }

  @Test func brokenCharacterMapsAreRefusedOrHarmless() throws {
    let fixture = try JSONReader(file: Self.folder + "/plain_precompiled.json").at("normalizer")
    let map = Array(try #require(Data(base64Encoded: try fixture.string(at: "precompiled_charsmap"))))
    try TokenizerInputTests.use(Array(Self.withMap(map).text().utf8))
    let count = Int(map[0]) | Int(map[1]) << 8 | Int(map[2]) << 16
    var random = RandomText.Generator(state: 3)
    var refused = 0
    for round in 0..<600 {
      var broken = map
      for _ in 0..<1 + random.next(4) {
        broken[random.next(round % 3 == 0 ? 8 : broken.count)] = UInt8(random.next(256))
      }
      // Some that lead everywhere, and some cut short.
      if round % 3 == 1 { for index in 1..<32 { broken[4 * random.next(count / 4) + 5] = UInt8(index) } }
      if round % 7 == 0 { broken.removeLast(random.next(broken.count)) }
      do { try TokenizerInputTests.use(Array(Self.withMap(broken).text().utf8)) } catch let error as InputError {
        #expect(error.place == "key normalizer.precompiled_charsmap" || error.place == "key normalizer", "\(error)")
        refused += 1
      }
    }
    #expect(refused > 50)
  }

  /// A unit for every byte that leads back to all of them would be 255⁵ strings.
  @Test func characterMapsAreBounded() throws {
    let words = [UInt32(1024)] + (0..<UInt32(256)).map { $0 | $0 << 10 }
    let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
    let error = try #require(throws: InputError.self) {
      try TokenizerInputTests.use(Array(Self.withMap(bytes + [0]).text().utf8))
    }
    #expect(error.found.contains("steps"), "\(error)")
  }

  /// One byte that becomes a thousand and more is no rule of a language.
  @Test func replacementsAreBounded() throws {
    let fixture = try JSONReader(file: Self.folder + "/plain_precompiled.json").at("normalizer")
    let map = Array(try #require(Data(base64Encoded: try fixture.string(at: "precompiled_charsmap"))))
    let long = map.dropLast() + [UInt8](repeating: 0x41, count: 5000)
    let error = try #require(throws: InputError.self) {
      try TokenizerInputTests.use(Array(Self.withMap(Array(long)).text().utf8))
    }
    #expect(error.expected.contains("1000 times"), "\(error)")
  }

  /// Every length of a piece, at every place of a long word: the longest text is so short that this ends.
  @Test func longPiecesBoundTheText() throws {
    let pieces: [JSON] =
      [["<unk>", 0.0]] + (1...2000).map { [.string(String(repeating: "a", count: $0)), .double(-1)] }
    let json: JSON = ["version": "1.0", "model": ["type": "Unigram", "unk_id": 0, "vocab": .array(pieces)]]
    try withFile(json.text(), name: "tokenizer.json") { path in
      let tokenizer = try Tokenizer(json: path)
      #expect(tokenizer.longestText == 2_000_000)
      #expect(tokenizer.ids(of: String(repeating: "a", count: 5000)).count == 3)
    }
  }
}
