import Foundation
import Reports
import TokenData

/// What the training answers of a run say about answers: their median, where each is one number, and their range.
struct TrainingAnswers {
  /// Who always says this has learnt nothing else; nil unless each answer is one number.
  var median: Double?
  /// Least and greatest number.
  var range: ClosedRange<Double>?

  /// Of numbers known to lie there, for tests of reports.
  init(median: Double? = nil, range: ClosedRange<Double>? = nil) { (self.median, self.range) = (median, range) }

  /// From a run's training file; nothing is known if it is no longer there.
  init(_ run: RunSettings) {
    guard let path = run.data.train, let file = try? JSONLFile(path), let parts = try? RunParts(run) else { return }
    let reader = parts.reader, answering = Answering(parts)
    var values = [Double](), areSingle = true
    for index in 0..<file.count {
      // Lines that could not be used are no part of it.
      guard let record = try? reader.record(file, index) else { continue }
      let numbers = answering.parser.numbers(in: record.promptAndReference.reference)
      areSingle = areSingle && numbers.count == 1
      values += numbers
    }
    median = areSingle && !values.isEmpty ? Measurements(values).median : nil
    range = values.min().flatMap { low in values.max().map { low...$0 } }
  }
}
