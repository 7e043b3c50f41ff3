// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Jinja
import Testing

/// Against `apply_chat_template`: Tests/Fixtures/jinja/make.py.
@Suite struct ConversationTests {
  @Test func textIsThatOfTransformers() throws {
    #expect(try compare(fixtures + "/templates.json") > 500)
  }

  /// The same for templates that are installed, but no part of this repository.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["DIST2_JINJA_CASES"] != nil, "DIST2_JINJA_CASES names a file"))
  func textOfInstalledTemplatesIsThatOfTransformers() throws {
    let path = try #require(ProcessInfo.processInfo.environment["DIST2_JINJA_CASES"])
    print("compared", try compare(path))
  }

  private func compare(_ path: String) throws -> Int {
    let fixture = try JSONReader(file: path), now = try fixture.double(at: "now")
    let conversations = try fixture.at("conversations").elements()
    var compared = 0
    for item in try fixture.at("templates").elements() {
      let template = try JinjaTemplate(try item.string(at: "jinja"), path: try item.string(at: "name"))
      for entry in try item.at("cases").elements() {
        let number = try entry.int(at: "conversation"), conversation = conversations[number]
        guard case .object(let extra) = try entry.at("extra").value else { throw Missing() }
        let found = Result { () throws(InputError) in
          try template.render(
            messages: try conversation.at("messages").elements().map(\.value),
            tools: try conversation.ifPresent("tools")?.elements().map(\.value),
            documents: try conversation.ifPresent("documents")?.elements().map(\.value),
            addGenerationPrompt: try entry.bool(at: "prompt"), bosToken: "<s>", eosToken: "</s>", extra: extra, now: now
          )
        }
        let expected = try entry.ifPresent("text")?.string(), text = try? found.get()
        #expect(
          (text.map { Array($0.text.utf8) }) == expected.map { Array($0.utf8) }, "\(template.path), \(number): \(found)"
        )
        let spans = try entry.at("generation").elements().map { span in
          try span.elements()[0].int()..<(try span.elements()[1].int())
        }
        if let text { #expect(text.generationSpans == spans, "\(template.path), \(number)") }
        compared += 1
      }
    }
    return compared
  }
}
