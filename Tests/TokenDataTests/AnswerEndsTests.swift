// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing
import TokenData

/// What ends an answer: tokens by template and configuration, and texts where a mark is no token.
@Suite struct AnswerEndsTests {
  /// A folder with a fixture's tokenizer and these files.
  private func withFolder(
    _ tokenizer: String, _ files: [String: String], _ body: (String) throws -> Void
  ) throws {
    try withFile("", name: "empty") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      let source = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../Fixtures/tokenizers/\(tokenizer).json")
      try FileManager.default.copyItem(atPath: source.standardized.path, toPath: folder + "/tokenizer.json")
      for (name, text) in files { try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8) }
      return try body(folder)
    }
  }

  @Test func templateAndConfigurationsAreJoined() throws {
    let files = [
      "tokenizer_config.json": #"{"eos_token": "<|endoftext|>"}"#, "generation_config.json": #"{"eos_token_id": 5}"#,
      "config.json": #"{"eos_token_id": [6, 7, 999999, -1], "text_config": {"eos_token_id": 8}}"#,
    ]
    try withFolder("smollm2", files) { folder in
      let tokenizer = try Tokenizer(folder: folder)
      let end = try #require(tokenizer.id(of: "<|endoftext|>")), mark = try #require(tokenizer.id(of: "<|im_end|>"))
      #expect(Set(tokenizer.roles.ends) == [end, 5, 6, 7, 8])
      let ends = AnswerEnds(tokenizer, template: .chatml)
      #expect(ends.ids.first == mark)
      #expect(Set(ends.ids) == [mark, end, 5, 6, 7, 8])
      #expect(ends.ids.count == Set(ends.ids).count)
      #expect(ends.texts.isEmpty)
      #expect(Set(AnswerEnds(tokenizer, template: nil).ids) == [end, 5, 6, 7, 8])
      #expect(ExampleEncoder(tokenizer, end: nil, template: .chatml).ends == ends)
    }
    try withFolder("smollm2", ["config.json": #"{"eos_token_id": null}"#]) { folder in
      try #expect(AnswerEnds(Tokenizer(folder: folder), template: nil).ids.isEmpty)
    }
  }

  @Test(arguments: ["llama2", "llama3"]) func marksInPiecesEndAnAnswerAsText(name: String) throws {
    let tokenizer = try fixtureTokenizer(name), template = ChatTemplate.phi3
    let ends = AnswerEnds(tokenizer, template: template)
    #expect(ends.texts == ["<|end|>"])
    #expect(ends.ids.isEmpty)
    let ids = tokenizer.ids(of: "12, or 7<|end|>\nmore")
    let stop = try #require(ids.indices.first { ends.isReached(by: Array(ids[...$0]), tokenizer) })
    let text = tokenizer.decode(Array(ids[...stop]))
    #expect(text.contains("<|end|>"))
    #expect(!text.contains("more"))
    #expect(ends.cutting(text) == "12, or 7")
    #expect(ends.cutting("no end <|en") == "no end <|en")
    // The read-out of a number takes it to be over where the mark begins.
    let first = try #require(ends.starts(tokenizer).first)
    #expect("<|end|>".hasPrefix(tokenizer.text(of: first) ?? "?"))
  }

  @Test func aTokenizerWithoutTheMarksIsSaid() throws {
    let chatml = ChatTemplate.chatml
    #expect(chatml.remarks(try fixtureTokenizer("smollm2")).isEmpty)
    let remark = try #require(chatml.remarks(try fixtureTokenizer("llama2")).first)
    #expect(remark.contains("<|im_start|>, <|im_end|>"))
    #expect(remark.contains("no token ends an answer"))
    // Llama 3 on a tokenizer that has its begin token alone.
    let partly = try #require(ChatTemplate.llama3.remarks(try fixtureTokenizer("llama3")).first)
    #expect(partly.contains("<|start_header_id|>"))
    #expect(!partly.contains("<|begin_of_text|>"))
    #expect(ChatTemplate.names(fitting: try fixtureTokenizer("smollm2")) == ["chatml", "smollm2"])
  }

  @Test func foldersSayWhetherTheirTemplateIsKnown() throws {
    let zephyr = #"{% for m in messages %}{{ '<|user|>\n' + m['content'] + eos_token }}{% endfor %}"#
    try withFolder("smollm2", [:]) { try #expect(FolderTemplate(folder: $0) == .none) }
    try withFolder("smollm2", ["chat_template.jinja": zephyr]) { folder in
      try #expect(FolderTemplate(folder: folder) == .unknown(path: folder + "/chat_template.jinja"))
    }
    let json = "{\"chat_template\": \"\(zephyr.replacing("\\", with: "\\\\"))\"}"
    try withFolder("smollm2", ["tokenizer_config.json": "{}", "chat_template.json": json]) { folder in
      try #expect(FolderTemplate(folder: folder) == .unknown(path: folder + "/chat_template.json"))
    }
    let tools = #"{"chat_template": [{"name": "tool_use", "template": "x"}]}"#
    try withFolder("smollm2", ["tokenizer_config.json": tools]) { folder in
      try #expect(FolderTemplate(folder: folder) == .unknown(path: folder + "/tokenizer_config.json"))
    }
    try withFolder("smollm2", ["tokenizer_config.json": "{"]) { folder in
      #expect(throws: (any Error).self) { try FolderTemplate(folder: folder) }
    }
  }

  /// Marks that a text holds already are counted where template or tokenizer write them again.
  @Test func marksWrittenTwiceAreCounted() throws {
    let tokenizer = try fixtureTokenizer("smollm2")
    func summary(_ answers: String...) throws -> DatasetSummary {
      let lines = answers.map {
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"\($0)\"}]}\n"
      }
      return try withFile(lines.joined()) { path in
        let encoder = ExampleEncoder(tokenizer, end: 1, template: .chatml)
        return try Dataset(path, Dataset.Rules(reader: RecordReader(), encoder: encoder, maxLength: 100)).summary
      }
    }
    #expect(try summary("7", "8").doubled == 0)
    let twice = try summary("7", "8<|im_end|>")
    #expect(twice.doubled == 1)
    #expect(twice.doubledToken == "<|im_end|>")
    #expect(twice.rendered == 2)
    let inside = try summary("7<|im_start|>8", "8 <|im_end|> 9", "1 <|endoftext|> 2")
    #expect(inside.doubled == 2)
    #expect(inside.doubledToken == "<|im_start|>")
  }
}
