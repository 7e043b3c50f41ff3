// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
package import Reports
import TokenData
import TokenModels
import Torch
import Training

/// Outcome of one training run of a comparison.
public struct ComparisonOutcome: Codable, Sendable, Equatable {
  /// A point of a curve.
  struct Point: Codable, Sendable, Equatable {
    var step: Int
    var value: Double
  }

  /// Every answer.
  var records: [PredictionRecord]
  /// Cross entropy of training (means over stretches of steps) and of validation.
  var training: [Point]
  var validation: [Point]
  /// Norm of the gradient before clipping: mean over all steps, and its standard deviation.
  var gradientNorm: Double
  var gradientNormDeviation: Double
  var steps: Int
  var seconds: Double
  var tokensPerSecond: Double
}

/// Executes one run of a comparison's folder and keeps its result; tells its progress on standard output.
///
/// - Throws: `InputError` for a folder or run that is not there, and what training and answering throw.
public func runComparison(named name: String, folder: String, threads: Int) throws {
  let store = try RunStore<ComparisonSettings, ComparisonOutcome>(folder: folder)
  let planned = try store.run(named: name, among: store.settings.runs) { $0.name }
  Torch.threads = threads
  let output = try store.freshRun(of: name)
  let artifacts = try RunArtifacts(store.settings.settings(planned.variant, seed: planned.seed, output: output))
  let outcome = try ComparisonRun(artifacts).run { $0.send() }
  try store.keep(outcome, of: name)
}

/// Trains and tests one variant with one seed. The model after the last step is tested; none is kept.
private struct ComparisonRun {
  let artifacts: RunArtifacts

  init(_ artifacts: RunArtifacts) { self.artifacts = artifacts }

  func run(_ report: @escaping (WorkerMessage) -> Void) throws -> ComparisonOutcome {
    let data = artifacts.settings.data
    guard let source = data.test ?? data.valid else {
      throw InputError(
        path: artifacts.settings.path, place: "key data.test", expected: "a file to test on",
        found: "no such key",
        remedy: "Add `data: { test: test.jsonl }`; without one the validation file is taken.")
    }
    let test = try artifacts.dataset(source)
    let tested = min(artifacts.settings.evaluate.limit ?? .max, test.count)
    let training = TrainRun(artifacts, command: "", terminal: .silent)
    training.keepsCheckpoints = false
    var log = StepLog(), total = 1
    training.observe = { event in
      switch event {
      case .started(let start): total = start.steps + (tested + 19) / 20
      case .step(let step):
        log.add(step)
        report(WorkerMessage(phase: "training", completed: step.step, total: total, loss: step.loss))
      case .validation(let result):
        log.validation.append(.init(step: result.step, value: result.lossTerms.first?.value ?? result.loss))
      default: break
      }
    }
    let trained = try training.train()
    let result = try Evaluating(artifacts, trained.model, test, run: training.folder) { done, _ in
      report(WorkerMessage(phase: "testing", completed: min(total - 1, log.steps + done / 20), total: total))
    }
    report(WorkerMessage(phase: "done", completed: total, total: total))
    return log.outcome(result.records, seconds: trained.finish.seconds)
  }
}

/// Memory of the steps.
private struct StepLog {
  var validation: [ComparisonOutcome.Point] = []
  private var crossEntropy: [Double] = [], norms: [Double] = []
  private var tokens = 0, seconds = 0.0

  var steps: Int { crossEntropy.count }

  mutating func add(_ step: StepMetrics) {
    crossEntropy.append(step.lossTerms.first?.value ?? step.loss)
    norms.append(step.gradientNorm)
    tokens += step.tokens
    seconds += step.seconds
  }

  func outcome(_ records: [PredictionRecord], seconds total: Double) -> ComparisonOutcome {
    let stretch = max(1, steps / 200)
    let curve = stride(from: 0, to: steps, by: stretch).map { start in
      let part = crossEntropy[start..<min(start + stretch, steps)]
      return ComparisonOutcome.Point(step: start + part.count, value: part.reduce(0, +) / Double(part.count))
    }
    let norm = Measurements(norms)
    return ComparisonOutcome(
      records: records, training: curve, validation: validation, gradientNorm: norm.mean,
      gradientNormDeviation: norm.count > 1 ? norm.standardDeviation : 0, steps: steps, seconds: total,
      tokensPerSecond: Double(tokens) / max(seconds, 1e-9))
  }
}

extension Terminal {
  /// Takes everything and shows nothing.
  package static let silent = Terminal(
    isInteractive: false, hasColor: false, hasUnicode: true, size: { Size(columns: 80, rows: 24) }, write: { _ in })
}
