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
    var counts = [Int: (numbers: Int, others: Int, first: String)]()
    // Of larger files some, spread evenly.
    for index in stride(
      from: 0, to: examples.count, by: max(1, (examples.count + Self.mostLookedAt - 1) / Self.mostLookedAt))
    {
      let example = try examples.example(index)
      for (metric, found) in teacher.coverage(of: example) {
        var count = counts[metric] ?? (0, 0, "")
        if found.others > 0, count.first.isEmpty { count.first = example.source }
        count = (count.numbers + found.numbers, count.others + found.others, count.first)
        counts[metric] = count
      }
      _ = try teacher.taught(example, epoch: 0, index: index, draws: false)
    }
    return try counts.sorted { $0.key < $1.key }.compactMap { metric, count in
      let name = settings.metrics[metric].name
      guard count.others < count.numbers else {
        throw InputError(
          path: path, place: "metric \(name)", expected: "numbers as the run's format writes them",
          found: "none in \(count.numbers), the first at \(count.first)",
          remedy: "Correct metrics.\(name).values, or leave it out: it is then learnt from the training answers.")
      }
      guard count.others > 0 else { return nil }
      return
        "metric \(name): \(count.others) of \(count.numbers) numbers are not written as the run's format has them, the "
        + "first at \(count.first): they are learnt by cross entropy alone"
    }
  }

  private static let mostLookedAt = 20_000
}
