import Files
import MetricTokens
import TokenData

/// Learns how the numbers of training answers are written.
struct FormatLearner {
  /// Reads the records.
  let reader: RecordReader
  /// The training file.
  let path: String

  /// Share of the range of the training answers that is left beyond both of its ends.
  static let room = 0.05

  /// The format of a metric's numbers.
  ///
  /// - Throws: `InputError` if there is no number, or numbers have too many digits.
  func format(of rule: MetricRule, metric: String) throws -> LearntFormat {
    let file = try JSONLFile(path)
    var numbers = [ParsedNumber]()
    for index in 0..<file.count {
      // Lines that cannot be used are reported where the data set is made.
      guard let record = try? reader.record(file, index) else { continue }
      let answer = record.promptAndReference.reference
      numbers += rule.finder.grammar.numbers(in: answer, within: spans(rule.region, record, answer))
    }
    do {
      var learnt = try ValueFormat.learnt(from: numbers)
      learnt.format = learnt.format.widened(by: Self.room)
      return learnt
    } catch {
      throw InputError(
        path: path, place: "metric \(metric)", expected: "answers with numbers of at most 15 digits", found: "\(error)",
        remedy: "Say how they are written: values: { range: [0, 999], decimals: 0 }.")
    }
  }

  private func spans(_ region: MetricRegion, _ record: Record, _ answer: String) -> [Range<Int>]? {
    switch region {
    case .answer: nil
    case .delimiters(let delimiters): delimiters.spans(in: answer)
    case .spans(let name): record.spans[name] ?? []
    }
  }
}
