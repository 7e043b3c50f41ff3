// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Objectives
package import Recipes
import TokenData
import Training

/// An objective as the toy experiment trains it: a preset, and α where it is not the experiment's.
struct RegressionVariant: Hashable {
  let preset: Preset
  /// Nil: the experiment's for the paper's objectives, the preset's own for targets over whole values.
  var alpha: Double?

  /// `dist`, `dist α 1`
  var name: String { preset.rawValue + (alpha.map { " α \(Grid.text($0))" } ?? "") }

  /// Every objective of models that answer, and the distance with ten and thirty times the paper's weight.
  static let all: [RegressionVariant] =
    Preset.answering.map { RegressionVariant(preset: $0) } + [1, 3].map { RegressionVariant(preset: .dist, alpha: $0) }

  /// - Throws: `InputError` if no variant is called so.
  init(named name: String) throws(InputError) {
    guard let found = Self.all.first(where: { $0.name == name }) else {
      throw InputError(path: name, place: "variant", expected: "an objective", found: name)
    }
    self = found
  }

  private init(preset: Preset, alpha: Double? = nil) { (self.preset, self.alpha) = (preset, alpha) }
}

extension RegressionExperiment {
  /// The run file of one run.
  ///
  /// - Parameter train: file of its problems.
  package func settings(_ run: GridRun, train: String, output: String) throws -> RunSettings {
    let variant = try RegressionVariant(named: run.variant), preset = variant.preset
    var metric = MetricSettings(
      name: "y", tokens: .digits, contrast: preset.isOfValues ? .none : .twoPass(radius: radius))
    // The protocol's own: three decimals; slope and intercept keep y at 0.5 between 0.05 and 1.
    metric.whole.format = try ValueFormat(indices: 0...1500, decimals: 3)
    var settings = RunSettings(
      model: model, data: DataSettings(train: DataSource(train), template: "none"), metrics: [metric],
      objective: ObjectiveSettings(
        preset: preset, alpha: variant.alpha ?? (preset.isOfValues ? nil : alpha), temperature: .value(temperature)),
      train: TrainSettings(
        length: .steps(steps(run)), batch: 1, learningRate: learningRate, schedule: Schedule(.linear), clip: clip,
        seed: UInt64(run.seed), samples: 0, answers: 0))
    (settings.path, settings.output) = ("\(output)/run.yaml", output)
    return settings
  }
}
