// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

@Suite struct DatasetTests {
  private func rules(
    _ name: String = "smollm2", maxLength: Int = 1000, tooLong: Dataset.TooLong = .error, skipBad: Bool = false,
    limit: Int? = nil, seed: UInt64 = 0
  ) throws -> Dataset.Rules {
    Dataset.Rules(
      reader: RecordReader(), encoder: try digitEncoder(name), maxLength: maxLength, tooLong: tooLong,
      skipBad: skipBad, limit: limit, seed: seed)
  }

  /// Lines whose prompts and answers are of many lengths.
  private func lines(_ count: Int) -> String {
    var generator = RandomText.Generator(state: 5)
    return (0..<count).map { index in
      let words = (0...generator.next(20)).map { _ in ["the", "sum", "of", "it", "12"][generator.next(5)] }
      let answer = (0...generator.next(4)).map { _ in "\(generator.next(5000))" }.joined(separator: " and ")
      return "{\"prompt\": \"\(index): \(words.joined(separator: " ")) =\", \"completion\": \" \(answer)\"}\n"
    }.joined()
  }

  private func examples(_ dataset: Dataset) throws -> [EncodedExample] {
    try (0..<dataset.count).map { try dataset.example($0) }
  }

  @Test func allLinesInTheirOrder() throws {
    try withFile(lines(3000)) { path in
      let rules = try rules()
      var progress = [[Int]]()
      let dataset = try Dataset(path, rules) { progress.append([$0, $1]) }
      #expect(progress == [[1024, 3000], [2048, 3000], [3000, 3000]])
      #expect(dataset.count == 3000)
      let file = try JSONLFile(path), summary = dataset.summary
      var tokens = 0, supervised = 0, metrics = 0
      for index in 0..<3000 {
        let record = try rules.reader.record(file, index), example = try dataset.example(index)
        #expect(try dataset.record(index) == record)
        #expect(example == (try rules.encoder.encode(record)))
        #expect(example.source == "data.jsonl line \(index + 1)")
        tokens += example.ids.count
        supervised += example.supervised.count { $0 }
        metrics += example.metrics.count
      }
      #expect(summary.tokens == tokens && summary.supervised == supervised && summary.metrics[0].tokens == metrics)
      #expect(summary.lines == 3000 && summary.examples == 3000 && summary.metrics[0].examples == 3000)
      #expect(summary.fingerprint == file.fingerprint())
      #expect(summary.skippedCount == 0)
      #expect(summary.cut == 0)
      #expect(summary.longest == (try examples(dataset).map(\.ids.count).max()))
    }
  }

  @Test func keptInMemoryOrReadAgain() throws {
    try withFile(lines(1500)) { path in
      let kept = try Dataset(path, rules()), read = try Dataset(path, rules(), keptTokens: 0)
      let late = try Dataset(path, rules(), keptTokens: kept.summary.tokens / 2)
      #expect(try examples(kept) == examples(read))
      #expect(try examples(kept) == examples(late))
      // What is read again is not what was checked.
      let handle = try FileHandle(forWritingTo: URL(filePath: path))
      try handle.truncate(atOffset: 10)
      try handle.close()
      _ = try kept.example(0)
      expectRefusal("a file that stays as it is") { _ = try read.example(0) }
    }
  }

  // MARK: Bad lines

  private let mixed = """
    {"prompt": "a", "completion": "1"}
    {"prompt": "a"}

    {"prompt": "a", "completion": "2"
    {"prompt": "a", "completion": ""}
    {"prompt": "a", "completion": "3", "spans": {"y": [[0, 9]]}}
    {"prompt": "a", "completion": "4"}
    """

  @Test func theFirstBadLineEndsIt() throws {
    try withFile(mixed) { path in
      expectRefusal("\(path): line 2, key completion: expected a value") { _ = try Dataset(path, rules()) }
    }
    try withFile(
      mixed.split(separator: "\n").enumerated().filter { $0.offset > 3 }.map { $0.element }.joined(separator: "\n")
    ) {
      path in
      expectRefusal("\(path): line 1, spans.y: expected a span inside the answer's 1 characters") {
        _ = try Dataset(path, rules())
      }
    }
  }

  @Test func badLinesAreSkippedCountedAndListed() throws {
    try withFile(mixed) { path in
      let dataset = try Dataset(path, rules(skipBad: true)), summary = dataset.summary
      #expect(try examples(dataset).map(\.source) == ["data.jsonl line 1", "data.jsonl line 7"])
      #expect(try dataset.record(1).content == .promptCompletion("a", "4"))
      #expect(summary.lines == 6)
      #expect(summary.examples == 2)
      #expect(summary.skippedCount == 4)
      #expect(summary.skipped.map(\.line) == [2, 4, 5, 6])
      for skipped in summary.skipped { #expect(skipped.reason.contains("line \(skipped.line)")) }
      #expect(summary.skipped[1].reason.contains("line 4, column 34"), "\(summary.skipped[1].reason)")
    }
  }

  @Test func onlyTheFirstHundredAreListed() throws {
    try withFile(String(repeating: "x\n", count: 250) + "{\"text\": \"7\"}") { path in
      let summary = try Dataset(path, rules(skipBad: true)).summary
      #expect(summary.skippedCount == 250)
      #expect(summary.skipped.count == 100)
      #expect(summary.examples == 1)
    }
  }

  @Test func nothingLeft() throws {
    try withFile("{}\n{\"prompt\": 5}") { path in
      expectRefusal(
        "expected at least one line that can be used, found none of 2", "left out because of this", "line 1"
      ) {
        _ = try Dataset(path, rules(skipBad: true))
      }
    }
  }

  // MARK: Length

  @Test func longExamplesEndItOrAreSkipped() throws {
    try withFile(lines(200)) { path in
      let all = try examples(Dataset(path, rules()))
      let limit = all.map(\.ids.count).sorted()[120]
      let first = try #require(all.firstIndex { $0.ids.count > limit })
      expectRefusal(
        "\(path): line \(first + 1): expected at most \(limit) tokens, found \(all[first].ids.count)",
        "data.tooLong: skip, cutPrompt or cutAnswer"
      ) { _ = try Dataset(path, rules(maxLength: limit)) }
      let skipping = try Dataset(path, rules(maxLength: limit, tooLong: .skip))
      #expect(try examples(skipping) == all.filter { $0.ids.count <= limit })
      #expect(skipping.summary.skippedCount == 200 - skipping.count)
      #expect(skipping.summary.longest == limit)
      // `skip` is about length alone.
      try withFile("{\"text\": \"1 and 2 and 3\"}\n{\"text\": true}\n{\"text\": \"1\"}") { path in
        expectRefusal("line 2, key text") { _ = try Dataset(path, rules(maxLength: 2, tooLong: .skip)) }
      }
    }
  }

  /// Every metric token of the whole example that is not lost is one of the shorter, at its new place.
  private func expectCut(_ short: EncodedExample, _ whole: EncodedExample, dropped: Range<Int>) {
    var kept = Array(whole.ids.indices)
    kept.removeSubrange(dropped)
    #expect(short.ids == kept.map { whole.ids[$0] })
    #expect(short.supervised == kept.map { whole.supervised[$0] })
    var metrics = [MetricPosition]()
    for (position, old) in kept.enumerated() {
      for var metric in whole.metrics where metric.position == old {
        metric.position = position
        metrics.append(metric)
      }
    }
    #expect(short.metrics == metrics)
    #expect(short.source == whole.source)
  }

  @Test(arguments: ["smollm2", "llama3"]) func promptsLoseTheirBeginning(name: String) throws {
    try withFile(lines(300)) { path in
      var rules = try rules(name, maxLength: 16, tooLong: .cutPrompt, skipBad: true)
      let kept = name == "llama3" ? 1 : 0
      if kept == 1 { rules.encoder = try encoderWithRoles() }
      var wholeRules = rules
      wholeRules.maxLength = 1000
      let whole = try examples(Dataset(path, wholeRules)), dataset = try Dataset(path, rules)
      let short = Dictionary(uniqueKeysWithValues: try examples(dataset).map { ($0.source, $0) })
      var cut = 0, lost = 0
      for example in whole {
        let answer = example.supervised.count { $0 }, excess = example.ids.count - 16
        if let shorter = short[example.source] {
          if excess > 0 { cut += 1 }
          expectCut(shorter, example, dropped: excess > 0 ? kept..<kept + excess : 0..<0)
          #expect(shorter.supervised.count { $0 } == answer && !shorter.supervised[0])
        } else {
          // The answer and one token before it are too long by themselves.
          #expect(answer + 1 > 16, "\(example.source)")
          lost += 1
        }
      }
      #expect(cut > 50)
      #expect(lost > 5)
      #expect(dataset.summary.cut == cut)
      #expect(dataset.summary.skippedCount == lost)
      #expect(dataset.summary.skipped.first?.reason.contains("Too much of it is answer") ?? false)
    }
  }

  /// A tokenizer that knows which token begins a text.
  private func encoderWithRoles() throws -> ExampleEncoder {
    let folder = FileManager.default.temporaryDirectory.appending(path: "roles-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/tokenizers/llama3.json"),
      to: folder.appending(path: "tokenizer.json"))
    try #"{"bos_token": "<|begin_of_text|>", "eos_token": "<|endoftext|>"}"#.write(
      to: folder.appending(path: "tokenizer_config.json"), atomically: true, encoding: .utf8)
    let tokenizer = try Tokenizer(folder: folder.path)
    return ExampleEncoder(
      tokenizer, metrics: [MetricRule(MetricFinder(space: try .digits(of: tokenizer)))],
      splitter: try DigitSplitter(tokenizer), end: tokenizer.roles.end)
  }

  @Test func answersLoseTheirEnd() throws {
    try withFile(lines(300)) { path in
      let whole = try examples(Dataset(path, rules()))
      let dataset = try Dataset(path, rules(maxLength: 20, tooLong: .cutAnswer, skipBad: true))
      let short = Dictionary(uniqueKeysWithValues: try examples(dataset).map { ($0.source, $0) })
      var metrics = 0, cut = 0
      for example in whole {
        let prompt = example.supervised.count { !$0 }
        if let shorter = short[example.source] {
          expectCut(shorter, example, dropped: min(20, example.ids.count)..<example.ids.count)
          metrics += shorter.metrics.count
          cut += example.ids.count > 20 ? 1 : 0
        } else {
          #expect(prompt >= 20, "nothing that is learnt would be left")
        }
      }
      #expect(cut > 50)
      #expect(short.count < 300)
      // What was cut off is not counted as found.
      #expect(dataset.summary.cut == cut && dataset.summary.metrics[0].tokens == metrics)
      #expect(dataset.summary.metrics[0].examples == short.values.count { !$0.metrics.isEmpty })
    }
  }

  // MARK: Fewer

  @Test func limitsAreNestedAndDependOnTheSeed() throws {
    try withFile(lines(500)) { path in
      func sources(_ limit: Int?, _ seed: UInt64) throws -> [String] {
        try examples(Dataset(path, rules(limit: limit, seed: seed))).map(\.source)
      }
      let hundred = try sources(100, 1)
      #expect(Set(hundred).count == 100)
      #expect(try sources(100, 1) == hundred)
      #expect(try sources(10, 1) == Array(hundred.prefix(10)))
      #expect(try Array(sources(499, 1).prefix(100)) == hundred)
      #expect(try sources(100, 2) != hundred)
      #expect(try sources(500, 1) == sources(nil, 1))
      #expect(try sources(5000, 1) == sources(nil, 1))
      // Not those at the start of the file.
      #expect(Set(hundred).intersection(try sources(nil, 1).prefix(100)).count < 60)
    }
  }

  /// Lines that are not chosen are not judged.
  @Test func aLimitLooksAtItsOwnLinesAlone() throws {
    try withFile(lines(99) + "broken") { path in
      var lines = [Int](), refused = 0
      for seed in 0..<40 {
        do throws(InputError) {
          let dataset = try Dataset(path, try! rules(limit: 30, seed: UInt64(seed)))
          lines.append(dataset.count)
        } catch {
          #expect(error.place == "line 100, column 1")
          refused += 1
        }
      }
      #expect(lines.allSatisfy { $0 == 30 })
      #expect(refused > 2)
      #expect(refused < 25)
    }
  }

  // MARK: What is reported

  @Test func digitsThatAreNoCandidatesAreReported() throws {
    let text = "{\"prompt\": \"a\", \"completion\": \" 2038 and 7\"}\n{\"prompt\": \"a\", \"completion\": \" no\"}"
    try withFile(text) { path in
      var rules = try rules("llama3")
      let split = try Dataset(path, rules).summary.metrics[0]
      #expect(split.examples == 1)
      #expect(split.numbers == 2)
      #expect(split.tokens == 5)
      #expect(split.uncovered == 0)
      #expect(split.range == 7...2038)
      #expect(split.uncoveredTexts.isEmpty)
      rules.encoder = try digitEncoder("llama3", splits: false)
      // Three digits a token: 203, 8.
      let whole = try Dataset(path, rules).summary.metrics[0]
      #expect(whole.examples == 1)
      #expect(whole.numbers == 2)
      #expect(whole.tokens == 2)
      #expect(whole.uncovered == 1)
      #expect(whole.range == 7...2038)
      #expect(whole.uncoveredTexts == ["203"])
    }
  }
}
