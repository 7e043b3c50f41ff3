// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Testing
import TokenData

/// Which tokens of an encoded example carry a distance.
@Suite struct MetricPositionTests {
  private func encoder(_ name: String, _ regions: [MetricRegion], splits: Bool = true) throws -> ExampleEncoder {
    var encoder = try digitEncoder(name, splits: splits)
    let space = encoder.metrics[0].finder.space
    encoder.metrics = regions.enumerated().map { index, region in
      MetricRule(MetricFinder(space: space, metric: index), in: region)
    }
    return encoder
  }

  /// The metric tokens as text, those of one number together: `0:12` is 12 of the first metric.
  private func found(_ example: EncodedExample, _ encoder: ExampleEncoder) -> [String] {
    var texts = [String](), last: (metric: Int, number: Int)?
    for metric in example.metrics {
      #expect(example.supervised[metric.position])
      let space = encoder.metrics[metric.metric].finder.space
      #expect(example.ids[metric.position] == space.ids[metric.candidate])
      let text = encoder.tokenizer.text(of: example.ids[metric.position]) ?? "?"
      if let last, last == (metric.metric, metric.number) {
        texts[texts.count - 1] += text
      } else {
        texts.append("\(metric.metric):\(text)")
      }
      last = (metric.metric, metric.number)
    }
    #expect(zip(example.metrics, example.metrics.dropFirst()).allSatisfy { $0.position < $1.position })
    return texts
  }

  private static let names = ["smollm2", "llama3", "llama2"]

  @Test(arguments: names) func digitsOfTheAnswerAlone(name: String) throws {
    let encoder = try encoder(name, [.answer])
    let example = encoder.encode(prompt: "The sum of 1024 and 77 is", answer: " 1101, or -0.5 of x1")
    #expect(found(example, encoder) == ["0:1101", "0:05"])
    #expect(example.metrics.map(\.place.rankInNumber) == [4, 3, 2, 1, 2, 1])
    #expect(example.metrics.map(\.place.exponent) == [3, 2, 1, 0, 0, -1])
  }

  /// An answer's number does not begin in the prompt.
  @Test(arguments: names) func numbersDoNotCrossIntoThePrompt(name: String) throws {
    let encoder = try encoder(name, [.answer])
    let example = encoder.encode(prompt: "12", answer: "34")
    #expect(found(example, encoder) == ["0:34"])
    #expect(example.metrics.map(\.place.rankInNumber) == [2, 1])
    #expect(encoder.encode(prompt: "12", answer: " no number").metrics.isEmpty)
  }

  @Test(arguments: names) func insideMarksAlone(name: String) throws {
    let encoder = try encoder(name, [.delimiters(Delimiters("<b>", "</b>"))])
    let example = encoder.encode(prompt: "at <b>(1, 2)</b> go ", answer: "to <b>(412, 63)</b>, 5 <b>7</b> <b>8")
    #expect(found(example, encoder) == ["0:412", "0:63", "0:7"])
  }

  @Test(arguments: names) func inNamedSpansAlone(name: String) throws {
    let encoder = try encoder(name, [.spans("total"), .spans("days")])
    let record = Record(
      .promptCompletion("é 2041: ", "€120, due in 30 days or 40"), spans: ["total": [1..<4], "days": [13..<15]])
    let example = try encoder.encode(record)
    #expect(found(example, encoder) == ["0:120", "1:30"])
    #expect(try encoder.encode(Record(.promptCompletion("a", "1"))).metrics.isEmpty)
  }

  @Test(arguments: names) func twoMetricsInOneAnswer(name: String) throws {
    let encoder = try encoder(name, [.delimiters(Delimiters("<b>", "</b>")), .delimiters(Delimiters("<r>", "</r>"))])
    let example = encoder.encode(prompt: "p ", answer: "<r>15</r> at <b>(4, 63)</b>, <r>9</r>")
    #expect(found(example, encoder) == ["1:15", "0:4", "0:63", "1:9"])
    // Every number has an ordinal of its own.
    #expect(Set(example.metrics.map(\.number)) == [0, 1, 2, 3])
  }

  @Test(arguments: names) func theFirstMetricThatClaimsATokenHasIt(name: String) throws {
    let answer = "1 <b>23</b> 4"
    let marksFirst = try encoder(name, [.delimiters(Delimiters("<b>", "</b>")), .answer])
    #expect(found(marksFirst.encode(prompt: "p ", answer: answer), marksFirst) == ["1:1", "0:23", "1:4"])
    let answerFirst = try encoder(name, [.answer, .delimiters(Delimiters("<b>", "</b>"))])
    #expect(found(answerFirst.encode(prompt: "p ", answer: answer), answerFirst) == ["0:1", "0:23", "0:4"])
  }

  /// The assistant's turns, without the marks around them.
  @Test(arguments: ["smollm2", "llama3"]) func allAnswersOfAConversation(name: String) throws {
    var encoder = try encoder(name, [.answer, .spans("y")])
    encoder.template = .chatml
    let messages = [
      ChatMessage(.system, "1"), ChatMessage(.user, "7 * 8?"), ChatMessage(.assistant, "56"),
      ChatMessage(.user, "+ 1?"),
      ChatMessage(.assistant, "é 57 or 58"),
    ]
    #expect(found(try encoder.encode(Record(.messages(messages))), encoder) == ["0:56", "0:57", "0:58"])
    // Spans count from the start of the last answer.
    encoder.metrics.removeFirst()
    encoder.metrics[0].finder.metric = 0
    let example = try encoder.encode(Record(.messages(messages), spans: ["y": [2..<4]]))
    #expect(found(example, encoder) == ["0:57"])
  }

  /// Spans count in the answer as it is written, also where the template trims it.
  @Test(arguments: ["smollm2", "llama3"]) func spansOfAnswersThatAreTrimmed(name: String) throws {
    var encoder = try encoder(name, [.spans("y")])
    func found(_ answer: String, _ spans: Range<Int>...) throws -> [String] {
      let messages = [ChatMessage(.user, "hi"), ChatMessage(.assistant, answer)]
      return self.found(try encoder.encode(Record(.messages(messages), spans: ["y": spans])), encoder)
    }
    for template in [ChatTemplate.llama3, .llama31(), .chatml] {
      encoder.template = template
      #expect(try found(" 12 kg of 34", 1..<3) == ["0:12"])
      #expect(try found(" 12 kg of 34", 10..<12) == ["0:34"])
      #expect(try found("\n\n12", 2..<4) == ["0:12"])
      #expect(try found("  é 12 \n", 0..<6) == ["0:12"])
      #expect(try found("\u{1C}12 or 34\t", 1..<3, 7..<10) == ["0:12", "0:34"])
      expectRefusal("spans.y", "inside the answer's 4 characters", "[2, 5]") { _ = try found("\n\n12", 2..<5) }
    }
    encoder.template = .llama3
    expectRefusal("spans.y", "trims", "[0, 2], where [2, 4] is left") { _ = try found("\n\n12", 0..<2) }
    // A plain prompt in a template is trimmed as well.
    encoder.wrapsPrompts = true
    let record = Record(.promptCompletion("p", " 12 of 34 "), spans: ["y": [7..<9]])
    #expect(self.found(try encoder.encode(record), encoder) == ["0:34"])
  }

  // MARK: Tokens of several digits

  @Test func answersAreSplitAndPromptsAreNot() throws {
    let encoder = try encoder("llama3", [.answer]), tokenizer = encoder.tokenizer
    let example = encoder.encode(prompt: "Of 2038:", answer: " 2038 and 77")
    let first = try #require(example.supervised.firstIndex(of: true))
    let read = example.ids[..<first].map { tokenizer.text(of: $0) }
    let learnt = example.ids[first...].map { tokenizer.text(of: $0) ?? "" }
    #expect(read.contains("203"))
    #expect(read.contains("8"))
    #expect(learnt.joined() == " 2038 and 77")
    #expect(learnt.allSatisfy { text in text.count { "0123456789".contains($0) } <= 1 })
    #expect(example.metrics.map { $0.place.rankInNumber } == [4, 3, 2, 1, 2, 1])
  }

  @Test func digitsThatAreNoCandidatesAreSaid() throws {
    let encoder = try encoder("llama3", [.answer], splits: false)
    let analysis = try encoder.analyze(Record(.promptCompletion("p", " 2038 77 5")))
    let numbers = analysis.found[0]
    #expect(numbers.map { $0.number?.value } == [2038, 77, 5])
    func texts(_ indices: [Int]) -> [String?] { indices.map { encoder.tokenizer.text(of: analysis.pieces[$0].id) } }
    #expect(numbers.map { texts($0.uncovered) } == [["203"], ["77"], []])
    #expect(numbers.map { texts($0.positions.map(\.position)) } == [["8"], [], ["5"]])
    // All numeric strings as candidates cover them.
    var whole = encoder
    whole.metrics = [MetricRule(MetricFinder(space: try .numbers(of: encoder.tokenizer)))]
    let covered = try whole.analyze(Record(.promptCompletion("p", " 2038 77 5"))).found[0]
    #expect(covered.allSatisfy { $0.uncovered.isEmpty })
    #expect(covered.map { texts($0.positions.map(\.position)) } == [["203", "8"], ["77"], ["5"]])
  }

  /// Random numbers in random sentences, digit by digit as they are written.
  @Test(arguments: names) func everyDigitOfEveryNumber(name: String) throws {
    let encoder = try encoder(name, [.answer])
    var generator = RandomText.Generator(state: 9)
    for _ in 0..<300 {
      var answer = "", expected = [String]()
      for _ in 0...generator.next(5) {
        answer += [" is", " and", ", say", ":", "\n"][generator.next(5)]
        let whole = "\(generator.next(100_000))"
        let number = generator.next(2) == 0 ? whole : "\(whole).\(generator.next(1000))"
        answer += [" ", " -", " ("][generator.next(3)] + number
        expected.append("0:" + number.replacing(".", with: ""))
      }
      let prompt = "Numbers \(generator.next(1000))"
      #expect(found(encoder.encode(prompt: prompt, answer: answer), encoder) == expected, "\(prompt)\(answer)")
    }
  }
}
