// SPDX-License-Identifier: Apache-2.0
import Files
import Reports
package import Training

/// Writes a run's events to `metrics.jsonl` and to TensorBoard's files in the same folder.
package final class TrainingRecorder {
  private let folder: String
  private var log: EventLog?

  package init(folder: String) { self.folder = folder }

  /// Records other figures of a step.
  package func record(step: Int, _ figures: [(String, Double)]) throws { try log?.write(step: step, figures) }

  /// Records an event; what is no measurement is passed over. Lines of steps that a resumed run will take again are
  /// removed when it starts.
  package func record(_ event: TrainingEvent) throws {
    switch event {
    case .started(let metrics):
      log = try EventLog(folder: folder, resumingAfter: metrics.step == 0 ? nil : metrics.step)
    case .step(let metrics):
      try log?.write(
        step: metrics.step,
        [
          ("train/loss", metrics.loss), ("train/learning_rate", metrics.learningRate),
          ("train/gradient_norm", metrics.gradientNorm), ("train/tokens_per_second", metrics.tokensPerSecond),
        ] + metrics.lossTerms.map { ("train/" + $0.name, $0.value) }
          + (metrics.measurements ?? []).map { ("train/" + $0.name, $0.value) })
    case .validation(let metrics):
      try log?.write(
        step: metrics.step,
        [("valid/loss", metrics.loss)] + metrics.lossTerms.map { ("valid/" + $0.name, $0.value) }
          + (metrics.measurements ?? []).map { ("valid/" + $0.name, $0.value) })
    case .checkpoint, .finished: try log?.sync()
    }
  }
}
