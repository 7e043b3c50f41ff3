// SPDX-License-Identifier: Apache-2.0
import Foundation
package import Reports
package import TokenModels

/// The model in a Hugging Face folder, with a bar once reading and quantising it has taken two seconds.
///
/// - Throws: as `loadModel(folder:options:)`.
func loadModel(folder: String, options: LoadOptions, terminal: Terminal) throws -> any PretrainedModel {
  let display = LoadingDisplay(URL(fileURLWithPath: folder).lastPathComponent, terminal)
  do {
    let model = try loadModel(folder: folder, options: options, progress: display.show)
    display.bar?.finish()
    return model
  } catch {
    display.bar?.fail("see below")
    throw error
  }
}

/// How far a model's reading has come.
package final class LoadingDisplay {
  fileprivate var bar: ProgressBar?
  private var stage: LoadStage?
  private let name: String
  private let terminal: Terminal
  private let clock: @Sendable () -> Double
  private let start: Double
  private static let patience = 2.0

  /// - Parameter clock: seconds since some moment.
  package init(_ name: String, _ terminal: Terminal, clock: @escaping @Sendable () -> Double = monotonicSeconds) {
    (self.name, self.terminal, self.clock) = (name, terminal, clock)
    start = clock()
  }

  /// Takes what is done of a stage.
  package func show(_ stage: LoadStage, _ done: Int, _ total: Int) {
    let (verb, unit) = stage == .reading ? ("reading", "tensor") : ("quantising", "layer")
    if let bar, stage != self.stage {
      bar.beginPhase("\(verb) \(name)", total: total, unit: unit)
    } else if bar == nil, clock() - start > Self.patience {
      bar = ProgressBar("\(verb) \(name)", total: total, unit: unit, terminal: terminal, clock: clock)
    }
    self.stage = stage
    bar?.update(completed: done)
  }
}
