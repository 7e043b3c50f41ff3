// SPDX-License-Identifier: Apache-2.0
import Files
import Testing
import TokenData

/// One input form: what TRL's data sets hold, in every kind of record.
@Suite struct RecordContentTests {
  private func reader(_ json: String) throws -> JSONReader {
    try withFile(json) { path in try JSONLFile(path).record(0) }
  }

  private func record(_ json: String, needsAnswer: Bool = true) throws -> Record {
    try RecordReader(needsAnswer: needsAnswer).record(reader(json), source: "s", folder: "F")
  }

  private let four = #"[{"type": "text", "text": "4"}]"#

  @Test func partsAreTextWhereverTheyStand() throws {
    let user = #"{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}"#
    let answer = "{\"role\": \"assistant\", \"content\": \(four)}"
    let expected = [ChatMessage(.user, "ab"), ChatMessage(.assistant, "4")]
    #expect(try record("{\"messages\": [\(user), \(answer)]}").content == .messages(expected))
    #expect(try record("{\"prompt\": [\(user)], \"completion\": [\(answer)]}").content == .messages(expected))
    #expect(try record("{\"prompt\": \(four), \"completion\": \(four)}").content == .promptCompletion("4", "4"))
    #expect(try record("{\"text\": \(four)}").content == .text("4"))
    // Tables of parts have null where a part has no such column; one without a type is known by what it holds.
    #expect(
      try record(#"{"prompt": [{"type": "text", "text": "p", "image": null}, {"text": "q"}], "completion": 1}"#).content
        == .promptCompletion("pq", "1"))
  }

  @Test func imagesOfPartsAndOfTheRecord() throws {
    let two = #"[{"type": "image"}, {"type": "image", "path": "b.png"}, {"type": "text", "text": "?"}]"#
    let record = try record("{\"prompt\": \(two), \"completion\": \"1\", \"images\": [\"/a.png\"]}")
    #expect(record.content == .promptCompletion("<image>\n<image>\n?", "1"))
    #expect(record.images == ["/a.png", "F/b.png"])
    for key in ["path", "image", "url"] {
      let part = "[{\"type\": \"image\", \"\(key)\": \"c.png\"}]"
      #expect(
        try self.record(
          "{\"messages\": [{\"role\": \"user\", \"content\": \(part)}, {\"role\": \"assistant\", \"content\": \"x\"}]}"
        )
        .images == ["F/c.png"])
    }
    #expect(
      try self.record(#"{"prompt": "p", "completion": "1", "image": "d.png", "images": null}"#).images == ["F/d.png"])
    #expect(
      try self.record(#"{"prompt": "p", "completion": "1", "images": [{"bytes": null, "path": "e.png"}, null]}"#).images
        == ["F/e.png"])
  }

  @Test func imagesThatAreNotThere() throws {
    let part = #"{"prompt": [{"type": "image"}], "completion": "1"}"#
    expectRefusal("key images", "as many images as there are parts of type image without a path, 1", "found 0") {
      _ = try record(part)
    }
    expectRefusal("key image", "either images or image") {
      _ = try record(#"{"prompt": "p", "completion": "1", "images": "a.png", "image": "b.png"}"#)
    }
    expectRefusal("found an address", "Save the image") {
      _ = try record(#"{"prompt": [{"type": "image", "url": "https://x/y.png"}], "completion": "1"}"#)
    }
    expectRefusal("key prompt[0].type", "text or image") {
      _ = try record(#"{"prompt": [{"type": "video"}], "completion": "1"}"#)
    }
  }

  @Test func nullCountsAsAbsent() throws {
    let rest = #""images": null, "image": null, "spans": {"y": null}, "id": null"#
    #expect(
      try record("{\"prompt\": \"p\", \"completion\": \"4\", \"messages\": null, \"text\": null, \(rest)}").content
        == .promptCompletion("p", "4"))
    #expect(
      try record("{\"prompt\": null, \"completion\": null, \"messages\": null, \"text\": \"t\", \(rest)}").content
        == .text("t"))
    expectRefusal("found prompt (null), text (null)") { _ = try record(#"{"prompt": null, "text": null}"#) }
    expectRefusal("key messages[0].content: expected a string, found null") {
      _ = try record(#"{"messages": [{"role": "assistant", "content": null}]}"#)
    }
  }

  /// A JSON number is an answer as it stands in the file, which its value alone does not say.
  @Test(arguments: ["42", "-0.5", "0.50", "1e-05", "7.0", "123456789012345678901"])
  func numbersAreTextAsTheyAreWritten(number: String) throws {
    #expect(
      try record("{\"prompt\": \(number), \"completion\": \(number)}").content == .promptCompletion(number, number))
    #expect(
      try record("{\"messages\": [{\"role\": \"assistant\", \"content\": \(number)}]}").content
        == .messages([ChatMessage(.assistant, number)]))
  }

  @Test func truthValuesAreRefusedWithTheRemedy() throws {
    expectRefusal("key completion: expected a string, found the truth value true", "in quotes") {
      _ = try record(#"{"prompt": "p", "completion": true}"#)
    }
  }

  @Test func onlyTheAnswerToLearnMustSaySomething() throws {
    let history =
      #"[{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}, {"role": "user", "content": "b"}]"#
    let record = try record("{\"prompt\": \(history), \"completion\": [{\"role\": \"assistant\", \"content\": \"4\"}]}")
    #expect(record.promptMessages == 3)
    _ = try self.record("{\"messages\": \(history)}", needsAnswer: false)
    expectRefusal("messages[1].content", "an empty answer") { _ = try self.record("{\"messages\": \(history)}") }
  }

  /// As trl.maybe_convert_to_chatml has it, with ShareGPT's own roles.
  @Test func shareGPT() throws {
    let lines = #"[{"from": "human", "value": "q"}, {"from": "gpt", "value": "4"}]"#
    let expected = Record.Content.messages([ChatMessage(.user, "q"), ChatMessage(.assistant, "4")])
    #expect(try record("{\"conversations\": \(lines)}").content == expected)
    #expect(try record("{\"messages\": \(lines)}").content == expected)
  }

  @Test func ratedResponses() throws {
    let reader = RatingReader(
      template: RatingTemplate(overall: .init("overall", 0...4), attributes: []),
      overall: .init(field: "score", range: 0...4),
      attributes: [])
    let rated = try reader.rated(
      self.reader("{\"prompt\": [{\"type\": \"text\", \"text\": \"q\"}], \"response\": \(four), \"score\": null}"),
      needsScores: false)
    #expect(rated == RatedResponse(messages: [ChatMessage(.user, "q")], response: "4"))
    expectRefusal("key score: expected a value, found null") {
      _ = try reader.rated(self.reader(#"{"prompt": 5, "response": "r", "score": null}"#), needsScores: true)
    }
    expectRefusal("text alone", "image") {
      _ = try reader.rated(
        self.reader(#"{"prompt": [{"type": "image"}], "response": "r"}"#), needsScores: false)
    }
  }
}
