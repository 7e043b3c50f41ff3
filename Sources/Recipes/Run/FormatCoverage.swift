// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Training

extension RunArtifacts {
  /// Remarks on a file's numbers that are taught whole: those that the format does not write are learnt by
  /// cross entropy alone, and records must say the widths that a scale asks for.
  ///
  /// - Parameter path: the file, for words.
  /// - Throws: `InputError` if no number of a metric is written by its format; `ValueTargetError` naming a record.
  func coverageRemarks(_ examples: any RunExamples, path: String) throws -> [String] {
    guard let teacher else { return [] }
    var counts = [Int: (numbers: Int, others: Int, first: String)](), oddities = [Int: (count: Int, first: String)]()
    var looked = 0
    // Of larger files some, spread evenly.
    for index in stride(
      from: 0, to: examples.count, by: max(1, (examples.count + Self.mostLookedAt - 1) / Self.mostLookedAt))
    {
      let example = try examples.example(index)
      looked += 1
      for (metric, found) in teacher.coverage(of: example) {
        var count = counts[metric] ?? (0, 0, "")
        if found.others > 0, count.first.isEmpty { count.first = example.source }
        if found.hasNoScale {
          oddities[metric] = ((oddities[metric]?.count ?? 0) + 1, oddities[metric]?.first ?? example.source)
        }
        count = (count.numbers + found.numbers, count.others + found.others, count.first)
        counts[metric] = count
      }
      _ = try teacher.taught(example, epoch: 0, index: index, draws: false)
    }
    let unscaled = oddities.sorted { $0.key < $1.key }.map { metric, odd in
      let isBox = if case .box? = teacher.rules[metric]?.target.scale { true } else { false }
      return "metric \(settings.metrics[metric].name): \(odd.count) of \(looked) answers have "
        + (isBox
          ? "other than x, y, x, y of boxes: their scale is one step of the format"
          : "numbers of 0 or less, which a relative distance tells apart from all others: their target is that number alone")
        + ", the first at \(odd.first)"
    }
    return try unscaled
      + counts.sorted { $0.key < $1.key }.compactMap { metric, count in
        let name = settings.metrics[metric].name
        guard count.others < count.numbers else {
          throw InputError(
            path: path, place: "metric \(name)", expected: "numbers as the run's format writes them",
            found: "none in \(count.numbers), the first at \(count.first)",
            remedy: "Correct metrics.\(name).values, or leave it out: it is then learnt from the training answers.")
        }
        guard count.others > 0 else { return nil }
        return
          "metric \(name): \(count.others) of \(count.numbers) numbers are not written as the run's format has them "
          + "(\(teacher.rules[metric]?.target.format.words ?? "")), the first at \(count.first): they are learnt by cross "
          + "entropy alone. metrics.\(name).values sets another format"
      }
  }

  private static let mostLookedAt = 20_000
}
