import Files
import Foundation
import Testing
import TokenData

/// Against transformers' `apply_chat_template`: Tests/Fixtures/chat/make.py.
@Suite struct ChatTemplateTests {
  static func fixtures() throws -> [JSONReader] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/chat").path
    return try JSONReader(file: folder + "/expected.json").elements()
  }

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
    #expect(compared == 112)
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
          if template == .llama3 || template == .llama31() {
            #expect(content.isEmpty || message.content.contains(String(content)))
          } else {
            #expect(String(content) == message.content)
          }
          content = String.UnicodeScalarView(scalars[span.content.upperBound..<span.withEnd.upperBound])
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
      #expect(ChatTemplate(jinja: jinja.replacing("\n", with: "\\n")) == template)
      #expect(ChatTemplate(jinja: jinja.replacing("<|", with: "<!").replacing("USER", with: "HUMAN")) == nil)
    }
    let tools =
      "{% if tools %}x{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'}}"
    #expect(ChatTemplate(jinja: tools) == nil)
    #expect(ChatTemplate(jinja: "") == nil)
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
