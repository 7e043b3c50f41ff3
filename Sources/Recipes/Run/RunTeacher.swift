// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import TokenData

extension RunArtifacts {
  /// How numbers are taught whole, their formats learnt where the run file does not say them, and kept in it; and how bins
  /// are taught as histograms.
  static func teacher(
    _ settings: inout RunSettings, _ encoder: ExampleEncoder, maxLength: Int
  ) throws -> (teacher: ValueTeacher?, remarks: [String]) {
    var remarks = [String]()
    var taught = [ValueRule?](repeating: nil, count: settings.metrics.count)
    for (index, metric) in settings.metrics.enumerated() where metric.whole.areTaught(by: settings.objective.preset) {
      let rule = encoder.metrics[index], space = rule.finder.space
      let distance = try metric.valueDistance(settings.path)
      let format: ValueFormat, scale: ValueScale
      if let known = metric.whole.format, let given = metric.whole.scale {
        (format, scale) = (known, given)
      } else {
        let learner = FormatLearner(reader: settings.data.reader, source: try settings.trainFile)
        let learnt = try learner.format(of: rule, metric: metric.name)
        format = metric.whole.format ?? learnt.format
        scale = metric.whole.scaleChoice.scale(width: learnt.width(distance))
        if metric.whole.format == nil, let remark = learnt.remark(metric: metric.name) { remarks.append(remark) }
      }
      // Written down with the run, so that it goes on with the same.
      (settings.metrics[index].whole.format, settings.metrics[index].whole.scaleChoice) = (format, .given(scale))
      let tries =
        space.unit != .piece
        ? []
        : try settings.naming("metrics[\(index)].tokens") { try encoder.tries(format, over: space) }
      taught[index] = try metric.valueRule(
        space, format, scale, settings.objective.preset, tries: tries, path: settings.path)
    }
    let histograms = try settings.metrics.enumerated().map { index, metric in
      try metric.histogramRule(encoder.metrics[index].finder.space, settings.objective.preset, path: settings.path)
    }
    guard taught.contains(where: { $0 != nil }) || histograms.contains(where: { $0 != nil }) else {
      return (nil, remarks)
    }
    return (
      ValueTeacher(taught, histograms: histograms, seed: settings.train.seed, maxLength: maxLength), remarks
    )
  }
}
