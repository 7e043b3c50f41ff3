// SPDX-License-Identifier: Apache-2.0
import Recipes
import Evaluation
import Files
import Foundation
import MetricTokens
import TokenData

/// A run of the toy experiment: a new copy of the model, trained on N problems and tested on the rest.
struct RegressionRun {
  private let settings: RegressionExperiment
  private let run: GridRun
  private let context: RunContext
  private let data: RegressionData

  init(_ settings: RegressionExperiment, _ run: GridRun, _ context: RunContext) {
    (self.settings, self.run, self.context) = (settings, run, context)
    data = RegressionData(seed: run.seed, training: run.count, test: settings.testProblems)
  }

  /// Trains and tests.
  func outcome() throws -> RegressionOutcome {
    let place = try context.emptyOutput(), file = place + "/train.jsonl"
    try makeFolders(place)
    let lines = try data.training.map { problem in
      let line: JSON = ["prompt": .string(problem.prompt), "completion": .string(problem.completion)]
      return try line.output(pretty: false, path: file) + "\n"
    }
    try AtomicFile.write(lines.joined().utf8, to: file)
    let trained = try TrainedRun(
      settings.settings(run, train: file, output: place + "/run"), context, thenPercent: 25)
    let start = ProcessInfo.processInfo.systemUptime
    let answers = try test(trained)
    context.say("done", trained.total, of: trained.total)
    return RegressionOutcome(
      answers: answers, truths: data.test.map(\.answer), losses: trained.losses, trainingSeconds: trained.seconds,
      testingSeconds: ProcessInfo.processInfo.systemUptime - start)
  }

  /// The values the model answers, greedily.
  private func test(_ trained: TrainedRun<RunArtifacts>) throws -> [Double?] {
    let encoder = trained.artifacts.encoder, generator = TokenGenerator(trained.model)
    let prompts = data.test.map { encoder.prompt($0.prompt) }
    let options = GenerationOptions(maxNewTokens: 10, stopIDs: Set(encoder.ends.ids))
    return try stride(from: 0, to: prompts.count, by: 40).flatMap { start -> [Double?] in
      trained.say("testing", start, of: prompts.count)
      let part = Array(prompts[start..<min(start + 40, prompts.count)])
      return try generator.generate(part, options).map { value(of: encoder.tokenizer.decode($0.ids)) }
    }
  }

  /// The number an answer begins with; nil if it begins with anything else.
  private func value(of answer: String) -> Double? {
    let numbers = NumberGrammar().numbers(in: answer)
    guard let first = numbers.first else { return nil }
    let before = answer.unicodeScalars.prefix(first.range.lowerBound)
    return before.allSatisfy(\.properties.isWhitespace) ? first.value : nil
  }
}
