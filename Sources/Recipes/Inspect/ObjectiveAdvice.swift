// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import TokenData

extension Inspection {
  /// How numbers are taught, and what else could be tried.
  var notes: [String] {
    valueNotes + [objectiveAdvice].compactMap { $0 } + [memory.note(artifacts.settings.train)]
  }

  /// Below so many training examples targets over whole numbers lowered errors on most problems of the study
  /// (docs/experiments/study.md); above it mostly where answers hold little noise.
  static let fewExamples = 1000

  /// The study's rule, for runs that it speaks of: answers with numbers, learnt by another objective over tokens.
  /// Nil for others.
  var objectiveAdvice: String? {
    let settings = artifacts.settings, preset = settings.objective.preset
    guard artifacts.rating == nil, !preset.isOfValues, settings.metrics.contains(where: { $0.tokens == .digits }),
      summary.metrics.contains(where: { $0.numbers > 0 })
    else { return nil }
    let rule =
      summary.examples < Self.fewExamples
      ? "\(summary.examples) training examples are few: below about \(Self.fewExamples)"
      : "With \(summary.examples) training examples it depends on the noise: where answers have little"
    return
      "\(rule), targets over whole numbers (objective.preset: valueDrawn) were nearer to the truth than cross entropy on "
      + "most problems of the study (docs/experiments/study.md). Find out for yours: dist2 compare "
      + "\(settings.path) --objectives sft,dist,valueDrawn --seeds 5"
  }
}
