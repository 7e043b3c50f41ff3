// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// Against transformers' `apply_chat_template`: Tests/Fixtures/chat/make.py.
@Suite struct ChatTemplateTests {
  static func file(_ name: String) throws -> JSONReader {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/chat").path
    return try JSONReader(file: folder + "/" + name)
  }

  static func fixtures() throws -> [JSONReader] { try file("expected.json").elements() }

  static func messages(_ json: JSONReader) throws -> [ChatMessage] {
    try json.elements().map { message in
      let parts = try message.elements()
      return ChatMessage(try #require(ChatMessage.Role(rawValue: try parts[0].string())), try parts[1].string())
    }
  }

  @Test func textIsThatOfTransformers() throws {
    var compared = 0
    for fixture in try Self.fixtures() {
      let name = try fixture.string(at: "name")
      for item in try fixture.at("cases").elements() {
        var template = try #require(ChatTemplate(named: name))
        if let date = try item.ifPresent("date") { template = .llama31(date: try date.string()) }
        let messages = try Self.messages(try item.at("messages"))
        let rendered = try? template.render(messages, addGenerationPrompt: try item.bool(at: "prompt"))
        let expected = try item.ifPresent("text")?.string()
        #expect(rendered.map { Array($0.text.utf8) } == expected.map { Array($0.utf8) }, "\(name): \(messages)")
        compared += 1
      }
    }
    #expect(compared == 126)
  }

  @Test func spansAreTheMessages() throws {
    for fixture in try Self.fixtures() {
      let template = try #require(ChatTemplate(named: try fixture.string(at: "name")))
      for item in try fixture.at("cases").elements() {
        let messages = try Self.messages(try item.at("messages"))
        guard let rendered = try? template.render(messages) else { continue }
        let scalars = Array(rendered.text.unicodeScalars)
        #expect(rendered.spans.count == messages.count)
        for (message, span) in zip(messages, rendered.spans) {
          var content = String.UnicodeScalarView(scalars[span.content])
          // Byte by byte: of Llama's trimmed messages, the part that is said to be there.
          let source = Array(message.content.unicodeScalars)[span.source]
          #expect(Array(content) == Array(source))
          if template != .llama3, template != .llama31() {
            #expect(span.source == 0..<message.content.unicodeScalars.count)
          }
          content = String.UnicodeScalarView(scalars[span.content.upperBound..<span.whole.upperBound])
          let ends = ["<|im_end|>", "<|eot_id|>", "<|end|>", "</s>"]
          #expect(message.role != .assistant || ends.contains(String(content)))
        }
      }
    }
  }

  @Test func knownTemplatesAreRecognised() throws {
    for fixture in try Self.fixtures() {
      let jinja = try fixture.string(at: "jinja")
      let template = try #require(ChatTemplate(named: try fixture.string(at: "name")))
      #expect(ChatTemplate(jinja: jinja) == template)
      // What transformers rendered is what is written into folders.
      let tokens = TemplateTokens(begin: "<s>", end: "</s>")
      #expect(template.jinja(tokens) == jinja)
      #expect(ChatTemplate(jinja: template.jinja()) == template)
      #expect(!template.jinja().contains("_token"))
      #expect(ChatTemplate(jinja: jinja.replacing("<|", with: "<!").replacing("USER", with: "HUMAN")) == nil)
    }
    #expect(ChatTemplate(jinja: "") == nil)
  }

  @Test func templatesAreKnownByWhatTheyDo() throws {
    let file = try Self.file("lookalikes.json")
    let same = try file.at("same").elements(), other = try file.at("other").elements()
    #expect(same.count == 10)
    #expect(other.count == 25)
    for entry in same {
      let jinja = try entry.string(at: "jinja")
      try #expect(ChatTemplate(jinja: jinja) == ChatTemplate(named: entry.string(at: "name")), "\(jinja)")
    }
    for entry in other {
      let jinja = try entry.string()
      #expect(ChatTemplate(jinja: jinja) == nil, "\(jinja.prefix(400))")
    }
  }

  @Test func datesAreTheTemplatesOrTodays() throws {
    let fixed = ChatTemplate.llama31(date: "01 Feb 2025").jinja()
    #expect(ChatTemplate(jinja: fixed) == .llama31(date: "01 Feb 2025"))
    // Llama 3.2's.
    let choice =
      "{% if strftime_now is defined %}{% set date_string = strftime_now(\"%d %b %Y\") %}{% else %}"
      + "{% set date_string = '26 Jul 2024' %}{% endif %}"
    let current = fixed.replacing("{% set date_string = '01 Feb 2025' %}", with: choice)
    #expect(ChatTemplate(jinja: current, today: "05 Mar 2026") == .llama31(date: "05 Mar 2026"))
    #expect(ChatTemplate(jinja: current) == .llama31(date: ChatTemplate.today()))
    // Noon UTC is the same day nearly everywhere.
    let day = ChatTemplate.today(Date(timeIntervalSince1970: 1_772_712_000))
    #expect(["05 Mar 2026", "06 Mar 2026"].contains(day), "\(day)")
  }

  /// Jinja's `bos_token` and `eos_token` are the tokenizer's.
  @Test func beginAndEndAreTheTokenizers() throws {
    let tokens = TemplateTokens(begin: "<s>", end: "</s>")
    let said = [ChatMessage(.user, "a"), ChatMessage(.assistant, "b")]
    #expect(try ChatTemplate.llama3.render(said, tokens: tokens).text.hasPrefix("<s><|start_header_id|>"))
    #expect(try ChatTemplate.phi3.render(said, tokens: tokens).text.hasSuffix("b<|end|>\n</s>"))
    #expect(try ChatTemplate.llavaV1.render(said, tokens: TemplateTokens(end: "<e>")).text.hasSuffix("b<e>"))
    #expect(ChatTemplate.llavaV1.ends(TemplateTokens(end: "<e>")) == ["<e>"])
  }

  @Test func foldersNameTheirTemplate() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "chat-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try ChatTemplate(folder: folder.path) == nil)
    let jinja = try Self.fixtures()[1].string(at: "jinja")
    func write(_ json: JSON) throws {
      try json.text().write(to: folder.appending(path: "tokenizer_config.json"), atomically: true, encoding: .utf8)
    }
    try write(["chat_template": .string(jinja)])
    #expect(try ChatTemplate(folder: folder.path) == .smollm2)
    try write([
      "chat_template": [["name": "tool_use", "template": "x"], ["name": "default", "template": .string(jinja)]]
    ])
    #expect(try ChatTemplate(folder: folder.path) == .smollm2)
    try write(["chat_template": "{{ something else }}"])
    #expect(throws: InputError.self) { try ChatTemplate(folder: folder.path) }
    try write(["chat_template": 5])
    #expect(throws: InputError.self) { try ChatTemplate(folder: folder.path) }
    try jinja.write(to: folder.appending(path: "chat_template.jinja"), atomically: true, encoding: .utf8)
    #expect(try ChatTemplate(folder: folder.path) == .smollm2)
  }
}
