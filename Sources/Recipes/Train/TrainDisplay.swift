// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reports
import Training

/// Terminal display of a run.
public final class TrainDisplay {
  private let bar: ProgressBar
  private let terminal: Terminal
  private var isOver = false
  private var validation: Double?
  private var latest: StepMetrics?

  init(steps: Int, terminal: Terminal) {
    self.terminal = terminal
    bar = ProgressBar("training", total: steps, unit: "step", terminal: terminal)
  }

  func show(_ event: TrainingEvent) {
    switch event {
    case .started(let start):
      for problem in start.damagedCheckpoints { note("passed over a damaged checkpoint: \(problem)") }
      if start.step > 0 {
        bar.note("going on from step \(start.step)")
        bar.update(completed: start.step)
      }
    case .step(let step):
      latest = step
      show(step)
    case .validation(let result):
      validation = result.loss
      // The last line of a run has the last validation.
      if let latest { show(latest) }
      let lossTerms = Self.text(result.lossTerms, of: result.loss, separator: ", ")
      note(
        "step \(result.step): validation loss \(Quantity.number(result.loss))\(lossTerms)"
          + (result.isBest ? ", the best so far" : "") + Self.text(result.measurements, before: "; "))
    case .checkpoint, .finished: break
    }
  }

  private func show(_ step: StepMetrics) {
    let lossTerms = Self.text(step.lossTerms, of: step.loss, separator: " ")
    let parts: KeyValuePairs<String, Quantity> = [
      "loss": .number(step.loss),
      "": .text((lossTerms + Self.text(step.measurements, before: " ")).trimmingPrefix(" ").description),
      "valid": validation.map { .number($0) } ?? .text("–"),
      "speed": .rate(step.tokensPerSecond, unit: "token"), "memory": .bytes(residentMemory()),
    ]
    bar.update(completed: step.step, fields: parts)
  }

  /// ` (ce 0.12, y 1.3)`; nothing where there is no more to say than the loss itself: terms of 0 are left out.
  static func text(_ terms: [LossTermMetrics], of loss: Double, separator: String) -> String {
    let parts = terms.filter { $0.value != 0 }
    guard parts.contains(where: { $0.value != loss }) else { return "" }
    return " (\(parts.map { "\($0.name) \(Quantity.number($0.value))" }.joined(separator: separator)))"
  }

  /// Accuracy and margin of rewards, where they are measured.
  private static func text(_ measurements: [MeasurementMetrics]?, before: String) -> String {
    let found = Dictionary((measurements ?? []).map { ($0.name, $0.value) }) { first, _ in first }
    let accuracy = found["rewards/accuracies"].map { "accuracy \(Quantity.percent($0))" }
    let margin = found["rewards/margins"].map { "margin \(Quantity.number($0))" }
    // Of single responses there is neither.
    let classes = [("wanted", "rewards/chosen"), ("unwanted", "rewards/rejected")].compactMap { name, key in
      found[key].map { "\(name) \(Quantity.number($0))" }
    }
    let parts = [accuracy, margin].compactMap { $0 } + (margin == nil ? classes : [])
    return parts.isEmpty ? "" : before + parts.joined(separator: ", ")
  }

  /// A line of its own.
  func note(_ text: String) { bar.note(terminal.prose(text, indent: 2)) }

  func show(_ samples: [Sample]) {
    guard let step = samples.first?.step else { return }
    let lines = samples.map { sample in
      "  \(sample.id) → \(terminal.styled(shown(sample.answer), .bold))"
        + terminal.styled("   (right: \(shown(sample.reference)))", .dim)
    }
    bar.note((["step \(step), the model answers:"] + lines).joined(separator: "\n"))
  }

  func end(_ finish: FinishMetrics) {
    isOver = true
    if finish.reason == .completed { bar.finish() } else { bar.fail("stopped after step \(finish.step)") }
  }

  func fail(_ error: any Error) {
    if !isOver { bar.fail("see below") }
  }

  private func shown(_ text: String) -> String {
    let line = text.replacing("\n", with: "⏎")
    return line.count > 60 ? line.prefix(59) + "…" : line
  }
}

/// Bytes of memory that this process holds now; 0 where the system does not say.
func residentMemory() -> Int {
  guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
    let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
  else { return 0 }
  return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

extension ProgressBar {
  /// Runs `body`, and shows a bar once it has taken more than half a second.
  static func quick<R>(
    _ title: String, unit: String, terminal: Terminal, _ body: ((_ done: Int, _ of: Int) -> Void) throws -> R
  ) rethrows -> R {
    let start = monotonicSeconds()
    var bar: ProgressBar?
    do {
      let result = try body { done, total in
        if bar == nil, monotonicSeconds() - start > 0.5 {
          bar = ProgressBar(title, total: total, unit: unit, terminal: terminal)
        }
        bar?.update(completed: done)
      }
      bar?.finish()
      return result
    } catch {
      bar?.fail("see below")
      throw error
    }
  }
}
