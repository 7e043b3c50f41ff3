// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Testing
import TokenData
import Training

/// `data.tooLong: cutPrompt` means the same wherever a run's settings are used.
@Suite struct CutPromptTests {
  private static let longPrompt = String(repeating: "and then ", count: 12) + "7 + 8 = "
  private static let data = "{\"prompt\": \"\(longPrompt)\", \"completion\": \"15\"}\n" + TinyRun.sums(3)
  private let settings = ["data.tooLong=cutPrompt", "data.maxLength=14"]

  @Test func questionsAreCutAsInTraining() throws {
    let tiny = try TinyRun(data: Self.data)
    let artifacts = try RunArtifacts(tiny.settings(settings)), whole = try tiny.artifacts()
    let dataset = try artifacts.dataset(tiny.folder + "/train.jsonl")
    #expect(dataset.summary.cut == 1)
    for index in 0..<dataset.count {
      let example = try dataset.example(index), record = try dataset.record(index)
      let first = try #require(example.supervised.indices.dropFirst().first { example.supervised[$0] })
      let item = try Answering(artifacts).item(record), uncut = try Answering(whole).item(record)
      #expect(item.ids == Array(example.ids[..<first]))
      #expect(index == 0 ? item.ids.count < uncut.ids.count : item.ids == uncut.ids)
      #expect(item.prompt == uncut.prompt)
      #expect(item.truth == uncut.truth)
    }
  }

  /// Where no right answer is known half of the length is left for one at most.
  @Test func roomForAnswers() throws {
    let tiny = try TinyRun(data: Self.data)
    let record = Record(.promptCompletion(Self.longPrompt, nil), source: "line 1")
    for (tokens, length) in [(3, 11), (6, 8), (500, 7)] {
      let artifacts = try RunArtifacts(tiny.settings(settings + ["evaluate.maxNewTokens=\(tokens)"]))
      let ids = try Answering(artifacts).item(record).ids
      #expect(ids.count == length)
      #expect(
        try Array(Answering(tiny.artifacts()).item(record).ids.suffix(length - 1)) == Array(ids.suffix(length - 1)))
    }
  }

  @Test func evaluatesAndScores() throws {
    let tiny = try TinyRun(data: Self.data)
    let run = TrainRun(try RunArtifacts(tiny.settings(settings)), command: "", terminal: quiet)
    _ = try run.run()
    let choice = try ModelChoice(tiny.folder + "/out"), model = try choice.load()
    let dataset = try choice.artifacts.dataset(tiny.folder + "/train.jsonl")
    #expect(try Evaluating(choice.artifacts, model, dataset).records.count == 4)
    var lines = [Self.data.split(separator: "\n").map(String.init)][...], output = [String]()
    try LineStream(choice, .score).run(source: "<test>", next: { _ in lines.popFirst() }) { output.append($0) }
    #expect(output.count == 4)
    #expect(output.allSatisfy { $0.contains("logProbability") })
    // The score is that of the example as it was learnt.
    let example = try dataset.example(0)
    let learnt = example.ids.indices.dropFirst().filter { example.supervised[$0] }
    let logs = try Scorer(model).logLikelihoods(in: [example.ids], at: [learnt], tokenBudget: 100)
    let score = try JSONReader(JSON(parsing: output[0], path: ""), path: "").double(at: "logProbability")
    #expect(abs(score - logs[0].reduce(0, +)) < 1e-4)
  }
}

/// Runs that an earlier version began go on.
@Suite struct EarlierRunTests {
  @Test func nullThousandsAreNone() throws {
    let tiny = try TinyRun(), file = tiny.folder + "/out/run.yaml"
    let finish = try tiny.train().run()
    // As it was: null for no groups, and no key that came since.
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let old = text.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line -> String? in
      if line.contains("reduction:") { return nil }
      guard let colon = line.range(of: "thousands:") else { return String(line) }
      return String(line[..<colon.upperBound]) + " null"
    }.joined(separator: "\n")
    #expect(old != text)
    #expect(old.contains("thousands: null"))
    #expect(!old.contains("reduction"))
    try Data(old.utf8).write(to: URL(fileURLWithPath: file))
    #expect(try tiny.artifacts().settings.metrics[0].grammar.thousands == .never)
    #expect(try ModelChoice(tiny.folder + "/out").artifacts.settings.metrics[0].grammar.thousands == .never)
    #expect(try tiny.train().run().losses == finish.losses)
    let error = #expect(throws: InputError.self) { try tiny.train("train.learningRate=0.02").run() }
    #expect(error?.found.contains("train.learningRate") == true, "\(error as Any)")
    #expect(error?.found.contains("thousands") == false)
  }
}
