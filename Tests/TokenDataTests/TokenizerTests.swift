// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Against the tokenizers package: Tests/Fixtures/tokenizers/make.py and make_models.py.
@Suite struct TokenizerTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/tokenizers")
    .path
  static let names = [
    "llama3", "gpt2", "smollm2", "qwen2", "gaps", "gaps_unknown", "roberta", "llama2", "phi3", "metaspace",
    "metaspace_always", "lowercase",
    "words_gpt2", "words_llama3", "words_qwen2", "words_o200k", "words_cl100k", "words_deepseek", "words_behaviors",
    "words_syntax", "words_simple",
    // make_models.py
    "t5", "xlmr", "unigram_bytes", "unigram_odd", "unigram_alphabet", "bert", "bert_cased", "bert_whole", "word_level",
    "speech", "clip", "gpt1", "prefixed", "falcon", "alphabet", "twice", "plain_precompiled", "plain_nmt", "plain_bert",
    "words_scripts", "words_delimiter", "words_bert",
  ]

  static func tokenizer(_ name: String) throws -> Tokenizer { try Tokenizer(json: "\(folder)/\(name).json") }

  static func expected(_ name: String) throws -> JSONReader {
    let first = try JSONReader(file: "\(folder)/expected.json")
    return try first.ifPresent(name) ?? JSONReader(file: "\(folder)/expected_models.json").at(name)
  }

  /// What make.py's `encoded` lists of a text.
  struct Result: Equatable {
    var ids: [Int32]
    var offsets: [Int]
    var bare: [Int32]
    var texts: [String]

    init(_ tokenizer: Tokenizer, _ text: String) {
      let encoding = tokenizer.encode(text)
      ids = encoding.ids
      offsets = encoding.offsets.flatMap { [$0.lowerBound, $0.upperBound] }
      bare = tokenizer.encode(text, addSpecialTokens: false).ids
      texts = [
        tokenizer.decode(ids), tokenizer.decode(ids, skipSpecialTokens: false), tokenizer.decode(ids.reversed()),
      ]
    }

    init(_ json: JSONReader) throws {
      let parts = try json.elements()
      ids = try parts[0].elements().map { Int32(try $0.int()) }
      offsets = try parts[1].elements().map { try $0.int() }
      bare = try parts[2].elements().map { Int32(try $0.int()) }
      texts = try parts[3...].map { try $0.string() }
    }

    func add(to digest: inout Digest) {
      digest.add(ids)
      for offset in offsets { digest.add(offset) }
      digest.add(bare)
      for text in texts { digest.add(text) }
    }
  }

  @Test(arguments: names) func handPickedText(name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    let expected = try Self.expected(name)
    for (text, values) in try expected.object(at: "examples").members {
      let wanted = try Result(JSONReader(values, path: name, keyPath: text))
      #expect(Result(tokenizer, text) == wanted, "\(text)")
    }
    let cases = try JSONReader(file: "\(Self.folder)/cases.json").elements()
    for (item, hash) in zip(cases, try expected.at("cases").elements()) {
      let text = try item.string()
      let result = Result(tokenizer, text)
      var digest = Digest()
      result.add(to: &digest)
      #expect(try digest.hex == hash.string(), "\(text.debugDescription): \(result)")
    }
  }

  @Test(arguments: names) func randomText(name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    let hashes = try Self.expected(name).at("text").elements()
    let size = 10_000 / hashes.count
    for (chunk, hash) in hashes.enumerated() {
      var digest = Digest()
      for seed in size * chunk..<size * chunk + size { Result(tokenizer, RandomText.string(seed)).add(to: &digest) }
      #expect(try digest.hex == hash.string(), "strings \(size * chunk) and on")
    }
  }

  @Test(arguments: names) func randomIDs(name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    let count = Set((0..<Int32(tokenizer.count)).filter { tokenizer.token(of: $0) != nil }).count
    let hashes = try Self.expected(name).at("ids").elements()
    let size = 10_000 / hashes.count
    for (chunk, hash) in hashes.enumerated() {
      var digest = Digest()
      for seed in size * chunk..<size * chunk + size {
        var random = RandomText.Generator(state: UInt64(seed))
        let ids = (0..<1 + random.next(12)).map { _ in Int32(random.next(count)) }
        digest.add(tokenizer.decode(ids))
        digest.add(tokenizer.decode(ids, skipSpecialTokens: false))
      }
      #expect(try digest.hex == hash.string(), "seeds \(size * chunk) and on")
    }
  }

  @Test(arguments: names) func streamedTextIsTheWholeText(name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    for seed in 0..<500 {
      let ids = tokenizer.encode(RandomText.string(seed)).ids
      var stream = StreamingDecoder(tokenizer)
      var text = ""
      for id in ids {
        let piece = stream.append(id)
        #expect(piece.unicodeScalars.last != "\u{FFFD}")
        text += piece
      }
      text += stream.finish()
      let whole = tokenizer.decode(ids)
      #expect(Array(text.utf8) == Array(whole.utf8), "seed \(seed): \(text) instead of \(whole)")
    }
  }

  @Test(arguments: names) func tokensAndIDs(name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    for id in 0..<Int32(tokenizer.count) {
      let token = try #require(tokenizer.token(of: id))
      // A piece that stands twice in a Unigram vocabulary has the later id, 13.
      #expect(tokenizer.id(of: token) == (name == "unigram_odd" && id == 3 ? 13 : id))
    }
    #expect(tokenizer.token(of: -1) == nil)
    #expect(tokenizer.token(of: Int32(tokenizer.count)) == nil)
    #expect(tokenizer.id(of: "no such token") == nil)
    #expect(tokenizer.ids(of: "a 12 b") == tokenizer.encode("a 12 b", addSpecialTokens: false).ids)
    #expect(tokenizer.decode([-1, Int32.max]) == "")
  }

  @Test(arguments: [("llama3", "Ġthe"), ("smollm2", "Ġthe"), ("llama2", "▁the"), ("metaspace", "▁the")])
  func textOfTokens(name: String, the: String) throws {
    let tokenizer = try Self.tokenizer(name)
    #expect(try tokenizer.text(of: #require(tokenizer.id(of: the))) == " the")
    #expect(try tokenizer.text(of: #require(tokenizer.id(of: "5"))) == "5")
    #expect(tokenizer.text(of: 0) == nil)  // special in all of them
    #expect(tokenizer.text(of: -1) == nil)
    #expect(tokenizer.text(of: 1_000_000) == nil)
    let lone = try #require(tokenizer.id(of: name == "llama2" ? "<0xC3>" : name == "metaspace" ? "<unk>" : "Ã"))
    #expect(tokenizer.text(of: lone) == nil)
    if name == "llama2" { #expect(try tokenizer.text(of: #require(tokenizer.id(of: "<0x0A>"))) == "\n") }
  }

  @Test func bodyIsWhatTheTextGave() throws {
    let tokenizer = try Self.tokenizer("phi3")
    let encoding = tokenizer.encode("12 apples")
    #expect(encoding.body == 1..<encoding.ids.count - 1)
    #expect(Array(encoding.ids[encoding.body]) == tokenizer.ids(of: "12 apples"))
    #expect(encoding.ids.first == tokenizer.id(of: "<s>"))
    #expect(encoding.ids.last == tokenizer.id(of: "</s>"))
  }

  @Test func threadsShareATokenizer() async throws {
    let tokenizer = try Self.tokenizer("llama3")
    let texts = (0..<200).map(RandomText.string)
    let alone = texts.map { tokenizer.encode($0) }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { texts.map { tokenizer.encode($0) } == alone } }
      for await same in group { #expect(same) }
    }
  }

  @Test func longTextInLinearTime() throws {
    // Text without words is one word of a million symbols, and white space is one match.
    for (name, text) in [
      ("llama2", String(repeating: "the cat ", count: 100_000)), ("llama3", String(repeating: " ", count: 1_000_000)),
      ("words_o200k", String(repeating: " ", count: 100_000)), ("qwen2", String(repeating: "e\u{301}", count: 100_000)),
      ("words_syntax", String(repeating: "x", count: 3_000)),
      ("lowercase", String(repeating: "\u{301}\u{323}", count: 100_000)),
    ] {
      let encoding = try Self.tokenizer(name).encode(text)
      // A composed é is aligned with its e alone.
      #expect(encoding.offsets.last.map { $0.upperBound >= text.unicodeScalars.count - 1 } ?? (name == "lowercase"))
    }
  }
}
