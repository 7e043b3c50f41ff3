// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Against transformers: Tests/Fixtures/encoding/make.py.
@Suite struct ExampleEncoderTests {
  private static func cases(_ key: String) throws -> [JSONReader] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../Fixtures/encoding/expected.json")
    return try JSONReader(file: path.standardized.path).elements().filter { try $0.ifPresent(key) != nil }
  }

  private func expect(
    _ example: EncodedExample, _ json: JSONReader, _ comment: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let ids = try json.at("ids").elements().map { Int32(try $0.int()) }
    let mask = try json.at("mask").elements().map { try $0.int() == 1 }
    #expect(example.ids == ids, "\(comment)", sourceLocation: sourceLocation)
    #expect(example.supervised == mask, "\(comment)", sourceLocation: sourceLocation)
  }

  @Test func promptAndCompletion() throws {
    let cases = try Self.cases("prompt")
    #expect(cases.count == 60)
    for json in cases {
      let name = try json.string(at: "tokenizer")
      let (prompt, completion) = (try json.string(at: "prompt"), try json.string(at: "completion"))
      let encoder = ExampleEncoder(try fixtureTokenizer(name), end: Int32(try json.int(at: "end")))
      let comment = "\(name): \(prompt.debugDescription) \(completion.debugDescription)"
      try expect(encoder.encode(prompt: prompt, answer: completion), json, comment)
      try expect(encoder.encode(Record(.promptCompletion(prompt, completion))), json, comment)
      // Generation is given exactly what training read.
      let example = encoder.encode(prompt: prompt, answer: completion)
      let read = example.ids.prefix(example.supervised.firstIndex(of: true) ?? 0)
      #expect(encoder.prompt(prompt) == Array(read), "\(comment)")
      #expect(try encoder.prompt(Record(.promptCompletion(prompt, nil))) == Array(read))
      #expect(try encoder.prompt(Record(.promptCompletion(prompt, completion))) == Array(read))
    }
  }

  @Test func conversations() throws {
    let cases = try Self.cases("messages")
    #expect(cases.count == 22)
    for json in cases {
      let name = try json.string(at: "tokenizer"), template = ChatTemplate(named: try json.string(at: "template"))
      let messages = try ChatTemplateTests.messages(try json.at("messages"))
      let encoder = ExampleEncoder(try fixtureTokenizer(name), end: 1, template: template)
      try expect(try encoder.encode(Record(.messages(messages))), json, "\(name) \(messages)")
    }
  }

  /// A conversation that ends in an answer is asked without it.
  @Test func conversationsArePromptedUpToTheirLastAnswer() throws {
    for json in try Self.cases("messages") {
      let tokenizer = try fixtureTokenizer(try json.string(at: "tokenizer"))
      let template = try #require(ChatTemplate(named: try json.string(at: "template")))
      let messages = try ChatTemplateTests.messages(try json.at("messages"))
      let encoder = ExampleEncoder(tokenizer, end: nil, template: template)
      let asked = messages.last?.role == .assistant ? Array(messages.dropLast()) : messages
      let rendered = try template.render(asked, addGenerationPrompt: true)
      #expect(
        try encoder.prompt(Record(.messages(messages)))
          == tokenizer.encode(rendered.text, addSpecialTokens: false).ids)
      if messages.last?.role == .assistant {
        let whole = try encoder.encode(Record(.messages(messages)))
        #expect(whole.ids.starts(with: try encoder.prompt(Record(.messages(messages)))))
      }
    }
  }

  /// Of a prompt's messages none is learnt, as TRL has it.
  @Test func answersInAPromptAreOnlyRead() throws {
    let tokenizer = try fixtureTokenizer("smollm2")
    let encoder = ExampleEncoder(tokenizer, end: nil, template: .chatml)
    let messages = [
      ChatMessage(.user, "a"), ChatMessage(.assistant, "12"), ChatMessage(.user, "b"), ChatMessage(.assistant, "34"),
    ]
    func learnt(_ record: Record) throws -> String {
      let example = try encoder.encode(record)
      return tokenizer.decode(
        zip(example.ids, example.supervised).filter { $0.1 }.map(\.0), skipSpecialTokens: false)
    }
    #expect(try learnt(Record(.messages(messages))) == "12<|im_end|>34<|im_end|>")
    #expect(try learnt(Record(.messages(messages), promptMessages: 3)) == "34<|im_end|>")
    // So prompt and completion of a data file.
    let json = """
      {"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "12"}, {"role": "user", "content": "b"}],
       "completion": [{"role": "assistant", "content": "34"}]}
      """
    let reader = JSONReader(try JSON(parsing: json, path: "x"), path: "x")
    #expect(try learnt(RecordReader().record(reader, source: "x")) == "34<|im_end|>")
  }

  @Test func plainPromptsInATemplate() throws {
    let tokenizer = try fixtureTokenizer("smollm2")
    let wrapping = ExampleEncoder(tokenizer, end: 1, template: .chatml, wrapsPrompts: true)
    let record = Record(.promptCompletion("What is 2 + 2?", "4"))
    let messages = Record(.messages([ChatMessage(.user, "What is 2 + 2?"), ChatMessage(.assistant, "4")]))
    #expect(try wrapping.encode(record).ids == wrapping.encode(messages).ids)
    #expect(try wrapping.prompt(record) == wrapping.prompt(messages))
    #expect(try tokenizer.decode(wrapping.encode(record).ids, skipSpecialTokens: false).contains("4<|im_end|>"))
    let plain = ExampleEncoder(tokenizer, end: 1, template: .chatml)
    #expect(try plain.encode(record).ids == tokenizer.encode("What is 2 + 2?4").ids + [1])
  }

  @Test func messagesWithoutATemplateAreRefused() throws {
    let encoder = ExampleEncoder(try fixtureTokenizer("smollm2"), end: 1)
    let record = Record(.messages([ChatMessage(.assistant, "a")]), source: "train.jsonl line 3")
    expectRefusal("train.jsonl line 3: expected a chat template", "found none", "data.template: chatml") {
      _ = try encoder.encode(record)
    }
    var turnedOff = encoder
    turnedOff.folderTemplate = .known(.chatml)
    expectRefusal("found data.template: none", "has chatml") { _ = try turnedOff.encode(record) }
    // A template that is not known is not called none, and only templates are proposed whose marks are tokens.
    var unknown = ExampleEncoder(try fixtureTokenizer("llama2"), end: 1)
    unknown.folderTemplate = .unknown(path: "m/tokenizer_config.json")
    do {
      _ = try unknown.encode(record)
      Issue.record("nothing was thrown")
    } catch {
      #expect(error.found.contains("m/tokenizer_config.json"))
      #expect(!error.found.contains("none"))
      #expect(error.remedy.contains("llava-v1"))
      #expect(!error.remedy.contains("chatml"))
    }
    var alternating = encoder
    alternating.template = .llavaV1
    expectRefusal("train.jsonl line 3: message 0: expected role user, found assistant") {
      _ = try alternating.encode(record)
    }
  }

  @Test func textsAreLearntWhole() throws {
    for name in ["smollm2", "llama3", "llama2"] {
      let tokenizer = try fixtureTokenizer(name), encoding = tokenizer.encode("All of 123")
      let example = try ExampleEncoder(tokenizer, end: 1).encode(Record(.text("All of 123"), source: "s"))
      #expect(example.ids == encoding.ids + [1])
      #expect(example.source == "s")
      // The token that begins a text is never predicted.
      let added = encoding.body.lowerBound
      #expect(example.supervised == encoding.ids.indices.map { $0 >= added } + [true])
    }
  }

  // MARK: Round trip

  @Test(arguments: ["smollm2", "llama3"], [false, true]) func tokensSpellTheText(name: String, splits: Bool) throws {
    let encoder = try digitEncoder(name, splits: splits), tokenizer = encoder.tokenizer
    for seed in 0..<500 {
      let prompt = RandomText.string(seed), answer = RandomText.string(seed + 10_000)
      let analysis = try encoder.analyze(Record(.promptCompletion(prompt, answer)))
      let example = analysis.example
      #expect(analysis.text == prompt + answer)
      let skipped = tokenizer.encode("").ids.count
      func text(_ ids: some Sequence<Int32>) -> String { tokenizer.decode(Array(ids), skipSpecialTokens: false) }
      // Byte by byte: a prompt may end within a character that the answer completes.
      #expect(Array(text(example.ids.dropFirst(skipped)).utf8) == Array((prompt + answer).utf8), "seed \(seed)")
      let first = example.supervised.firstIndex(of: true) ?? example.ids.count
      #expect(example.supervised[first...].allSatisfy { $0 }, "seed \(seed)")
      #expect(Array(text(example.ids[skipped..<first]).utf8) == Array(prompt.utf8), "seed \(seed)")
      #expect(example.ids[..<first].elementsEqual(encoder.prompt(prompt)), "seed \(seed)")
      for metric in example.metrics { #expect(metric.position >= first) }
    }
  }

  /// SentencePiece puts a space in front of an answer that must be cut apart; each part decodes to itself all the same.
  @Test func tokensOfLlama2SpellTheText() throws {
    let encoder = try digitEncoder("llama2"), tokenizer = encoder.tokenizer
    for (prompt, answer) in [
      ("x = ", "5"), ("It is", " hot"), ("It is ", "hot"), ("Sum:", " 1024 and 7"), ("a\n", "12"),
    ] {
      let example = encoder.encode(prompt: prompt, answer: answer)
      let first = try #require(example.supervised.firstIndex(of: true))
      #expect(tokenizer.decode(Array(example.ids[..<first])) == prompt)
      let learnt = tokenizer.decode(Array(example.ids[first...]))
      #expect(learnt == answer || learnt == String(answer.trimmingPrefix(" ")), "\(prompt)\(answer)")
    }
  }
}
