// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Templates that are run instead of known.
@Suite struct InterpretedTemplateTests {
  private func interpreted(_ jinja: String, _ tokenizer: Tokenizer) throws -> ChatTemplate {
    .interpreted(try InterpretedTemplate(jinja, path: "chat_template.jinja", tokenizer: tokenizer))
  }

  /// Tokenizers that have the templates' marks.
  private static let tokenizers = [
    "chatml": "smollm2", "smollm2": "smollm2", "llama3": "llama3", "llama3.1": "llama3", "phi3": "phi3",
    "phi3-mini": "phi3", "phi3-vision": "phi3", "llava-v1": "llama2",
  ]

  /// The templates that are written in Swift, run as Jinja, find the same answers.
  @Test(arguments: ChatTemplate.named.map(\.name)) func answersAreThoseOfKnownTemplates(_ name: String) throws {
    let known = try #require(ChatTemplate(named: name))
    let tokenizer = try fixtureTokenizer(try #require(Self.tokenizers[name]))
    let tokens = TemplateTokens(tokenizer), template = try interpreted(known.jinja(tokens), tokenizer)
    #expect(template.ends(tokens) == known.ends(tokens))
    #expect(Set(template.marks(tokens)).isSuperset(of: known.ends(tokens)))
    var compared = 0
    for fixture in try ChatTemplateTests.fixtures() where try fixture.string(at: "name") == name {
      for item in try fixture.at("cases").elements() {
        let messages = try ChatTemplateTests.messages(try item.at("messages"))
        let prompt = try item.bool(at: "prompt")
        guard let expected = try? known.render(messages, addGenerationPrompt: prompt, tokens: tokens) else {
          #expect(throws: InputError.self) {
            try template.render(messages, addGenerationPrompt: prompt, tokens: tokens)
          }
          continue
        }
        let found = try template.render(messages, addGenerationPrompt: prompt, tokens: tokens)
        #expect(found.text == expected.text && found.spans.count == expected.spans.count)
        for (message, (span, wanted)) in zip(messages, zip(found.spans, expected.spans)) {
          // Where nothing is written, nothing says where.
          if !wanted.content.isEmpty { #expect(span.content == wanted.content && span.source == wanted.source) }
          if message.role == .assistant { #expect(span == wanted, "\(messages)") }
        }
        compared += 1
      }
    }
    #expect(compared > 5)
  }

  @Test func thoughtsThatATemplateWritesAreLearnt() throws {
    let jinja = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../Fixtures/jinja/templates/qwen3.jinja"), encoding: .utf8)
    let tokenizer = try fixtureTokenizer("smollm2"), template = try interpreted(jinja, tokenizer)
    #expect(template.ends(TemplateTokens(tokenizer)) == ["<|im_end|>"])
    let chat = try template.render([
      ChatMessage(.user, "7?"), ChatMessage(.assistant, "<think>\nhm\n</think>\n\nseven"), ChatMessage(.user, "8?"),
      ChatMessage(.assistant, "eight"),
    ])
    let scalars = Array(chat.text.unicodeScalars)
    func text(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(scalars[range])) }
    #expect(chat.spans.map { text($0.content) } == ["7?", "seven", "8?", "eight"])
    #expect(text(chat.spans[1].whole) == "seven<|im_end|>" && chat.spans[1].source == 21..<26)
    #expect(text(chat.spans[3].whole) == "<think>\n\n</think>\n\neight<|im_end|>")
  }

  /// Marks differ where the conversation ends, as those of gpt-oss do; contents go by parts; a mark is in pieces.
  @Test func endsAreFoundWhateverTheyAre() throws {
    let tokenizer = try fixtureTokenizer("smollm2"), tokens = TemplateTokens(tokenizer)
    let said = [
      ChatMessage(.user, "a"), ChatMessage(.assistant, "b"), ChatMessage(.user, "c"), ChatMessage(.assistant, "d"),
    ]
    for (body, ends, wholes) in [
      (
        "{{ m.content }}{{ '<|im_end|>' if not loop.last else '<|endoftext|>' }}", ["<|endoftext|>", "<|im_end|>"],
        ["b<|im_end|>", "d<|endoftext|>"]
      ),
      ("{% for p in m.content %}{{ p.text }}{% endfor %}<|im_end|>", ["<|im_end|>"], ["b<|im_end|>", "d<|im_end|>"]),
      (
        "<{{ m.role }}>{{ m.content }}</turn>{{ '<|endoftext|>' if loop.last }}", ["</turn>"], ["b</turn>", "d</turn>"]
      ),
      ("{{ m.role }}: {{ m.content }}{{ '\n' }}", [], ["b", "d"]),
    ] as [(String, [String], [String])] {
      let template = try interpreted("{% for m in messages %}" + body + "{% endfor %}", tokenizer)
      #expect(template.ends(tokens) == ends)
      let chat = try template.render(said), scalars = Array(chat.text.unicodeScalars)
      #expect([1, 3].map { String(String.UnicodeScalarView(scalars[chat.spans[$0].whole])) } == wholes)
    }
  }

  @Test func daysAreGiven() throws {
    let jinja = "{{ date_string or strftime_now('%Y') }} {% for m in messages %}{{ m.content }}{% endfor %}"
    var template = try InterpretedTemplate(jinja, path: "t", tokenizer: try fixtureTokenizer("smollm2"))
    let said = [ChatMessage(.user, "a")]
    #expect(try ChatTemplate.interpreted(template).render(said).text.hasPrefix("20"))
    template.date = "05 Mar 1926"
    #expect(try ChatTemplate.interpreted(template).render(said).text == "05 Mar 1926 a")
  }

  @Test func answersThatATemplateLosesAreRefused() throws {
    let tokenizer = try fixtureTokenizer("smollm2")
    let said = [
      ChatMessage(.user, "a"), ChatMessage(.assistant, "b c"), ChatMessage(.user, "d"), ChatMessage(.assistant, "e"),
    ]
    for (body, found) in [
      ("{% for m in messages %}{{ m.content if m.content != 'b c' }}{% endfor %}", "nothing of it"),
      ("{% for m in messages %}{{ m.content.split(' ')|join('-') }}{% endfor %}", "parts of it"),
    ] {
      let template = try interpreted(body, tokenizer)
      expectRefusal("chat_template.jinja: message 1", found) { _ = try template.render(said) }
    }
    expectRefusal("line 1", "no") { _ = try interpreted("{{ raise_exception('no') }}", tokenizer) }
    expectRefusal("line 2") { _ = try interpreted("\n{{ 1 + }}", tokenizer) }
    expectRefusal("message 1", "nothing of it") { _ = try interpreted("nothing", tokenizer) }
  }

  @Test func foldersTemplatesAreRunWithTheirTokenizer() throws {
    let jinja = "{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"
    try withFile(jinja, name: "chat_template.jinja") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      #expect(try FolderTemplate(folder: folder).known == nil)
      let tokenizer = try fixtureTokenizer("smollm2")
      let template = try #require(try FolderTemplate(folder: folder, tokenizer: tokenizer).known)
      #expect(template == (try interpreted(jinja, tokenizer)) && template.jinja() == jinja && template.name == "model")
      #expect(AnswerEnds(tokenizer, template: template).ids.first == tokenizer.id(of: "<|im_end|>"))
      let encoder = ExampleEncoder(tokenizer, end: nil, template: template)
      let record = Record(.messages([ChatMessage(.user, "2+2?"), ChatMessage(.assistant, "4")]))
      let example = try encoder.encode(record)
      #expect(tokenizer.decode(example.ids, skipSpecialTokens: false).hasSuffix("<|im_start|>assistant: 4<|im_end|>"))
    }
  }
}
