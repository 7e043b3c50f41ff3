// SPDX-License-Identifier: Apache-2.0
import Files
import Testing
import TokenData

@Suite struct RecordReaderTests {
  private func record(_ json: String, _ reader: RecordReader = RecordReader()) throws -> Record {
    try withFile("\n" + json + "\n", name: "train.jsonl") { path in try reader.record(try JSONLFile(path), 0) }
  }

  /// What is said of a line that is refused, file left out.
  private func refusal(_ json: String, _ reader: RecordReader = RecordReader()) throws -> String {
    do {
      _ = try record(json, reader)
      Issue.record("nothing was thrown for \(json)")
      return ""
    } catch let error as InputError {
      #expect(error.path.hasSuffix("/train.jsonl"))
      return withoutPath(error)
    }
  }

  private func withoutPath(_ error: InputError) -> String {
    var error = error
    error.path = "F"
    return error.description
  }

  // MARK: Formats

  @Test func trlsFormats() throws {
    #expect(try record(#"{"prompt": "2 + 2 =", "completion": " 4"}"#).content == .promptCompletion("2 + 2 =", " 4"))
    #expect(try record(#"{"text": "a\nb"}"#).content == .text("a\nb"))
    let chat =
      #"[{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]"#
    let messages = [ChatMessage(.system, "s"), ChatMessage(.user, "u"), ChatMessage(.assistant, "a")]
    #expect(try record("{\"messages\": \(chat)}").content == .messages(messages))
    let conversational = try record(
      #"{"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "completion": [{"role": "assistant", "content": "a"}]}"#
    )
    #expect(conversational.content == .messages(messages))
    #expect(conversational.promptMessages == 2)
  }

  @Test func sourceIdAndSpans() throws {
    let record = try record(
      #"{"prompt": "p", "completion": "12 and 3", "id": "r-1", "spans": {"y": [[0, 2], [7, 8]], "z": []}}"#)
    #expect(record.source == "train.jsonl line 2")
    #expect(record.id == "r-1")
    #expect(record.spans == ["y": [0..<2, 7..<8]])
    #expect(try self.record(#"{"text": "t", "id": 5}"#).id == "5")
    #expect(try self.record(#"{"text": "t", "id": null, "spans": null, "other": [1]}"#).id == nil)
  }

  /// A table's columns are numbers as often as text.
  @Test func numbersAreAnswers() throws {
    #expect(try record(#"{"prompt": "p", "completion": 12}"#).content == .promptCompletion("p", "12"))
    #expect(try record(#"{"prompt": "p", "completion": -0.5}"#).content == .promptCompletion("p", "-0.5"))
  }

  @Test func renamedFields() throws {
    let fields = RecordFields(
      prompt: "question", completion: "answer", messages: "conversations", text: "body", spans: "where", id: "key")
    let reader = RecordReader(fields: fields)
    let record = try record(
      #"{"question": "q", "answer": "7", "where": {"y": [[0, 1]]}, "key": "k", "text": 5}"#, reader)
    #expect(record.content == .promptCompletion("q", "7"))
    #expect(record.spans == ["y": [0..<1]])
    #expect(record.id == "k")
    #expect(try self.record(#"{"body": "b"}"#, reader).content == .text("b"))
    #expect(
      try self.record(#"{"conversations": [{"role": "assistant", "content": "a"}]}"#, reader).content
        == .messages([ChatMessage(.assistant, "a")]))
    #expect(
      try refusal(#"{"prompt": "p"}"#, reader).contains(
        "expected fields question and answer, or conversations, or body"))
  }

  @Test func aFormatThatIsNamedIsNotJudged() throws {
    let both = #"{"messages": [{"role": "assistant", "content": "m"}], "prompt": "p", "completion": "c", "text": "t"}"#
    #expect(try record(both, RecordReader(format: .text)).content == .text("t"))
    #expect(try record(both, RecordReader(format: .promptCompletion)).content == .promptCompletion("p", "c"))
    #expect(try record(both).content == .messages([ChatMessage(.assistant, "m")]))
    #expect(
      try refusal(#"{"prompt": "p", "completion": "c"}"#, RecordReader(format: .messages))
        == "F: line 2, key messages: expected a value, found no such key.")
  }

  @Test func aPromptIsEnoughToGenerate() throws {
    let reader = RecordReader(needsAnswer: false)
    #expect(try record(#"{"prompt": "p"}"#, reader).content == .promptCompletion("p", nil))
    #expect(try record(#"{"prompt": "p", "completion": null}"#, reader).content == .promptCompletion("p", nil))
    #expect(
      try record(#"{"messages": [{"role": "user", "content": "u"}]}"#, reader).content
        == .messages([ChatMessage(.user, "u")]))
    #expect(
      try record(#"{"prompt": [{"role": "user", "content": "u"}]}"#, reader).content
        == .messages([ChatMessage(.user, "u")]))
  }

  // MARK: What is refused

  @Test func missingFields() throws {
    #expect(try refusal(#"{"prompt": "p"}"#) == "F: line 2, key completion: expected a value, found no such key.")
    #expect(
      try refusal("{}")
        == "F: line 2: expected fields prompt and completion, or messages, or text, found no fields. "
        + "Name your fields in data.fields, or write them into text: data.template: { prompt, completion }.")
    let near = try refusal(#"{"promt": "p", "completion": "c"}"#)
    #expect(near.contains("found promt, completion"))
    #expect(near.contains("Is promt meant to be prompt?"))
    #expect(
      try refusal(#"{"prompt": "p", "completon": "c"}"#)
        == "F: line 2, key completion: expected a value, found no such key. Is \"completon\" meant to be it?")
    #expect(
      try refusal(#"{"messages": [{"role": "user"}]}"#)
        == "F: line 2, key messages[0].content: expected a value, found no such key.")
  }

  @Test func wrongTypes() throws {
    #expect(
      try refusal(#"{"prompt": {}, "completion": "c"}"#)
        == "F: line 2, key prompt: expected a string, found object of 0.")
    #expect(
      try refusal(#"{"prompt": "p", "completion": ["c"]}"#).hasPrefix(
        "F: line 2, key completion[0]: expected a part such as "))
    #expect(
      try refusal(#"{"prompt": "p", "completion": [{"role": "assistant", "content": "c"}]}"#)
        == "F: line 2, key completion: expected a string or a list of parts, found a list of messages.")
    #expect(
      try refusal(#"{"prompt": "p", "completion": null}"#).hasPrefix(
        "F: line 2, key completion: expected a string, found null"))
    #expect(
      try refusal(#"{"text": true}"#).hasPrefix("F: line 2, key text: expected a string, found the truth value true."))
    #expect(try refusal(#"{"messages": "hi"}"#) == "F: line 2, key messages: expected an array, found string \"hi\".")
    #expect(
      try refusal(#"{"messages": ["hi"]}"#) == "F: line 2, key messages[0]: expected an object, found string \"hi\".")
    #expect(
      try refusal(#"{"prompt": [{"role": "user", "content": "u"}], "completion": "c"}"#)
        == "F: line 2, key completion: expected an array, found string \"c\".")
    #expect(try refusal("[1]").hasPrefix("F: line 2: expected a JSON object, found "))
  }

  @Test(arguments: ["", " ", "\\n\\t", "\\u00a0"]) func emptyAnswers(text: String) throws {
    let found = "expected text to learn, found an empty answer."
    #expect(try refusal("{\"prompt\": \"p\", \"completion\": \"\(text)\"}") == "F: line 2, key completion: \(found)")
    #expect(try refusal("{\"text\": \"\(text)\"}") == "F: line 2, key text: \(found)")
    #expect(
      try refusal(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}, {\"role\": \"assistant\", \"content\": \"\(text)\"}]}"
      )
        == "F: line 2, key messages[1].content: \(found)")
  }

  @Test func conversationsWithoutAnAnswer() throws {
    let found = "expected a message of the assistant to learn, found none."
    #expect(try refusal(#"{"messages": [{"role": "user", "content": "u"}]}"#) == "F: line 2, key messages: \(found)")
    #expect(try refusal(#"{"messages": []}"#) == "F: line 2, key messages: \(found)")
    #expect(
      try refusal(#"{"prompt": [{"role": "user", "content": "u"}], "completion": [{"role": "user", "content": "u"}]}"#)
        == "F: line 2, key completion: \(found)")
  }

  @Test func unknownRoles() throws {
    #expect(
      try refusal(#"{"messages": [{"role": "user", "content": "u"}, {"role": "bot", "content": "b"}]}"#)
        == "F: line 2, key messages[1].role: expected one of system, user, assistant, found string \"bot\".")
  }

  @Test func preferences() throws {
    let pair = #"{"prompt": "p", "chosen": "c", "rejected": "r"}"#
    let message = try refusal(pair)
    #expect(
      message.hasPrefix("F: line 2: expected prompt and completion, found a preference (prompt, chosen, rejected)."))
    for remedy in ["objective.preset: dpo", "data.fields.completion: chosen", "dist2 evaluate RUN --pairs FILE"] {
      #expect(message.contains(remedy), "\(message)")
    }
    // Three of each side, as RM-Bench has them, are nothing to learn.
    let benchmark = try refusal(#"{"prompt": "p", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]}"#)
    #expect(benchmark.contains("RM-Bench: dist2 evaluate RUN --pairs FILE"), "\(benchmark)")
    #expect(!benchmark.contains("data.fields.completion"), "\(benchmark)")
    // The remedy helps.
    let reader = RecordReader(fields: RecordFields(completion: "chosen"))
    #expect(try record(pair, reader).content == .promptCompletion("p", "c"))
  }

  @Test(arguments: [
    ("[[3, 3]]", "spans.y[0]"), ("[[0, 1], [2, 1]]", "spans.y[1]"), ("[[-1, 2]]", "spans.y[0]"),
    ("[[1]]", "spans.y[0]"),
    ("[[1, 2, 3]]", "spans.y[0]"),
  ]) func spansThatAreNone(spans: String, place: String) throws {
    let message = try refusal("{\"prompt\": \"p\", \"completion\": \"12345\", \"spans\": {\"y\": \(spans)}}")
    #expect(
      message.hasPrefix("F: line 2, key \(place): expected [start, end] with 0 ≤ start < end, in characters, found "))
  }

  @Test func spansOfAWrongType() throws {
    func message(_ spans: String) throws -> String { try refusal("{\"text\": \"12\", \"spans\": \(spans)}") }
    #expect(try message("[[0, 1]]").hasPrefix("F: line 2, key spans: expected an object, found "))
    #expect(try message(#"{"y": [0, 1]}"#) == "F: line 2, key spans.y[0]: expected an array, found number 0.")
    #expect(
      try message(#"{"y": [[0, 1.5]]}"#) == "F: line 2, key spans.y[0][1]: expected a whole number, found number 1.5.")
  }

  /// Only the encoder knows where the answer ends.
  @Test func spansOutsideTheAnswer() throws {
    let encoder = try digitEncoder("smollm2")
    let record = try record(#"{"prompt": "long enough", "completion": "é12", "spans": {"y": [[1, 4]]}}"#)
    expectRefusal("spans.y: expected a span inside the answer's 3 characters, found [1, 4]", "count characters") {
      _ = try encoder.encode(record)
    }
  }
}
